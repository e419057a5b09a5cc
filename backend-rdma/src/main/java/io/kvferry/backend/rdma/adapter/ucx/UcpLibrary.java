package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.posix.Posix;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** What is asked of libucp before anything of jucx is loaded. Thread-safe. */
@SuppressWarnings("restricted") // the module asks for --enable-native-access
final class UcpLibrary {
    private static final MethodHandle SETENV = Posix.LINKER.downcallHandle(
            Posix.LINKER.defaultLookup().findOrThrow("setenv"),
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));

    private UcpLibrary() {}

    /** Version of libucp as major, minor, patch. Throws IllegalArgumentException where there is none. */
    static int[] version() {
        try (Arena arena = Arena.ofConfined()) {
            // read once, when the library is loaded: UCX prints on standard output, and every failure is reported here
            setDefault(arena, "UCX_LOG_LEVEL", "fatal");
            SymbolLookup libucp = SymbolLookup.libraryLookup("libucp.so.0", arena);
            MethodHandle getVersion = Posix.LINKER.downcallHandle(
                    libucp.findOrThrow("ucp_get_version"),
                    FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
            MemorySegment version = arena.allocate(ValueLayout.JAVA_INT, 3);
            getVersion.invokeExact(version, version.asSlice(4), version.asSlice(8));
            return version.toArray(ValueLayout.JAVA_INT);
        } catch (Throwable e) {
            throw Posix.impossible(e);
        }
    }

    private static void setDefault(Arena arena, String name, String value) throws Throwable {
        int ignored = (int) SETENV.invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), 0);
    }
}

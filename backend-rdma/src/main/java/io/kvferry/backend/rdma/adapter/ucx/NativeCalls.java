package io.kvferry.backend.rdma.adapter.ucx;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The few C functions that jucx does not bind. Thread-safe. */
@SuppressWarnings("restricted") // the module asks for --enable-native-access
final class NativeCalls {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle POLL = LINKER.downcallHandle(
            LINKER.defaultLookup().findOrThrow("poll"),
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    private static final MethodHandle SETENV = LINKER.downcallHandle(
            LINKER.defaultLookup().findOrThrow("setenv"),
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));

    private NativeCalls() {}

    /** Version of libucp as major, minor, patch. Throws IllegalArgumentException where there is none. */
    static int[] ucpVersion() {
        try (Arena arena = Arena.ofConfined()) {
            // read once, when the library is loaded: UCX prints on standard output, and every failure is reported here
            setDefault(arena, "UCX_LOG_LEVEL", "fatal");
            SymbolLookup libucp = SymbolLookup.libraryLookup("libucp.so.0", arena);
            MethodHandle getVersion = LINKER.downcallHandle(
                    libucp.findOrThrow("ucp_get_version"),
                    FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
            MemorySegment version = arena.allocate(ValueLayout.JAVA_INT, 3);
            getVersion.invokeExact(version, version.asSlice(4), version.asSlice(8));
            return version.toArray(ValueLayout.JAVA_INT);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static void setDefault(Arena arena, String name, String value) throws Throwable {
        int ignored = (int) SETENV.invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), 0);
    }

    /** Waits for one of {@code count} descriptors, laid out as struct pollfd, no longer than so many milliseconds. */
    static void poll(MemorySegment descriptors, long count, int millis) {
        try {
            int ignored = (int) POLL.invokeExact(descriptors, count, millis);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}

package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;

import io.kvferry.backend.rdma.adapter.posix.Posix;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * A function that is called now and then: to set up and to tear down. Arguments are boxed, which such a call does not
 * feel; what is called for every completion has a method of its own in {@link IbVerbs}. Thread-safe.
 */
@SuppressWarnings("restricted") // native calls are what this package is for
final class NativeFunction {
    private final String name;
    private final MethodHandle handle;
    private final boolean setsErrno;

    private NativeFunction(String name, MethodHandle handle, boolean setsErrno) {
        this.name = name;
        this.handle = handle;
        this.setsErrno = setsErrno;
    }

    /** A function that returns an object, or null and sets errno. */
    static NativeFunction making(SymbolLookup library, String name, MemoryLayout... arguments) {
        return settingErrno(library, name, FunctionDescriptor.of(ADDRESS, arguments));
    }

    /** A function that returns 0, or another number and sets errno. */
    static NativeFunction settingErrno(SymbolLookup library, String name, FunctionDescriptor type) {
        return new NativeFunction(
                name, Posix.LINKER.downcallHandle(library.findOrThrow(name), type, Posix.ERRNO), true);
    }

    /** A function that sets no errno. */
    static NativeFunction plain(SymbolLookup library, String name, FunctionDescriptor type) {
        return new NativeFunction(name, Posix.LINKER.downcallHandle(library.findOrThrow(name), type), false);
    }

    /**
     * Calls a function that makes an object.
     *
     * @throws NativeFailure if it returned null
     */
    MemorySegment make(Object... arguments) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment captured = arena.allocate(Posix.CAPTURED);
            MemorySegment made = (MemorySegment) invoke(captured, arguments);
            if (made.address() == 0) {
                throw new NativeFailure(name, Posix.errno(captured));
            }
            return made;
        }
    }

    /**
     * Calls a function that answers 0, or an error: that number itself, or errno where the number is negative.
     *
     * @param purpose what for, in the message; empty where the name says it
     * @throws NativeFailure if the answer is not 0
     */
    void call(String purpose, Object... arguments) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment captured = arena.allocate(Posix.CAPTURED);
            int result = (int) invoke(captured, arguments);
            if (result != 0) {
                int errno = result > 0 ? result : setsErrno ? Posix.errno(captured) : -result;
                throw new NativeFailure(purpose.isEmpty() ? name : name + " " + purpose, errno);
            }
        }
    }

    /** Calls a function whose answer, if any, is no error. */
    Object ask(Object... arguments) {
        try (Arena arena = Arena.ofConfined()) {
            return invoke(arena.allocate(Posix.CAPTURED), arguments);
        }
    }

    private Object invoke(MemorySegment captured, Object... arguments) {
        try {
            if (!setsErrno) {
                return handle.invokeWithArguments(arguments);
            }
            Object[] all = new Object[arguments.length + 1];
            all[0] = captured;
            System.arraycopy(arguments, 0, all, 1, arguments.length);
            return handle.invokeWithArguments(all);
        } catch (Throwable t) {
            throw Posix.impossible(t);
        }
    }
}

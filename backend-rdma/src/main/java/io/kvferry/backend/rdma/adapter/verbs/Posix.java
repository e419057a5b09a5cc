package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/** The system calls that waiting for completions takes, and what a failed one says. Thread-safe. */
@SuppressWarnings("restricted") // native calls are what this package is for
final class Posix {
    static final int EINTR = 4;
    static final int EAGAIN = 11;
    static final int ENOMEM = 12;

    /** struct pollfd. */
    static final long POLLFD_BYTES = 8;

    static final Linker LINKER = Linker.nativeLinker();
    static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    static final StructLayout CAPTURED = Linker.Option.captureStateLayout();

    private static final VarHandle ERRNO_VALUE = CAPTURED.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final short POLLIN = 1;
    private static final int O_NONBLOCK = 2048;
    private static final int F_SETFL = 4;
    private static final int RLIMIT_MEMLOCK = 8;

    private static final MethodHandle POLL =
            handle("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle EVENTFD = handle("eventfd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle READ =
            handle("read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle WRITE =
            handle("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle CLOSE = handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle FCNTL = LINKER.downcallHandle(
            LINKER.defaultLookup().findOrThrow("fcntl"),
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT),
            ERRNO,
            Linker.Option.firstVariadicArg(2));
    private static final MethodHandle GETRLIMIT =
            handle("getrlimit", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
    private static final MethodHandle STRERROR = LINKER.downcallHandle(
            LINKER.defaultLookup().findOrThrow("strerror"), FunctionDescriptor.of(ADDRESS, JAVA_INT));

    private Posix() {}

    private static MethodHandle handle(String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type, ERRNO);
    }

    static int errno(MemorySegment captured) {
        return (int) ERRNO_VALUE.get(captured, 0L);
    }

    /** What the C library says about an error number. */
    static String describe(int errno) {
        try {
            return ((MemorySegment) STRERROR.invokeExact(errno))
                            .reinterpret(256)
                            .getString(0) + " (errno " + errno + ")";
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /** What a downcall throws is a bug of the binding, never an outcome. */
    static RuntimeException impossible(Throwable thrown) {
        return switch (thrown) {
            case RuntimeException e -> e;
            case Error e -> throw e;
            default -> new IllegalStateException(thrown);
        };
    }

    static int eventFd() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment captured = arena.allocate(CAPTURED);
            return check((int) EVENTFD.invokeExact(captured, 0, O_NONBLOCK), captured, "eventfd");
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /** Makes reads of a file descriptor return EAGAIN instead of waiting. */
    static void nonBlocking(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment captured = arena.allocate(CAPTURED);
            check((int) FCNTL.invokeExact(captured, fd, F_SETFL, O_NONBLOCK), captured, "fcntl");
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /** Adds one to an eventfd. It can fail only where the counter is full, and then it is readable already. */
    static void signal(int eventFd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment one = arena.allocateFrom(JAVA_LONG, 1L);
            var ignored = (long) WRITE.invokeExact(arena.allocate(CAPTURED), eventFd, one, 8L);
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /** Sets an eventfd back to zero. */
    static void drain(int eventFd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(JAVA_LONG);
            var ignored = (long) READ.invokeExact(arena.allocate(CAPTURED), eventFd, count, 8L);
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    static void close(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment captured = arena.allocate(CAPTURED);
            check((int) CLOSE.invokeExact(captured, fd), captured, "close");
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /** Asks for one descriptor to be waited for: entry {@code index} of an array of struct pollfd. */
    static void await(MemorySegment pollfds, int index, int fd) {
        pollfds.set(JAVA_INT, index * POLLFD_BYTES, fd);
        pollfds.set(JAVA_SHORT, index * POLLFD_BYTES + 4, POLLIN);
    }

    static boolean isReadable(MemorySegment pollfds, int index) {
        return pollfds.get(JAVA_SHORT, index * POLLFD_BYTES + 6) != 0;
    }

    /** Waits until one of the descriptors is readable. A signal ends the wait early. */
    static void poll(MemorySegment pollfds, int timeoutMillis, MemorySegment captured) {
        try {
            int ready = (int) POLL.invokeExact(captured, pollfds, pollfds.byteSize() / POLLFD_BYTES, timeoutMillis);
            if (ready < 0 && errno(captured) != EINTR) {
                throw new IllegalStateException("poll: " + describe(errno(captured)));
            }
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /** The most bytes that this process may lock without privilege; -1 for no limit. */
    static long lockableBytes() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment captured = arena.allocate(CAPTURED);
            MemorySegment limits = arena.allocate(JAVA_LONG, 2);
            check((int) GETRLIMIT.invokeExact(captured, RLIMIT_MEMLOCK, limits), captured, "getrlimit");
            return limits.get(JAVA_LONG, 0);
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    private static int check(int result, MemorySegment captured, String function) {
        if (result < 0) {
            throw new IllegalStateException(function + ": " + describe(errno(captured)));
        }
        return result;
    }
}

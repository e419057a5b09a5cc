package io.kvferry.backend.rdma.adapter.posix;

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

/**
 * The system calls that waiting takes, and what a failed one says.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
@SuppressWarnings("restricted") // native calls are what this package is for
public final class Posix {
    /** Error number: try again. */
    public static final int EAGAIN = 11;

    /** Error number: no memory, or no more that may be locked. */
    public static final int ENOMEM = 12;

    /** Makes handles of native functions. */
    public static final Linker LINKER = Linker.nativeLinker();

    /** Makes a handle save the error number of each call. */
    public static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");

    /** Where such a handle saves it. */
    public static final StructLayout CAPTURED = Linker.Option.captureStateLayout();

    /** struct pollfd. */
    static final long POLLFD_BYTES = 8;

    private static final int EINTR = 4;

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

    /**
     * Reads the error number of a call.
     *
     * @param captured where the handle saved it, of layout {@link #CAPTURED}
     * @return the number
     */
    public static int errno(MemorySegment captured) {
        return (int) ERRNO_VALUE.get(captured, 0L);
    }

    /**
     * Returns what the C library says about an error number.
     *
     * @param errno the number
     * @return one line
     */
    public static String describe(int errno) {
        try {
            return ((MemorySegment) STRERROR.invokeExact(errno))
                            .reinterpret(256)
                            .getString(0) + " (errno " + errno + ")";
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    /**
     * What a downcall throws is a bug of the binding, never an outcome.
     *
     * @param thrown what it threw
     * @return to be thrown
     */
    public static RuntimeException impossible(Throwable thrown) {
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

    /**
     * Tells whether this process can open one more descriptor.
     *
     * @return false at the limit
     */
    public static boolean canOpenMore() {
        try {
            close(eventFd());
            return true;
        } catch (IllegalStateException e) {
            return false;
        }
    }

    /**
     * Makes reads of a file descriptor return EAGAIN instead of waiting.
     *
     * @param fd the descriptor
     */
    public static void nonBlocking(int fd) {
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

    /** Waits until one of the first {@code count} descriptors is readable; false if none is. A signal ends the wait early. */
    static boolean poll(MemorySegment pollfds, int count, int timeoutMillis, MemorySegment captured) {
        try {
            int ready = (int) POLL.invokeExact(captured, pollfds, (long) count, timeoutMillis);
            if (ready < 0 && errno(captured) != EINTR) {
                throw new IllegalStateException("poll: " + describe(errno(captured)));
            }
            return ready != 0;
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

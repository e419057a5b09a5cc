package io.kvferry.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a call of a native function costs that is known by its address alone, as the verbs of a device are: posting is a
 * normal call, polling a critical one. The function compares eight bytes and returns.
 *
 * <p>Run with {@code -prof gc} for the bytes allocated per call, which are none.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("restricted") // native calls are what is measured
public class NativeCallCost {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final FunctionDescriptor TYPE = FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG);
    private static final MethodHandle NORMAL = LINKER.downcallHandle(TYPE);
    private static final MethodHandle CRITICAL = LINKER.downcallHandle(TYPE, Linker.Option.critical(false));

    private final Arena arena = Arena.ofConfined();
    private MemorySegment function;
    private MemorySegment bytes;

    /** JMH makes it, then calls {@link #open}. */
    @SuppressWarnings("NullAway.Init") // open fills the fields
    public NativeCallCost() {}

    /** Finds the function. */
    @Setup(Level.Trial)
    public void open() {
        function = LINKER.defaultLookup().findOrThrow("memcmp");
        bytes = arena.allocate(64, 64);
    }

    /** Frees the bytes. */
    @TearDown(Level.Trial)
    public void close() {
        arena.close();
    }

    /**
     * As {@code ibv_post_send} is called.
     *
     * @return what the function returns
     * @throws Throwable never
     */
    @Benchmark
    public int normal() throws Throwable {
        return (int) NORMAL.invokeExact(function, bytes, bytes, 8L);
    }

    /**
     * As {@code ibv_poll_cq} is called.
     *
     * @return what the function returns
     * @throws Throwable never
     */
    @Benchmark
    public int critical() throws Throwable {
        return (int) CRITICAL.invokeExact(function, bytes, bytes, 8L);
    }
}

package io.kvferry.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

class BenchmarksRunTest {
    private static final String EMULATOR = "target/nccl-emulator";

    @Test
    void everyBenchmarkOfTheEngineRunsWithoutFailure() throws RunnerException {
        assertEachRuns(EngineOverhead.class, run(EngineOverhead.class, "1"));
    }

    @Test
    void everyBenchmarkOfNcclRunsWithoutFailure() throws RunnerException, IOException, InterruptedException {
        Process compiler = new ProcessBuilder("bash", "../../backend-nccl/src/test/c/build.sh", EMULATOR)
                .inheritIO()
                .start();
        assertThat(compiler.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(compiler.exitValue()).isZero();

        assertEachRuns(NcclOverhead.class, run(NcclOverhead.class, "2"));
    }

    private static void assertEachRuns(Class<?> benchmarks, Collection<RunResult> results) {
        List<String> declared = Arrays.stream(benchmarks.getMethods())
                .filter(method -> method.isAnnotationPresent(Benchmark.class))
                .map(Method::getName)
                .toList();
        assertThat(results)
                .extracting(result -> result.getPrimaryResult().getLabel())
                .containsExactlyInAnyOrderElementsOf(declared);
    }

    @Test
    void aBenchmarkThatThrowsFailsTheRun() {
        assertThatThrownBy(() -> run(EngineOverhead.class, "-1")).isInstanceOf(RunnerException.class);
    }

    /** One tiny iteration in this process. */
    private static Collection<RunResult> run(Class<?> benchmarks, String blocks) throws RunnerException {
        return new Runner(new OptionsBuilder()
                        .include(benchmarks.getName())
                        .param("blocks", blocks)
                        .param("emulator", EMULATOR)
                        .forks(0)
                        .warmupIterations(0)
                        .measurementIterations(1)
                        .measurementTime(TimeValue.milliseconds(10))
                        .timeout(new TimeValue(5, TimeUnit.SECONDS))
                        .shouldFailOnError(true)
                        .verbosity(VerboseMode.SILENT)
                        .build())
                .run();
    }
}

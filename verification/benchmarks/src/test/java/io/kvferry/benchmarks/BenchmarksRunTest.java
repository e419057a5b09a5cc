package io.kvferry.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
    @Test
    void everyBenchmarkRunsWithoutFailure() throws RunnerException {
        List<String> declared = Arrays.stream(EngineOverhead.class.getMethods())
                .filter(method -> method.isAnnotationPresent(Benchmark.class))
                .map(Method::getName)
                .toList();

        Collection<RunResult> results = run("1");

        assertThat(results)
                .extracting(result -> result.getPrimaryResult().getLabel())
                .containsExactlyInAnyOrderElementsOf(declared);
    }

    @Test
    void aBenchmarkThatThrowsFailsTheRun() {
        assertThatThrownBy(() -> run("-1")).isInstanceOf(RunnerException.class);
    }

    /** One tiny iteration in this process. */
    private static Collection<RunResult> run(String blocks) throws RunnerException {
        return new Runner(new OptionsBuilder()
                        .include(EngineOverhead.class.getName())
                        .param("blocks", blocks)
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

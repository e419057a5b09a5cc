package io.kvferry.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class FailoverBenchTest {
    @Test
    void bothControllersAreKilledAndNothingIsLost() {
        StringWriter out = new StringWriter();
        CommandLine command = FailoverBench.commandLine();
        command.setOut(new PrintWriter(out));

        // shorter than the five seconds in which look-ups may fail: a machine under load passes, too
        int code = command.execute("--seconds", "1", "--nodes", "4", "--chains", "20", "--clients", "2");

        assertThat(out.toString().lines())
                .anySatisfy(line -> assertThat(line).matches("kill -9 of the first controller: [1-9].*"))
                .anySatisfy(line -> assertThat(line).matches("the first controller again: .* 0 of 20 chains missing.*"))
                .anySatisfy(line -> assertThat(line).matches("kill -9 of the second controller: [1-9].*"))
                .anySatisfy(line -> assertThat(line).matches("the second controller again: .* 0 of 20 chains missing.*"));
        assertThat(code).isZero();
    }
}

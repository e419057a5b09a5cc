package io.kvferry.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class ClusterBenchTest {
    @Test
    void everyRowThatIsSmallIsMeasured() {
        StringWriter out = new StringWriter();
        CommandLine command = ClusterBench.commandLine();
        command.setOut(new PrintWriter(out));

        int code = command.execute("--rows", "lookup,lookup_grpc,changes,memory", "--scale", "1", "--seconds", "1");

        assertThat(code).isZero();
        assertThat(out.toString().lines())
                .anySatisfy(line -> assertThat(line).matches("lookup +[1-9][0-9]* look-ups/s.*"))
                .anySatisfy(line -> assertThat(line).matches("lookup-grpc +[1-9][0-9]* look-ups/s.*"))
                .anySatisfy(line -> assertThat(line).matches("changes +[1-9][0-9]* changes/s.*"))
                .anySatisfy(line -> assertThat(line).matches("memory +100000 pairs.*"));
    }
}

package io.kvferry.backend.rdma.adapter.ucx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What could end the process is tried in another one. */
class UcxHazardsTest {
    @TempDir
    private Path folder;

    @BeforeEach
    void checkEnvironment() {
        Availability ucx = new UcxAdapterProvider().probe(BackendConfig.DEFAULTS);
        assumeTrue(ucx instanceof Availability.Available, () -> "SKIP[environment=" + ucx + "]");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    closeAtAnyMoment       | tcp       | real
                    garbageOnEveryPort     | tcp       | real
                    damagedBytes           | tcp       | real
                    closeAtAnyMoment       | posix,cma | real
                    closeTogether          | posix,cma | real
                    closeTogether          | posix,cma | hasty
                    closeWithBytesInFlight | posix,cma | real
                    closeWithBytesInFlight | posix     | hasty
                    damagedBytes           | posix,cma | real
                    """)
    void isSurvived(String hazard, String transports, String clock) throws IOException, InterruptedException {
        Path output = folder.resolve("output");
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:-CreateCoredumpOnCrash",
                        "-XX:ErrorFile=" + folder.resolve("crash"),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        UcxHazards.class.getName(),
                        hazard,
                        transports,
                        clock))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(process.waitFor(2, TimeUnit.MINUTES)).as("ends in time").isTrue();
            assertThat(process.exitValue())
                    .as(() -> hazard + " over " + transports + " by a " + clock + " clock: " + read(output))
                    .isZero();
        } finally {
            process.destroyForcibly();
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            return e.toString();
        }
    }
}

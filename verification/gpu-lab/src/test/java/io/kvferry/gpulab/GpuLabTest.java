package io.kvferry.gpulab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * The lab's own launcher, on this build's Java and classes: every check passes on the emulator, so that none of them is tried for
 * the first time on a borrowed machine.
 */
class GpuLabTest {
    private static final Path TARGET = Path.of("target").toAbsolutePath();

    private record Ended(int code, String log) {}

    /** Runs {@code lab check} with 4 MiB. */
    private static Ended check(Map<String, String> settings) throws IOException, InterruptedException {
        Map<String, String> environment = new HashMap<>(settings);
        environment.put(
                "LAB_JAVA",
                Path.of(System.getProperty("java.home"), "bin", "java").toString());
        environment.put("LAB_CLASSPATH", System.getProperty("java.class.path"));
        return run(environment, "./lab", "check", String.valueOf(4 << 20));
    }

    private static Ended run(Map<String, String> environment, String... command)
            throws IOException, InterruptedException {
        Path log = Files.createTempFile(TARGET, "lab", ".log");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        boolean ended = process.waitFor(120, TimeUnit.SECONDS);
        if (!ended) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        String said = Files.readString(log, StandardCharsets.UTF_8);
        assertThat(ended).as(said).isTrue();
        return new Ended(process.exitValue(), said);
    }

    @Test
    void machineThatIsNotFitIsToldWhyAndNothingElseIsTried() throws IOException, InterruptedException {
        Ended refused = check(Map.of("LAB_LIBCUDA", "/nowhere/libcuda.so.1"));

        assertThat(refused.code()).as(refused.log()).isEqualTo(1);
        assertThat(refused.log())
                .containsOnlyOnce("FAIL  probe")
                .contains("LIBRARY_MISSING", "kvferry.nccl.cuda-library", "install", "1 of 1 FAILED")
                .doesNotContain("PASS");
    }

    @Test
    void everyCheckPassesOnTheEmulator() throws IOException, InterruptedException {
        Path emulator = TARGET.resolve("nccl-emulator");
        Ended built = run(Map.of(), "bash", "../../backend-nccl/src/test/c/build.sh", emulator.toString());
        assertThat(built.code()).as(built.log()).isZero();

        Ended passed = check(Map.of(
                "LAB_LIBCUDA", emulator.resolve("libcuda.so.1").toString(),
                "LAB_LIBCUDART", emulator.resolve("libcudart.so.13").toString(),
                "LAB_LIBNCCL", emulator.resolve("libnccl.so.2").toString()));

        assertThat(passed.code()).as(passed.log()).isZero();
        assertThat(passed.log())
                .contains("NCCL 2.28.9", "ALL 7 PASSED")
                .contains("KVFerry, 16 blocks / NCCL called directly", "cudaMemcpyPeer", "DEADLINE_EXCEEDED after");
    }
}

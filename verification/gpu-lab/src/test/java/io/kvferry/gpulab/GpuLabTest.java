package io.kvferry.gpulab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Every check of the lab passes on the emulator, so that none of them is tried for the first time on a borrowed machine. */
class GpuLabTest {
    @Test
    void machineThatIsNotFitIsToldWhyAndNothingElseIsTried() {
        PrintStream standard = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            assertThat(GpuLab.check(4 << 20, List.of("kvferry.nccl.cuda-library=/nowhere/libcuda.so.1")))
                    .isFalse();
        } finally {
            System.setOut(standard);
        }
        String log = said.toString(StandardCharsets.UTF_8);
        assertThat(log)
                .containsOnlyOnce("FAIL  probe")
                .contains("LIBRARY_MISSING", "kvferry.nccl.cuda-library", "install")
                .doesNotContain("PASS");
    }

    @Test
    void everyCheckPassesOnTheEmulator() throws IOException, InterruptedException {
        Path emulator = Path.of("target", "nccl-emulator").toAbsolutePath();
        Path log = Files.createDirectories(emulator).resolve("build.log");
        Process compiler = new ProcessBuilder("bash", "../../backend-nccl/src/test/c/build.sh", emulator.toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        assertThat(compiler.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(compiler.exitValue()).as(Files.readString(log)).isZero();
        assertThat(GpuLab.check(
                        4 << 20,
                        List.of(
                                "kvferry.nccl.cuda-library=" + emulator.resolve("libcuda.so.1"),
                                "kvferry.nccl.cudart-library=" + emulator.resolve("libcudart.so.13"),
                                "kvferry.nccl.nccl-library=" + emulator.resolve("libnccl.so.2"),
                                "kvferry.nccl.cache-dir=" + emulator.resolve("cache"))))
                .isTrue();
    }
}

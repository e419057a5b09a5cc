package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** Every machine that cannot run NCCL is told why and what to do, twice in a row, while TCP runs beside it. */
class ProbeTest {
    private static final Predicate<String> EVERYTHING = path -> true;

    private static Map<String, String> with(String key, String value) {
        Map<String, String> config = new HashMap<>(Emulator.config());
        config.put(key, value);
        return config;
    }

    private static void assertSaid(List<String> probes, String reason, String... words) {
        assertThat(probes)
                .hasSize(2)
                .allSatisfy(said -> assertThat(said).contains(reason).contains(words));
    }

    @Test
    void librariesThatAreThereAreDescribed() {
        assertSaid(
                ProbedProcess.probe(Emulator.config(), Map.of(), EVERYTHING),
                "AVAILABLE",
                "NCCL 2.28.9",
                "1 CUDA device");
    }

    @Test
    void missingLibraryIsNamedWithItsKey() {
        for (String key : List.of("cuda-library", "cudart-library", "nccl-library")) {
            String full = "kvferry.nccl." + key;
            assertSaid(
                    ProbedProcess.probe(with(full, "/nowhere/lib.so"), Map.of(), EVERYTHING),
                    "BACKEND_UNAVAILABLE LIBRARY_MISSING",
                    full,
                    "install");
        }
    }

    @Test
    void bindingWithoutItsNativePartsIsBrokenAndSaysWhichJars() {
        assertSaid(
                ProbedProcess.probe(Emulator.config(), Map.of(), path -> !path.contains("linux-x86_64")),
                "BINDING_BROKEN",
                "org.bytedeco:cuda",
                "linux-x86_64");
    }

    @Test
    void machineWithoutDeviceSaysSo() {
        assertSaid(
                ProbedProcess.probe(Emulator.config(), Map.of("EMU_CUDA_DEVICES", "0"), EVERYTHING),
                "NO_DEVICE",
                "CUDA_VISIBLE_DEVICES");
    }

    @Test
    void deviceBeyondThoseThereIsTheConfigurationsFault() {
        assertSaid(
                ProbedProcess.probe(with("kvferry.nccl.device", "1"), Map.of(), EVERYTHING),
                "INVALID_REQUEST NO_DEVICE",
                "kvferry.nccl.device=1");
    }

    @Test
    void oldNcclIsRefusedWithTheVersionItTakes() {
        assertSaid(
                ProbedProcess.probe(Emulator.config(), Map.of("EMU_NCCL_VERSION", "21304"), EVERYTHING),
                "NCCL_TOO_OLD",
                "2.13.4",
                "2.14.0");
    }

    /** Where the machine has CUDA's own runtime: with a driver that is none, it answers that the driver is too old. */
    @Test
    void realRuntimeWithoutItsDriverIsADriverTooOld() {
        Path cudart = Path.of("/usr/local/cuda/lib64/libcudart.so.13");
        if (Files.exists(cudart)) {
            assertSaid(
                    ProbedProcess.probe(with("kvferry.nccl.cudart-library", cudart.toString()), Map.of(), EVERYTHING),
                    "DRIVER_TOO_OLD",
                    "update the NVIDIA driver");
        }
    }
}

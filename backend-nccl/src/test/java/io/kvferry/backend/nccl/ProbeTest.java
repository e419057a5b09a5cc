package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Every machine that cannot run NCCL is told why and what to do, twice in a row, while TCP runs beside it. The processes run
 * beside each other, because a JVM takes its time to come up.
 */
class ProbeTest {
    private static final Predicate<String> EVERYTHING = path -> true;
    private static final List<String> LIBRARIES = List.of("cuda-library", "cudart-library", "nccl-library");
    private static final Path REAL_CUDART = Path.of("/usr/local/cuda/lib64/libcudart.so.13");

    /** First each library missing, then a device beyond those there are, then all well. */
    private static CompletableFuture<List<List<String>>> fit;

    private static CompletableFuture<List<List<String>>> withoutNativeParts;
    private static CompletableFuture<List<List<String>>> withoutDevice;
    private static CompletableFuture<List<List<String>>> oldNccl;
    private static CompletableFuture<List<List<String>>> realRuntime;

    @BeforeAll
    static void start() {
        List<Map<String, String>> one = List.of(Emulator.config());
        fit = ProbedProcess.probe(
                List.of(
                        with("kvferry.nccl.cuda-library", "/nowhere/lib.so"),
                        with("kvferry.nccl.cudart-library", "/nowhere/lib.so"),
                        with("kvferry.nccl.nccl-library", "/nowhere/lib.so"),
                        with("kvferry.nccl.device", "1"),
                        Emulator.config()),
                Map.of(),
                EVERYTHING);
        withoutNativeParts = ProbedProcess.probe(one, Map.of(), path -> !path.contains("linux-x86_64"));
        withoutDevice = ProbedProcess.probe(one, Map.of("EMU_CUDA_DEVICES", "0"), EVERYTHING);
        oldNccl = ProbedProcess.probe(one, Map.of("EMU_NCCL_VERSION", "21304"), EVERYTHING);
        realRuntime = Files.exists(REAL_CUDART)
                ? ProbedProcess.probe(
                        List.of(with("kvferry.nccl.cudart-library", REAL_CUDART.toString())), Map.of(), EVERYTHING)
                : CompletableFuture.completedFuture(List.of());
    }

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
    void missingLibraryIsNamedWithItsKeyAndNothingIsBrokenByLookingForIt() {
        for (int i = 0; i < LIBRARIES.size(); i++) {
            assertSaid(
                    fit.join().get(i),
                    "BACKEND_UNAVAILABLE LIBRARY_MISSING",
                    "kvferry.nccl." + LIBRARIES.get(i),
                    "install");
        }
        assertSaid(fit.join().getLast(), "AVAILABLE", "NCCL 2.28.9", "1 CUDA device");
    }

    @Test
    void deviceBeyondThoseThereIsTheConfigurationsFault() {
        assertSaid(fit.join().get(LIBRARIES.size()), "INVALID_REQUEST NO_DEVICE", "kvferry.nccl.device=1");
    }

    @Test
    void bindingWithoutItsNativePartsIsBrokenAndSaysWhichJars() {
        assertSaid(withoutNativeParts.join().getFirst(), "BINDING_BROKEN", "org.bytedeco:cuda", "linux-x86_64");
    }

    @Test
    void machineWithoutDeviceSaysSo() {
        assertSaid(withoutDevice.join().getFirst(), "NO_DEVICE", "CUDA_VISIBLE_DEVICES");
    }

    @Test
    void oldNcclIsRefusedWithTheVersionItTakes() {
        assertSaid(oldNccl.join().getFirst(), "NCCL_TOO_OLD", "2.13.4", "2.14.0");
    }

    /** Where the machine has CUDA's own runtime: with a driver that is none, it answers that the driver is too old. */
    @Test
    void realRuntimeWithoutItsDriverIsADriverTooOld() {
        Assumptions.assumeTrue(Files.exists(REAL_CUDART), "SKIP[environment=no " + REAL_CUDART + "]");
        assertSaid(realRuntime.join().getFirst(), "DRIVER_TOO_OLD", "update the NVIDIA driver");
    }
}

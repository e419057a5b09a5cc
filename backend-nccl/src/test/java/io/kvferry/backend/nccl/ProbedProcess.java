package io.kvferry.backend.nccl;

import io.kvferry.conformance.Await;
import io.kvferry.engine.BackendStatus;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Availability;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A JVM of its own that opens an engine over TCP and says, twice for each configuration, what it finds of NCCL: classes of the
 * binding that could not be loaded stay broken, so that a machine on which that happens needs a process of its own.
 */
final class ProbedProcess {
    private static final String ANSWER = "@probe ";
    /** Stands between configurations. */
    private static final String NEXT = "--";

    private ProbedProcess() {}

    public static void main(String[] settings) {
        KvFerryConfig.Builder config = KvFerryConfig.builder().set("kvferry.backend", "tcp");
        for (String setting : settings) {
            if (setting.equals(NEXT)) {
                probeTwice(config.build());
                config = KvFerryConfig.builder().set("kvferry.backend", "tcp");
            } else {
                int equals = setting.indexOf('=');
                config.set(setting.substring(0, equals), setting.substring(equals + 1));
            }
        }
    }

    private static void probeTwice(KvFerryConfig config) {
        for (int i = 0; i < 2; i++) {
            try (TransferEngine engine = TransferEngine.open(config)) {
                for (BackendStatus backend : engine.backends()) {
                    System.out.println(ANSWER + backend.name() + " " + describe(backend.availability()));
                }
            }
        }
    }

    private static String describe(Availability availability) {
        return switch (availability) {
            case Availability.Available yes -> "AVAILABLE " + yes.description();
            case Availability.Unavailable no -> no.code() + " " + no.reason() + " FIX " + no.fix();
        };
    }

    /** Starts it; the answers are, for each configuration, what two probes one behind the other said of NCCL. */
    static CompletableFuture<List<List<String>>> probe(
            List<Map<String, String>> configs, Map<String, String> environment, Predicate<String> onClassPath) {
        return Await.start(() -> run(configs, environment, onClassPath));
    }

    private static List<List<String>> run(
            List<Map<String, String>> configs, Map<String, String> environment, Predicate<String> onClassPath) {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(List.of("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "--illegal-native-access=deny"));
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(":"))
                .filter(onClassPath)
                .collect(Collectors.joining(":"));
        command.addAll(List.of("-cp", classPath, ProbedProcess.class.getName()));
        for (Map<String, String> config : configs) {
            config.forEach((key, value) -> command.add(key + "=" + value));
            command.add(NEXT);
        }
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            builder.environment().putAll(environment);
            Process process = builder.start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new AssertionError("the probing process failed:\n" + said);
            }
            if (said.lines()
                            .filter(line -> line.startsWith(ANSWER + "tcp AVAILABLE"))
                            .count()
                    != 2L * configs.size()) {
                throw new AssertionError("tcp did not open beside it:\n" + said);
            }
            List<String> probes = said.lines()
                    .filter(line -> line.startsWith(ANSWER + "nccl "))
                    .map(line -> line.substring((ANSWER + "nccl ").length()))
                    .toList();
            return IntStream.range(0, configs.size())
                    .mapToObj(i -> probes.subList(2 * i, 2 * i + 2))
                    .toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }
}

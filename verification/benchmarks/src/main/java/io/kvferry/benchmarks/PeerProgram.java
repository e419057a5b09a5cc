package io.kvferry.benchmarks;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The C program beside us, {@code src/main/c/peer.c}.
 *
 * @param folder a folder of ours
 * @param command the compiled program and its arguments
 */
record PeerProgram(Path folder, List<String> command) implements Measurement {
    private static final Duration COMPILE = Duration.ofSeconds(60);
    private static final Duration LIMIT = Duration.ofSeconds(60);

    PeerProgram {
        command = List.copyOf(command);
    }

    /** Compiles it for this machine. */
    static void compile(Path source, Path folder, Path program) throws IOException {
        List<String> gcc =
                new ArrayList<>(List.of("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program.toString()));
        gcc.add(source.toString());
        Program.run(folder, gcc, COMPILE);
    }

    @Override
    public Sample run() throws IOException {
        Map<String, JsonElement> printed = JsonParser.parseString(Program.run(folder, command, LIMIT))
                .getAsJsonObject()
                .asMap();
        return new Sample(printed.entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> entry.getValue().getAsDouble())));
    }
}

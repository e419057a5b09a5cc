package io.kvferry.benchmarks;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A process of ours with a bound on its time; closing it ends it, and what it started, by their ids.
 *
 * <p>Threads: confined to the thread that uses it.
 */
final class Program implements AutoCloseable {
    private static final int MAX_COMPLAINT = 2000;
    private static final Duration LOOK = Duration.ofMillis(100);
    private static final Duration STOP = Duration.ofSeconds(5);

    private final String name;
    private final Process process;
    private final Path output;
    private final Path errors;

    private Program(String name, Process process, Path output, Path errors) {
        this.name = name;
        this.process = process;
        this.output = output;
        this.errors = errors;
    }

    /** Starts it in a folder of ours, so that it picks up no configuration by chance. */
    static Program start(Path folder, List<String> command) throws IOException {
        Path output = Files.createTempFile(folder, "out", ".txt");
        Path errors = Files.createTempFile(folder, "err", ".txt");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile());
        builder.environment().keySet().removeIf(key -> key.startsWith("KVFERRY_"));
        builder.environment().put("LC_ALL", "C");
        return new Program(command.getFirst(), builder.start(), output, errors);
    }

    /** Runs it to its end and returns what it printed. */
    static String run(Path folder, List<String> command, Duration limit) throws IOException {
        try (Program program = start(folder, command)) {
            return program.result(limit);
        }
    }

    /** Waits for a good end and returns what it printed. */
    String result(Duration limit) throws IOException {
        if (!endsWithin(limit)) {
            throw new IOException(name + " did not end in " + limit.toSeconds() + " s and was stopped" + complaint());
        }
        if (process.exitValue() != 0) {
            throw new IOException(name + " ended with exit code " + process.exitValue() + complaint());
        }
        return output();
    }

    /** Sends it an empty line and waits for the line it answers with. */
    String ask(Duration limit) throws IOException {
        long answered = output().lines().count();
        OutputStream in = process.getOutputStream();
        in.write('\n');
        in.flush();
        return line(answered, limit);
    }

    /** Waits for the first line that it prints. */
    String firstLine(Duration limit) throws IOException {
        return line(0, limit);
    }

    private String line(long answered, Duration limit) throws IOException {
        for (long looks = limit.dividedBy(LOOK); looks > 0 && !endsWithin(LOOK); looks--) {
            String printed = output();
            if (printed.endsWith("\n") && printed.lines().count() > answered) {
                return printed.lines().skip(answered).findFirst().orElseThrow();
            }
        }
        throw new IOException(name + " did not answer in " + limit.toSeconds() + " s" + complaint());
    }

    /** Waits; true once it has ended. */
    boolean endsWithin(Duration time) throws IOException {
        try {
            return process.waitFor(time.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** Ends it without a chance to clean up, as kill -9 does. */
    void kill() throws IOException {
        process.destroyForcibly();
        if (!endsWithin(STOP)) {
            throw new IOException(name + " does not die");
        }
    }

    /** Ids of it and of all it started. */
    List<Long> ids() {
        return Stream.concat(Stream.of(process.toHandle()), process.descendants())
                .map(ProcessHandle::pid)
                .toList();
    }

    String output() throws IOException {
        return Files.readString(output);
    }

    String complaint() throws IOException {
        String text = (Files.readString(errors) + output()).strip();
        return ": " + text.substring(Math.max(0, text.length() - MAX_COMPLAINT));
    }

    @Override
    public void close() throws IOException {
        List<ProcessHandle> started = process.descendants().toList();
        process.destroy();
        if (!endsWithin(STOP)) {
            process.destroyForcibly();
        }
        started.forEach(ProcessHandle::destroy);
        Files.deleteIfExists(output);
        Files.deleteIfExists(errors);
    }
}

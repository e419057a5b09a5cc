package io.kvferry.conformance;

import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferId;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * An engine in a process of its own, told what to do through its standard input, a line a command; it can be killed and
 * stopped as a process can. Confined to the thread that uses it; the process ends with {@link #close} or with this one.
 */
final class ForkedNode implements AutoCloseable {
    private static final String END = "the process has ended";
    private static final Duration ANSWER = Duration.ofSeconds(30);
    private static final Duration EXIT = Duration.ofSeconds(20);

    private final Process process;
    private final BufferedWriter commands;
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>(1024);
    private final PeerAddress address;

    private ForkedNode(Process process) {
        this.process = process;
        this.commands = process.outputWriter(StandardCharsets.UTF_8);
        Thread.ofVirtual().name("forked-node-answers").start(this::readAnswers);
        this.address = PeerAddress.parse(answer("READY"));
    }

    /** Starts a process with this one's class path and waits until its engine listens. */
    static ForkedNode start(Map<String, String> config) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.startsWith("--"))
                .forEach(command::add);
        command.addAll(List.of("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), ForkedEngine.class.getName()));
        config.forEach((key, value) -> command.add(key + "=" + value));
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try {
                return new ForkedNode(process);
            } catch (RuntimeException | Error e) {
                process.destroyForcibly();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void readAnswers() {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                // what a logger writes to standard output is not an answer
                if (line.startsWith(ForkedEngine.ANSWER)
                        && !answers.offer(line.substring(ForkedEngine.ANSWER.length()))) {
                    return;
                }
            }
        } catch (IOException e) {
            answers.offer(END);
            return;
        }
        answers.offer(END);
    }

    PeerAddress address() {
        return address;
    }

    /** Allocates blocks there, filled from a seed, and offers them. */
    void offer(TransferId id, Operation operation, long blockBytes, int count, long seed) {
        tell("offer " + id + " " + operation + " " + blockBytes + " " + count + " " + seed);
        answer("OFFERED");
    }

    /** Waits there until the lease has ended; returns its state. */
    String awaitEnd(TransferId id) {
        tell("await " + id);
        return answer("ENDED");
    }

    /** The checksum of the blocks that were offered. */
    String checksum(TransferId id) {
        tell("checksum " + id);
        return answer("CHECKSUM");
    }

    /** Closes the engine there in good order, and waits until the process has ended; returns its exit code. */
    int goodbye() {
        tell("close");
        answer("CLOSED");
        return exitCode();
    }

    /** SIGKILL. */
    void kill() {
        process.destroyForcibly();
        exitCode();
    }

    /** SIGSTOP. */
    void stop() {
        signal("-STOP");
    }

    /** SIGCONT. */
    void resume() {
        signal("-CONT");
    }

    private void signal(String name) {
        try {
            Process kill = new ProcessBuilder("kill", name, String.valueOf(process.pid())).start();
            if (kill.waitFor() != 0) {
                throw new AssertionError("kill " + name + " failed");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Every TCP port that the process listens on, whoever opened it. */
    Set<Integer> listeningPorts() {
        Set<String> sockets = new HashSet<>();
        Path proc = Path.of("/proc", String.valueOf(process.pid()));
        try (Stream<Path> descriptors = Files.list(proc.resolve("fd"))) {
            for (Path descriptor : descriptors.toList()) {
                String target = Files.readSymbolicLink(descriptor).toString();
                if (target.startsWith("socket:[")) {
                    sockets.add(target.substring(8, target.length() - 1));
                }
            }
            Set<Integer> ports = new HashSet<>();
            for (String table : List.of("tcp", "tcp6")) {
                for (String line : Files.readAllLines(proc.resolve("net").resolve(table))) {
                    List<String> columns =
                            Pattern.compile("\\s+").splitAsStream(line.strip()).toList();
                    if (columns.size() > 9 && columns.get(3).equals("0A") && sockets.contains(columns.get(9))) {
                        String local = columns.get(1);
                        ports.add(Integer.parseInt(local.substring(local.lastIndexOf(':') + 1), 16));
                    }
                }
            }
            return ports;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void tell(String command) {
        try {
            commands.write(command);
            commands.newLine();
            commands.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("the forked node does not take '" + command + "'", e);
        }
    }

    private String answer(String expected) {
        try {
            String line = answers.poll(Await.scaled(ANSWER).toMillis(), TimeUnit.MILLISECONDS);
            if (line == null || !line.startsWith(expected + " ")) {
                throw new AssertionError("expected " + expected + " from the forked node, got " + line);
            }
            return line.substring(expected.length() + 1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for " + expected, e);
        }
    }

    private int exitCode() {
        try {
            if (!process.waitFor(Await.scaled(EXIT))) {
                throw new AssertionError("the forked node did not end");
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for the forked node", e);
        }
    }

    /** Ends the process, whatever state it is in. */
    @Override
    public void close() {
        process.destroyForcibly();
    }
}

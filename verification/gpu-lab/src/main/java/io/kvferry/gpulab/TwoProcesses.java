package io.kvferry.gpulab;

import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** An engine here and one in a process of its own, on the same GPU. Confined to its thread. */
final class TwoProcesses {
    static final int BLOCKS = 16;
    private static final String HOST_ID = "NCCL_HOSTID";
    private static final Duration SOON = Duration.ofSeconds(5);
    private static final Duration SHORT = Duration.ofMillis(1500);

    private final List<String> settings;

    TwoProcesses(List<String> settings) {
        this.settings = settings;
    }

    /** The other process; it ends with this object. */
    private static final class Peer implements AutoCloseable {
        private final Process process;
        private final BufferedReader answers;
        private final PeerAddress address;

        Peer(List<String> settings, String hostId) {
            List<String> command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--enable-native-access=ALL-UNNAMED",
                    "-Dslf4j.internal.verbosity=ERROR",
                    "-cp",
                    System.getProperty("java.class.path"),
                    GpuLab.class.getName(),
                    "peer"));
            command.addAll(settings);
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
            builder.environment().put(HOST_ID, hostId);
            try {
                process = builder.start();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            answers = process.inputReader(StandardCharsets.UTF_8);
            address = PeerAddress.parse(answer());
        }

        private String answer() {
            try {
                for (String line = answers.readLine(); line != null; line = answers.readLine()) {
                    if (line.startsWith(LabPeer.ANSWER)) {
                        return line.substring(LabPeer.ANSWER.length());
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            throw new IllegalStateException("the other process has ended");
        }

        void offer(String operation, TransferId id, long bytes) {
            try {
                process.outputWriter().write(operation + " " + id + " " + bytes + "\n");
                process.outputWriter().flush();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            answer();
        }

        void kill() {
            process.destroyForcibly();
        }

        /** Stops it as a debugger would, or lets it go on. */
        void signal(String name) {
            try {
                Process kill = new ProcessBuilder("bash", "-c", "kill -" + name + " " + process.pid()).start();
                if (!kill.waitFor(10, TimeUnit.SECONDS) || kill.exitValue() != 0) {
                    throw new IllegalStateException("kill -" + name + " failed");
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            }
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    private static Deadline in(Duration time) {
        return Deadline.after(time);
    }

    private static BlockList blocks(Memory memory, long bytes) {
        return BlockList.uniform(memory.region(), 0, 0, bytes / BLOCKS, BLOCKS);
    }

    /** Writes and reads back, three times; every byte must be the same. */
    String moves(long bytes) {
        StringBuilder seen = new StringBuilder();
        try (TransferEngine engine = TransferEngine.open(GpuLab.config(settings));
                Peer peer = new Peer(settings, "lab-other");
                Memory memory = engine.allocate(0, bytes)) {
            for (int round = 0; round < 3; round++) {
                byte[] sent = new byte[Math.toIntExact(bytes)];
                new Random(round).nextBytes(sent);
                memory.write(0, MemorySegment.ofArray(sent));
                double written = move(engine, peer, memory, "write", bytes);
                memory.write(0, MemorySegment.ofArray(new byte[sent.length]));
                double read = move(engine, peer, memory, "read", bytes);
                byte[] back = new byte[sent.length];
                memory.read(0, MemorySegment.ofArray(back));
                if (MemorySegment.ofArray(back).mismatch(MemorySegment.ofArray(sent)) >= 0) {
                    throw new IllegalStateException("what was read is not what was written");
                }
                seen.append(String.format(Locale.ROOT, "write %.2f GB/s, read %.2f GB/s%n", written, read));
            }
        }
        return seen.toString().strip();
    }

    private static double move(TransferEngine engine, Peer peer, Memory memory, String operation, long bytes) {
        TransferId id = TransferId.random();
        peer.offer(operation, id, bytes);
        try (Transfer transfer = prepare(engine, peer, memory, operation, id, bytes, SOON)) {
            long begun = Ticker.system().nanos();
            transfer.submit();
            transfer.await(in(Duration.ofSeconds(30))).orThrow();
            return (double) bytes / Math.max(1, Ticker.system().nanos() - begun);
        }
    }

    private static Transfer prepare(
            TransferEngine engine,
            Peer peer,
            Memory memory,
            String operation,
            TransferId id,
            long bytes,
            Duration patience) {
        BlockList blocks = blocks(memory, bytes);
        TransferRequest request = operation.equals("write")
                ? TransferRequest.write(id, peer.address, blocks)
                : TransferRequest.read(id, peer.address, blocks);
        return engine.prepare(request.deadline(in(patience)), in(patience));
    }

    /** A peer that does not answer is an error by the deadline; once it goes on, so do transfers. */
    String stopped(long bytes) {
        try (TransferEngine engine = TransferEngine.open(GpuLab.config(settings));
                Peer peer = new Peer(settings, "lab-other");
                Memory memory = engine.allocate(0, bytes)) {
            move(engine, peer, memory, "write", bytes);
            TransferId id = TransferId.random();
            peer.offer("write", id, bytes);
            peer.signal("STOP");
            long begun = Ticker.system().nanos();
            String seen;
            try (Transfer transfer = prepare(engine, peer, memory, "write", id, bytes, SHORT)) {
                throw new IllegalStateException("prepared with a stopped peer: " + transfer);
            } catch (TransferException e) {
                seen = e.code() + " after " + (Ticker.system().nanos() - begun) / 1_000_000 + " ms";
            } finally {
                peer.signal("CONT");
            }
            return seen + String.format(Locale.ROOT, "; then %.2f GB/s", move(engine, peer, memory, "write", bytes));
        }
    }

    /** The other process is killed with half of a transfer done: the rest fails in time, and the memory comes back. */
    String death(long bytes) {
        try (TransferEngine engine = TransferEngine.open(GpuLab.config(settings));
                Peer peer = new Peer(settings, "lab-other");
                Memory memory = engine.allocate(0, bytes)) {
            TransferId id = TransferId.random();
            peer.offer("write", id, bytes);
            try (Transfer transfer = prepare(engine, peer, memory, "write", id, bytes, SOON)) {
                transfer.submit(new BlockRange(0, BLOCKS / 2));
                peer.kill();
                submitRest(transfer);
                TransferResult result = transfer.await(in(Duration.ofSeconds(10)));
                if (result instanceof TransferResult.Completed) {
                    throw new IllegalStateException("completed with a dead peer");
                }
                transfer.finish();
                if (!transfer.awaitQuiescent(in(Duration.ofSeconds(10)))) {
                    throw new IllegalStateException("the memory did not come back: " + result);
                }
                return result.toString();
            }
        }
    }

    private static void submitRest(Transfer transfer) {
        try {
            transfer.submit(new BlockRange(BLOCKS / 2, BLOCKS / 2));
        } catch (TransferException e) {
            System.out.println("      the second half was refused: " + e.code());
        }
    }

    /** NCCL before 2.30 refuses two ranks on one GPU of one machine; what is needed is an answer in time. */
    String sameHost() {
        try (TransferEngine engine = TransferEngine.open(GpuLab.config(settings));
                Peer peer = new Peer(settings, System.getenv().getOrDefault(HOST_ID, ""));
                Memory memory = engine.allocate(0, 1 << 16)) {
            return "not refused; " + move(engine, peer, memory, "write", 1 << 16) + " GB/s";
        } catch (TransferException e) {
            return "refused: " + e.getMessage();
        }
    }
}

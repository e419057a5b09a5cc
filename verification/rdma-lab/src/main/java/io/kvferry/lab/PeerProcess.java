package io.kvferry.lab;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.backend.rdma.adapter.ucx.UcxAdapterProvider;
import io.kvferry.backend.rdma.adapter.verbs.VerbsAdapterProvider;
import io.kvferry.lab.Slices.Slice;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.lang.ProcessBuilder.Redirect;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BooleanSupplier;

/**
 * Moves 4 MiB between two processes over one library, without engine or backend: an initiator, which starts a target and
 * talks to it by lines on its standard streams. For libraries that abort where they should answer: whoever starts the
 * initiator reads what happened from its exit code.
 *
 * <pre>{@code java -cp rdma-lab.jar io.kvferry.lab.PeerProcess initiator ucx}</pre>
 */
public final class PeerProcess {
    private static final int BYTES = 4 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long NAP_NANOS = 5_000_000;
    private static final String MARK = "@peer ";

    private final RdmaAdapter adapter;
    private final RdmaMemory memory;
    private final BlockingQueue<String> heard = new LinkedBlockingQueue<>(64);
    private final PrintWriter say;

    private PeerProcess(RdmaAdapter adapter, RdmaMemory memory, BufferedReader in, PrintWriter say) {
        this.adapter = adapter;
        this.memory = memory;
        this.say = say;
        Thread.ofPlatform()
                .daemon()
                .start(() -> in.lines()
                        .filter(line -> line.startsWith(MARK))
                        .forEach(line -> heard.add(line.substring(MARK.length()))));
    }

    /**
     * Runs one side.
     *
     * @param arguments initiator or target, the library: verbs or ucx, and settings of it: key=value
     * @throws IOException if the target cannot be started
     */
    public static void main(String... arguments) throws IOException {
        RdmaAdapterProvider provider =
                arguments[1].equals("ucx") ? new UcxAdapterProvider() : new VerbsAdapterProvider();
        List<String> settings = List.of(arguments).subList(2, arguments.length);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofShared()) {
            RdmaAdapter adapter =
                    provider.open(Settings.of(provider, settings), environment(), Deadline.after(PATIENCE));
            RdmaMemory memory =
                    adapter.register(MemoryRegion.host(arena.allocate(BYTES, 4096)), Deadline.after(PATIENCE));
            if (arguments[0].equals("target")) {
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
                new PeerProcess(adapter, memory, in, new PrintWriter(out, true, StandardCharsets.UTF_8)).serve();
            } else {
                Process target = start("target", List.of(arguments).subList(1, arguments.length), Redirect.PIPE);
                try {
                    new PeerProcess(
                                    adapter,
                                    memory,
                                    target.inputReader(StandardCharsets.UTF_8),
                                    new PrintWriter(target.outputWriter(StandardCharsets.UTF_8), true))
                            .move(out);
                } finally {
                    target.destroyForcibly();
                }
            }
            memory.deregister(Deadline.after(PATIENCE));
            adapter.close();
        }
    }

    private static BackendEnvironment environment() {
        Scheduler none = (when, task) -> {
            throw new IllegalStateException("nothing is scheduled here");
        };
        return new BackendEnvironment(new PeerIdentity("lab", 1), Ticker.system(), none, Settings.HOST, Settings.HOST);
    }

    /** Starts a process of this class with this class path. */
    static Process start(String role, List<String> arguments, Redirect output) throws IOException {
        return new ProcessBuilder(command(role, arguments))
                .redirectOutput(output)
                .redirectError(Redirect.INHERIT)
                .start();
    }

    /** How such a process is started. */
    static List<String> command(String role, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), PeerProcess.class.getName(), role));
        command.addAll(arguments);
        return command;
    }

    private void serve() {
        tell(adapter.address());
        Half half = new Half();
        half.of(adapter.accept(hear(), half));
        tell(half.connection().hello());
        tell(memory.grant(0, BYTES, Operation.WRITE).key());
        tell(memory.grant(0, BYTES, Operation.READ).key());
        say.println(MARK + Long.toHexString(memory.region().address()));
        hear(); // the initiator has written
        say.println(MARK + (isFilled(31) ? "01" : "00"));
        fill(57);
        say.println(MARK + "01");
        hear(); // the initiator has read
        close(half);
    }

    private void move(PrintStream out) {
        byte[] address = hear();
        Half half = new Half();
        half.of(adapter.connect(address, half));
        tell(half.connection().hello());
        half.connection().establish(hear());
        drive("the connection", half, () -> half.connected);
        RdmaRemoteKey writable = half.connection().importKey(hear());
        RdmaRemoteKey readable = half.connection().importKey(hear());
        long base = Long.parseUnsignedLong(await(), 16);
        fill(31);
        move(half, Operation.WRITE, writable, base);
        say.println(MARK + "01");
        boolean arrived = await().equals("01");
        await();
        move(half, Operation.READ, readable, base);
        boolean fetched = isFilled(57);
        say.println(MARK + "01");
        close(half);
        out.println("4 MiB written: " + arrived + ", read: " + fetched + "; "
                + adapter.info().description());
        if (!arrived || !fetched) {
            throw new IllegalStateException("wrong bytes");
        }
    }

    private void move(Half half, Operation operation, RdmaRemoteKey key, long base) {
        Slices batch = new Slices(operation, memory, key, base, List.of(new Slice(0, 0, BYTES)));
        half.connection().post(batch);
        drive(operation + " of 4 MiB", half, () -> half.applied.contains(batch));
    }

    private void close(Half half) {
        half.connection().close();
        drive("the close", half, () -> half.closed);
    }

    private void drive(String what, Half half, BooleanSupplier condition) {
        Deadline deadline = Deadline.after(PATIENCE);
        while (!condition.getAsBoolean()) {
            if (!adapter.progress()) {
                adapter.await(NAP_NANOS);
            }
            if (deadline.isExpired() || (half.failure != null && !half.closed && !what.equals("the close"))) {
                throw new IllegalStateException(what + ": " + half.failure + " " + half.detail);
            }
        }
    }

    private void tell(byte[] bytes) {
        say.println(MARK + HexFormat.of().formatHex(bytes));
    }

    private byte[] hear() {
        return HexFormat.of().parseHex(await());
    }

    /** The next line of the other side; the library works in the meantime, since some serve from their process. */
    private String await() {
        Deadline deadline = Deadline.after(PATIENCE);
        String line = heard.poll();
        while (line == null) {
            if (deadline.isExpired()) {
                throw new IllegalStateException("the other process says nothing");
            }
            if (!adapter.progress()) {
                adapter.await(NAP_NANOS);
            }
            line = heard.poll();
        }
        return line;
    }

    private void fill(int factor) {
        MemorySegment bytes = memory.region().segment();
        for (int i = 0; i < BYTES; i++) {
            bytes.set(ValueLayout.JAVA_BYTE, i, (byte) (i * factor));
        }
    }

    private boolean isFilled(int factor) {
        MemorySegment bytes = memory.region().segment();
        for (int i = 0; i < BYTES; i++) {
            if (bytes.get(ValueLayout.JAVA_BYTE, i) != (byte) (i * factor)) {
                return false;
            }
        }
        return true;
    }
}

package io.kvferry.conformance;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32C;

/** The main class of a {@link ForkedNode}: an engine that does what it reads. Ends with its standard input. */
final class ForkedEngine {
    /** Begins every answer. */
    static final String ANSWER = "@kvferry ";

    private static final Duration LONG = Duration.ofSeconds(60);

    private final TransferEngine engine;
    private final PrintStream out;
    private final Map<TransferId, Lease> leases = new HashMap<>();
    private final Map<TransferId, Memory> memories = new HashMap<>();

    private ForkedEngine(TransferEngine engine, PrintStream out) {
        this.engine = engine;
        this.out = out;
    }

    public static void main(String[] settings) throws IOException {
        KvFerryConfig.Builder config = KvFerryConfig.builder();
        for (String setting : settings) {
            int equals = setting.indexOf('=');
            config.set(setting.substring(0, equals), setting.substring(equals + 1));
        }
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try (TransferEngine engine = TransferEngine.open(config.build());
                BufferedReader commands =
                        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            ForkedEngine node = new ForkedEngine(engine, out);
            node.say("READY", engine.address());
            String command = commands.readLine();
            while (command != null && node.obey(command.split(" "))) {
                command = commands.readLine();
            }
        }
        out.println(ANSWER + "CLOSED ok");
    }

    /** Returns false for the last command. */
    private boolean obey(String[] command) {
        switch (command[0]) {
            case "offer" ->
                offer(
                        TransferId.parse(command[1]),
                        Operation.valueOf(command[2]),
                        Long.parseLong(command[3]),
                        Integer.parseInt(command[4]),
                        Long.parseLong(command[5]));
            case "await" ->
                say(
                        "ENDED",
                        offered(leases, command[1]).await(Deadline.after(LONG)).state());
            case "checksum" -> say("CHECKSUM", checksum(offered(memories, command[1])));
            default -> {
                return false;
            }
        }
        return true;
    }

    private void offer(TransferId id, Operation operation, long blockBytes, int count, long seed) {
        Memory memory = Node.allocate(engine, blockBytes * count);
        Layout.fill(memory, seed);
        memories.put(id, memory);
        BlockList blocks = BlockList.uniform(memory.region(), 0, 0, blockBytes, count);
        leases.put(id, engine.offer(Node.request(id, operation, blocks), Deadline.after(LONG)));
        say("OFFERED", id);
    }

    private static <T> T offered(Map<TransferId, T> things, String id) {
        return Objects.requireNonNull(things.get(TransferId.parse(id)), id);
    }

    static String checksum(Memory memory) {
        CRC32C crc = new CRC32C();
        crc.update(Layout.copyOf(memory).asByteBuffer());
        return Long.toHexString(crc.getValue());
    }

    private void say(String answer, Object value) {
        out.println(ANSWER + answer + " " + value);
    }
}

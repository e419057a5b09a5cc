package io.kvferry.gpulab;

import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** The other process: offers memory as it is told, a line a command, until its input ends. Confined to its thread. */
final class LabPeer {
    /** Begins every answer, among what libraries print. */
    static final String ANSWER = "@lab ";

    private final TransferEngine engine;
    private final Map<Long, Memory> memories = new HashMap<>();

    LabPeer(TransferEngine engine) {
        this.engine = engine;
    }

    void serve() {
        System.out.println(ANSWER + engine.address());
        try (BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = commands.readLine(); line != null; line = commands.readLine()) {
                String[] words = line.split(" ", -1);
                offer(words[0].equals("write"), TransferId.parse(words[1]), Long.parseLong(words[2]));
                System.out.println(ANSWER + "offered");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            memories.values().forEach(Memory::close);
        }
    }

    private void offer(boolean writable, TransferId id, long bytes) {
        Memory memory = memories.computeIfAbsent(bytes, size -> engine.allocate(0, size));
        BlockList blocks = BlockList.uniform(memory.region(), 0, 0, bytes / TwoProcesses.BLOCKS, TwoProcesses.BLOCKS);
        engine.offer(
                writable ? LeaseRequest.writable(id, blocks) : LeaseRequest.readable(id, blocks),
                Deadline.after(Duration.ofSeconds(60)));
    }
}

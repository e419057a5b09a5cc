package io.kvferry.gpulab;

import io.kvferry.backend.nccl.adapter.CudaAdapter;
import io.kvferry.backend.nccl.adapter.JavaCppLibrary;
import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferId;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * How fast one GPU's memory is moved within it: by a plain copy, by NCCL, and by an engine that is its own peer; in turns, on the
 * same memory. Confined to its thread.
 */
final class SelfTransfer implements AutoCloseable {
    private static final int ROUNDS = 7;
    private static final double TARGET = 0.9;
    private static final long SMALL_BLOCK = 64 << 10;
    private static final int LARGE_BLOCKS = 16;
    private static final int CHUNK = 16 << 20;
    private static final Duration LONG = Duration.ofSeconds(30);

    private static final String COPY = "copy";
    private static final String PEER_COPY = "cudaMemcpyPeer";
    private static final String NCCL = "NCCL";
    private static final String LARGE = "KVFerry, 16 blocks";
    private static final String SMALL = "KVFerry, blocks of 64 KiB";

    private final long bytes;
    private final CudaAdapter cuda = new JavaCppLibrary().cuda();
    private final long from;
    private final long to;
    private final NcclToSelf nccl;
    private final TransferEngine engine;
    private final Memory source;
    private final Memory destination;

    /** @param bytes how many are moved at a time, a multiple of 1 MiB */
    SelfTransfer(long bytes, List<String> settings) {
        this.bytes = bytes;
        cuda.use(0);
        this.from = cuda.allocate(bytes);
        this.to = cuda.allocate(bytes);
        this.nccl = new NcclToSelf();
        this.engine = TransferEngine.open(GpuLab.config(settings));
        this.source = engine.register(MemoryRegion.cuda(0, from, bytes));
        this.destination = engine.register(MemoryRegion.cuda(0, to, bytes));
    }

    /** Takes turns; the engine must move every byte, and the ratios say what it costs. */
    String run() {
        requireMoved(LARGE_BLOCKS);
        requireMoved(Math.toIntExact(bytes / SMALL_BLOCK));
        Map<String, double[]> rates = new LinkedHashMap<>();
        for (int round = 0; round < ROUNDS; round++) {
            note(rates, round, COPY, nccl::copy);
            note(rates, round, PEER_COPY, nccl::peerCopy);
            note(rates, round, NCCL, nccl::sendToSelf);
            note(rates, round, LARGE, (f, t, b) -> move(LARGE_BLOCKS));
            note(rates, round, SMALL, (f, t, b) -> move(Math.toIntExact(bytes / SMALL_BLOCK)));
        }
        return report(rates);
    }

    /** Moves bytes from one address to another; how long it took, in nanoseconds. */
    private interface Mover {
        long nanos(long from, long to, long bytes);
    }

    private void note(Map<String, double[]> rates, int round, String what, Mover mover) {
        long nanos = mover.nanos(from, to, bytes);
        rates.computeIfAbsent(what, name -> new double[ROUNDS])[round] = (double) bytes / Math.max(1, nanos);
    }

    private static String report(Map<String, double[]> rates) {
        StringBuilder seen = new StringBuilder();
        rates.forEach((what, each) -> {
            double[] sorted = each.clone();
            Arrays.sort(sorted);
            seen.append(String.format(
                    Locale.ROOT,
                    "%-26s median %8.2f GB/s [%.2f..%.2f]%n",
                    what,
                    sorted[ROUNDS / 2],
                    sorted[0],
                    sorted[ROUNDS - 1]));
        });
        for (String ours : List.of(LARGE, SMALL)) {
            double ratio = median(rates, ours) / median(rates, NCCL);
            seen.append(String.format(
                    Locale.ROOT,
                    "%s / NCCL called directly: %.2f%s%n",
                    ours,
                    ratio,
                    ours.equals(SMALL) ? "" : ratio >= TARGET ? ", target >= 0.9: met" : ", target >= 0.9: NOT MET"));
        }
        return seen.toString().strip();
    }

    private static double median(Map<String, double[]> rates, String what) {
        double[] sorted = rates.getOrDefault(what, new double[ROUNDS]).clone();
        Arrays.sort(sorted);
        return sorted[ROUNDS / 2];
    }

    /** From submit to COMPLETED. */
    private long move(int blocks) {
        TransferId id = TransferId.random();
        BlockList there = BlockList.uniform(destination.region(), 0, 0, bytes / blocks, blocks);
        BlockList here = BlockList.uniform(source.region(), 0, 0, bytes / blocks, blocks);
        Deadline deadline = Deadline.after(LONG);
        try (Lease lease = engine.offer(LeaseRequest.writable(id, there), deadline);
                Transfer transfer = engine.prepare(TransferRequest.write(id, engine.address(), here), deadline)) {
            long begun = Ticker.system().nanos();
            transfer.submit();
            transfer.await(deadline).orThrow();
            long nanos = Ticker.system().nanos() - begun;
            transfer.finish();
            lease.await(deadline).orThrow();
            return nanos;
        }
    }

    private void requireMoved(int blocks) {
        byte[] chunk = new byte[Math.toIntExact(Math.min(CHUNK, bytes))];
        byte[] arrived = new byte[chunk.length];
        Random random = new Random(blocks);
        random.nextBytes(chunk);
        for (long at = 0; at < bytes; at += chunk.length) {
            chunk[0] = (byte) (at / chunk.length);
            source.write(at, MemorySegment.ofArray(chunk));
            destination.write(at, MemorySegment.ofArray(arrived));
        }
        move(blocks);
        for (long at = 0; at < bytes; at += chunk.length) {
            chunk[0] = (byte) (at / chunk.length);
            destination.read(at, MemorySegment.ofArray(arrived));
            if (!Arrays.equals(chunk, arrived)) {
                throw new IllegalStateException("what arrived at " + at + " is not what was sent");
            }
        }
    }

    @Override
    public void close() {
        engine.close();
        nccl.close();
        cuda.free(from);
        cuda.free(to);
    }
}

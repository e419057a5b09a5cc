package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaGrant;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.Operation;
import java.util.ArrayList;
import java.util.List;

/**
 * The grants that open a lease, and where its blocks are in them: one window per region, or per run of neighbouring blocks
 * where a grant opens no more than it is made for. Immutable.
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Windows(List<RdmaGrant> grants, List<RdmaDescriptor.Window> windows, long[] addresses, int[] windowOf) {

    /** Makes the grants; when one is refused, those made before are revoked. */
    static Windows open(BlockList blocks, List<RdmaMemory> memories, Operation operation, Isolation isolation) {
        List<RdmaGrant> grants = new ArrayList<>();
        List<RdmaDescriptor.Window> windows = new ArrayList<>();
        long[] addresses = new long[blocks.size()];
        int[] windowOf = new int[blocks.size()];
        try {
            if (isolation == Isolation.LEASE) {
                byRun(blocks, memories, operation, grants, windows, addresses, windowOf);
            } else {
                byRegion(blocks, memories, operation, grants, windows, addresses, windowOf);
            }
            return new Windows(grants, windows, addresses, windowOf);
        } catch (RuntimeException e) {
            grants.forEach(RdmaGrant::revoke);
            throw e;
        }
    }

    private static void byRegion(
            BlockList blocks,
            List<RdmaMemory> memories,
            Operation operation,
            List<RdmaGrant> grants,
            List<RdmaDescriptor.Window> windows,
            long[] addresses,
            int[] windowOf) {
        for (RdmaMemory memory : memories) {
            add(memory, 0, memory.region().sizeBytes(), operation, grants, windows);
        }
        for (int i = 0; i < addresses.length; i++) {
            windowOf[i] = blocks.regionIndex(i);
            addresses[i] = blocks.region(i).address() + blocks.offset(i);
        }
    }

    private static void byRun(
            BlockList blocks,
            List<RdmaMemory> memories,
            Operation operation,
            List<RdmaGrant> grants,
            List<RdmaDescriptor.Window> windows,
            long[] addresses,
            int[] windowOf) {
        int first = 0;
        while (first < blocks.size()) {
            int region = blocks.regionIndex(first);
            long from = blocks.offset(first);
            long to = from + blocks.length(first);
            int next = first + 1;
            while (next < blocks.size() && blocks.regionIndex(next) == region && blocks.offset(next) == to) {
                to += blocks.length(next++);
            }
            add(memories.get(region), from, to - from, operation, grants, windows);
            for (int i = first; i < next; i++) {
                windowOf[i] = windows.size() - 1;
                addresses[i] = blocks.region(i).address() + blocks.offset(i);
            }
            first = next;
        }
    }

    private static void add(
            RdmaMemory memory,
            long offset,
            long length,
            Operation operation,
            List<RdmaGrant> grants,
            List<RdmaDescriptor.Window> windows) {
        RdmaGrant grant = memory.grant(offset, length, operation);
        grants.add(grant);
        windows.add(new RdmaDescriptor.Window(grant.key(), memory.region().address() + offset, length));
    }
}

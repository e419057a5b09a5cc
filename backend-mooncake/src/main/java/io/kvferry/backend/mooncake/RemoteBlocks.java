package io.kvferry.backend.mooncake;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.TransferErrorCode;

/** Where the blocks of a transfer are in the target's address space. Immutable. */
sealed interface RemoteBlocks {
    /** The unsigned address of a block. */
    long address(int block);

    /** How far blocks from {@code first} on lie one behind the other: the position behind the last such block. */
    int endOfRun(int first, int end);

    /** What it means when the target rejects such an address. */
    TransferErrorCode rejection();

    /** All blocks one behind the other, as a lease of KVFerry. */
    @SuppressWarnings("ArrayRecordComponent") // is not compared
    record Lease(long base, long[] offsets) implements RemoteBlocks {
        static Lease of(long base, BlockList blocks) {
            return new Lease(base, offsets(blocks));
        }

        /** Where each block begins when they lie one behind the other. */
        static long[] offsets(BlockList blocks) {
            long[] offsets = new long[blocks.size()];
            for (int i = 1; i < offsets.length; i++) {
                offsets[i] = offsets[i - 1] + blocks.length(i - 1);
            }
            return offsets;
        }

        @Override
        public long address(int block) {
            return base + offsets[block];
        }

        @Override
        public int endOfRun(int first, int end) {
            return end;
        }

        @Override
        public TransferErrorCode rejection() {
            return TransferErrorCode.LEASE_ENDED;
        }
    }

    /**
     * Wherever the caller says, as with a foreign peer.
     *
     * @param buffers the buffer that each block is in: a target takes no request that reaches into a second one
     */
    @SuppressWarnings("ArrayRecordComponent") // is not compared
    record Scattered(long[] addresses, BlockList blocks, SegmentBuffer[] buffers) implements RemoteBlocks {
        @Override
        public long address(int block) {
            return addresses[block];
        }

        @Override
        public int endOfRun(int first, int end) {
            int at = first + 1;
            while (at < end
                    && buffers[at].equals(buffers[first])
                    && addresses[at] == addresses[at - 1] + blocks.length(at - 1)) {
                at++;
            }
            return at;
        }

        @Override
        public TransferErrorCode rejection() {
            return TransferErrorCode.ACCESS_DENIED;
        }
    }
}

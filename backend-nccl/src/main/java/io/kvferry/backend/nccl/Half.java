package io.kvferry.backend.nccl;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;

/**
 * This side's half of one part: some blocks to be sent, or to be received into. Confined to the device thread.
 *
 * @param sends true for the side where the bytes are
 */
record Half(BlockList blocks, BlockRange range, boolean sends, Outcome outcome) {
    /** Who hears how it went; one of the two is called, once, when the GPU does not touch the blocks any more. */
    interface Outcome {
        /** The bytes have left, or have arrived. */
        void done();

        /** The connection ended first. */
        void dropped();
    }
}

package io.kvferry.spi;

import org.jspecify.annotations.Nullable;

/**
 * A snapshot of one transfer.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param state where it is
 * @param bytesDone bytes that this side knows to be applied or, at a target that cannot know, 0
 * @param bytesTotal bytes of all blocks of the transfer: at an initiator those that the target leased
 * @param blocksDone blocks that this side knows to be applied
 * @param blocksTotal number of blocks
 * @param error why it ended, or null while it runs or when it completed
 * @since 0.1.0
 */
public record TransferStatus(
        TransferState state,
        long bytesDone,
        long bytesTotal,
        int blocksDone,
        int blocksTotal,
        @Nullable TransferError error) {}

package io.kvferry.backend.mooncake;

import io.kvferry.netty.BlockCursor;
import io.kvferry.netty.HostMemory;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferId;
import java.util.List;

/**
 * One transfer on this side of the wire. Immutable but for its tally, which is thread-safe.
 *
 * @param lanes the connections it uses at the initiator; none at the target
 */
record WireTransfer(
        TransferId id,
        int attempt,
        Operation operation,
        PeerIdentity peer,
        BlockList blocks,
        List<HostMemory> memories,
        List<ClientLane> lanes,
        BlockTally tally) {

    BlockCursor newCursor() {
        return new BlockCursor(blocks, memories);
    }

    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }

    @Override
    public String toString() {
        return operation + " " + id + "/" + attempt + " of " + blocks.totalBytes() + " bytes with " + peer;
    }
}

package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.LookupAnswer;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferException;

/** Tells how much of a prompt is held: here first, and only for what is not here does it ask a controller. */
final class PrefixLookup {
    private PrefixLookup() {}

    /**
     * Looks up, and counts it.
     *
     * @throws TransferException where the controller is needed and cannot be asked
     */
    static KvLookup run(NodeContext node, int[] tokens, Deadline deadline) {
        long start = node.nanos();
        ChunkKeys keys = node.chain().keys(tokens);
        int here = node.store().prefix(keys);
        int all = here;
        boolean indexComplete = true;
        if (here < keys.size()) {
            LookupAnswer answer = node.directory().lookup(keys.slice(here, keys.size()), deadline);
            all += answer.prefixChunks();
            indexComplete = answer.indexComplete();
        }
        int chunk = node.chunkTokens();
        KvLookup result = new KvLookup(tokens.length, here * chunk, all * chunk, indexComplete);
        node.counters().lookedUp(result, node.nanos() - start);
        return result;
    }
}

package io.kvferry.node;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.List;

/**
 * Which heads of which source rank go where at which target rank, when prefill and decode split a model differently.
 *
 * <p>Each rank keeps an equal run of the model's heads, in order. One number of ranks must divide the other, and both the
 * number of heads: then each target rank takes whole ranks of the source (N to 1), or a part of one (1 to N).
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param kvHeads heads of the whole model that have keys and values of their own
 * @param sourceRanks ranks that hold the cache
 * @param targetRanks ranks that want it
 * @since 0.1.0
 */
public record TensorParallelMap(int kvHeads, int sourceRanks, int targetRanks) {
    /**
     * Checks that the ranks fit each other.
     *
     * @throws TransferException INCOMPATIBLE_PEER if they do not
     */
    public TensorParallelMap {
        if (kvHeads < 1 || sourceRanks < 1 || targetRanks < 1) {
            throw incompatible(
                    "heads and ranks count from 1, got " + kvHeads + ", " + sourceRanks + " and " + targetRanks);
        }
        int more = Math.max(sourceRanks, targetRanks);
        int fewer = Math.min(sourceRanks, targetRanks);
        if (more % fewer != 0) {
            throw incompatible(sourceRanks + " and " + targetRanks + " ranks: one must divide the other");
        }
        if (kvHeads % more != 0) {
            throw incompatible(kvHeads + " heads cannot be split evenly among " + more + " ranks");
        }
    }

    /**
     * Heads that go from one rank to another.
     *
     * @param sourceRank the rank that holds them
     * @param sourceHead the first of them, counted at the source rank
     * @param targetHead the first of them, counted at the target rank
     * @param heads how many
     */
    public record Part(int sourceRank, int sourceHead, int targetHead, int heads) {}

    /**
     * Bytes that lie in one piece at both sides, in one layer of a chunk.
     *
     * @param sourceOffset where they begin in the source's layer
     * @param targetOffset where they begin in the target's layer
     * @param bytes how many
     */
    public record Run(long sourceOffset, long targetOffset, long bytes) {}

    /**
     * Returns what a target rank takes from whom.
     *
     * @param targetRank the rank, from 0
     * @return one part for each source rank that holds heads of it, in the order of heads
     * @throws IndexOutOfBoundsException if there is no such rank
     */
    public List<Part> parts(int targetRank) {
        if (targetRank < 0 || targetRank >= targetRanks) {
            throw new IndexOutOfBoundsException("rank " + targetRank + " of " + targetRanks);
        }
        int perSource = kvHeads / sourceRanks;
        int perTarget = kvHeads / targetRanks;
        int first = targetRank * perTarget;
        int step = Math.min(perSource, perTarget);
        List<Part> parts = new ArrayList<>();
        for (int head = first; head < first + perTarget; head += step) {
            parts.add(new Part(head / perSource, head % perSource, head - first, step));
        }
        return parts;
    }

    /**
     * Returns the bytes of a part, for every layer of every chunk the same. With {@link PageOrder#HEADS_FIRST} there are two
     * runs, keys and values; with {@link PageOrder#TOKENS_FIRST} there are two for each token, unless all heads of both ranks
     * move.
     *
     * @param part which heads
     * @param source layout at each source rank
     * @param target layout at each target rank
     * @param tokens tokens in a chunk
     * @return the runs, ascending
     * @throws TransferException INCOMPATIBLE_PEER if the layouts differ in more than the number of heads, or their heads are
     *     not those of the ranks
     */
    public List<Run> runs(Part part, KvLayout source, KvLayout target, int tokens) {
        check(source, target);
        long head = (long) source.headDim() * source.dataType().bytes();
        List<Run> runs = new ArrayList<>();
        if (source.kvHeads() == target.kvHeads()) {
            runs.add(new Run(0, 0, source.layerBytes(tokens)));
            return runs;
        }
        boolean byHead = source.pageOrder() == PageOrder.HEADS_FIRST;
        int rows = byHead ? 1 : tokens;
        long headBytes = byHead ? head * tokens : head;
        for (int plane = 0; plane < 2; plane++) {
            for (long row = 0; row < rows; row++) {
                long sourceRow = plane * source.layerBytes(tokens) / 2 + row * source.kvHeads() * headBytes;
                long targetRow = plane * target.layerBytes(tokens) / 2 + row * target.kvHeads() * headBytes;
                runs.add(new Run(
                        sourceRow + part.sourceHead() * headBytes,
                        targetRow + part.targetHead() * headBytes,
                        part.heads() * headBytes));
            }
        }
        return runs;
    }

    private void check(KvLayout source, KvLayout target) {
        KvLayout expected = new KvLayout(
                source.layers(), target.kvHeads(), source.headDim(), source.dataType(), source.pageOrder());
        if (!expected.equals(target)) {
            throw incompatible("the source has " + source + ", the target " + target);
        }
        if (source.kvHeads() * sourceRanks != kvHeads || target.kvHeads() * targetRanks != kvHeads) {
            throw incompatible(source.kvHeads() + " heads at " + sourceRanks + " ranks and " + target.kvHeads() + " at "
                    + targetRanks + " are not " + kvHeads + " both times");
        }
    }

    private static TransferException incompatible(String detail) {
        return new TransferException(TransferErrorCode.INCOMPATIBLE_PEER, Stage.PREPARE, detail);
    }
}

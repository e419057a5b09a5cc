package io.kvferry.engine;

import io.kvferry.spi.BlockKeys;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How an initiator's request meets a lease (R15, R18): the access, the node, and the blocks by key, in the initiator's order, each length equal.
 *
 * @param blocks the leased memory in the initiator's order
 * @param inLease where each of them is in the lease
 * @param unmatched positions of the request that the lease does not name
 */
record LeaseMatch(BlockList blocks, Positions inLease, List<Integer> unmatched) {
    private static final int MAX_NAMED = 8;

    /**
     * Matches a PREPARE with a lease.
     *
     * @throws TransferException ACCESS_DENIED for another access or another node than the lease names; BUFFER_MISMATCH
     *     naming the keys
     */
    static LeaseMatch of(LeaseRequest lease, PeerRequest.Prepare prepare) {
        if (prepare.operation() != lease.access()) {
            throw denied("the lease allows " + lease.access() + ", not " + prepare.operation());
        }
        String only = lease.onlyFor();
        if (only != null && !only.equals(prepare.self().nodeId())) {
            throw denied("the lease is for another node");
        }
        return of(lease.blocks(), prepare.blocks(), lease.standing());
    }

    /** @param subset whether some of the leased blocks are enough */
    static LeaseMatch of(BlockList leased, BlockKeys asked, boolean subset) {
        if (leased.blockKeys().equals(asked)) {
            return new LeaseMatch(leased, Positions.SAME, List.of());
        }
        int[] positions = new int[asked.size()];
        boolean[] used = new boolean[leased.size()];
        int count = 0;
        List<Integer> unmatched = new ArrayList<>();
        List<String> different = new ArrayList<>();
        for (int i = 0; i < asked.size(); i++) {
            int position = leased.position(asked.key(i));
            if (position < 0) {
                unmatched.add(i);
            } else if (leased.length(position) != asked.length(i)) {
                different.add(
                        asked.key(i) + " (" + asked.length(i) + " bytes, leased " + leased.length(position) + ")");
            } else if (used[position]) {
                different.add(asked.key(i) + " (named twice)");
            } else {
                used[position] = true;
                positions[count++] = position;
            }
        }
        check(leased, used, count, subset, different);
        int[] kept = Arrays.copyOf(positions, count);
        return new LeaseMatch(leased.select(kept), Positions.of(kept), List.copyOf(unmatched));
    }

    private static void check(BlockList leased, boolean[] used, int count, boolean subset, List<String> different) {
        if (!different.isEmpty()) {
            throw mismatch("blocks differ: " + named(different));
        }
        if (subset && count > 0) {
            return;
        }
        List<String> missing = new ArrayList<>();
        for (int i = 0; i < used.length; i++) {
            if (!used[i]) {
                missing.add(Long.toString(leased.key(i)));
            }
        }
        if (!missing.isEmpty()) {
            throw mismatch("the initiator lacks leased blocks: " + named(missing));
        }
    }

    private static String named(List<String> all) {
        String first = String.join(", ", all.subList(0, Math.min(MAX_NAMED, all.size())));
        return all.size() <= MAX_NAMED ? first : first + " and " + (all.size() - MAX_NAMED) + " more";
    }

    private static TransferException denied(String detail) {
        return new TransferException(TransferErrorCode.ACCESS_DENIED, Stage.PREPARE, detail);
    }

    private static TransferException mismatch(String detail) {
        return new TransferException(TransferErrorCode.BUFFER_MISMATCH, Stage.PREPARE, detail);
    }
}

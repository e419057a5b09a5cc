package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.control.cluster.NodeView;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Why a worker of LMCache finds less than the index has: its protocol asks for a peer of the same rank, of another instance, with
 * a URL, that makes keys in the same way. Thread-safe.
 *
 * @param controller whose nodes there are
 * @param workers those that came over LMCache's sockets
 */
record Remarks(Controller controller, Workers workers) {
    private static final int MAX_NAMES = 8;

    List<String> about(Lookup lookup) {
        List<String> remarks = new ArrayList<>();
        otherSchemes(lookup, remarks);
        ChunkKeys keys = lookup.keys();
        if (keys.keyBytes() == HeldChunks.KEY_BYTES) {
            Worker asker = workers.ofNode(lookup.exclude());
            TreeSet<String> withoutUrl = new TreeSet<>();
            TreeSet<String> otherRank = new TreeSet<>();
            for (Worker worker : workers.all()) {
                if (worker == asker
                        || !worker.scheme().equals(lookup.scheme())
                        || worker.holdings().locationOf(HeldChunks.key(keys, 0)) == null) {
                    continue;
                }
                if (worker.peerInitUrl() == null) {
                    withoutUrl.add(worker.id().nodeId());
                } else if (asker != null && asker.id().worker() != worker.id().worker()) {
                    otherRank.add(worker.id().nodeId());
                }
            }
            if (!withoutUrl.isEmpty()) {
                remarks.add(
                        "chunk 0 is held by LMCache workers that registered without peer_init_url, so that no peer can"
                                + " fetch from them: " + names(withoutUrl)
                                + "; set enable_p2p and p2p_init_ports there, or upgrade them");
            }
            if (asker != null && !otherRank.isEmpty()) {
                remarks.add("chunk 0 is held by LMCache workers of another rank than " + asker.id()
                        + ", whose chunks are no use to it: " + names(otherRank));
            }
        }
        return remarks;
    }

    private void otherSchemes(Lookup lookup, List<String> remarks) {
        Map<String, TreeSet<String>> others = new TreeMap<>();
        for (NodeView node : controller.nodes()) {
            String scheme = node.registration().scheme().name();
            if (!scheme.equals(lookup.scheme())
                    && workers.ofNode(node.registration().identity().nodeId()) != null) {
                others.computeIfAbsent(scheme, _ -> new TreeSet<>())
                        .add(node.registration().identity().nodeId());
            }
        }
        others.forEach((scheme, names) -> remarks.add("LMCache workers of the key scheme '" + scheme
                + "' are not found with '" + lookup.scheme() + "': " + names(names)
                + "; give all the same pre_caching_hash_algorithm, PYTHONHASHSEED and chunk_size"));
    }

    private static String names(TreeSet<String> names) {
        return String.join(", ", names.stream().limit(MAX_NAMES).toList()) + (names.size() > MAX_NAMES ? ", …" : "");
    }
}

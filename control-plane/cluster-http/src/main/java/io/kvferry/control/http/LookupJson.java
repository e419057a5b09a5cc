package io.kvferry.control.http;

import io.kvferry.control.cluster.Holder;
import io.kvferry.control.cluster.LookupAnswer;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Who holds the beginning of a chain. */
record LookupJson(int prefixChunks, boolean indexComplete, List<HolderJson> holders) {
    static LookupJson of(LookupAnswer answer) {
        return new LookupJson(
                answer.prefixChunks(),
                answer.indexComplete(),
                answer.holders().stream().map(HolderJson::of).toList());
    }

    /** One who holds some of it. */
    record HolderJson(
            String node,
            String bootId,
            String instance,
            Map<String, String> addresses,
            int chunks,
            String tier,
            int loadPercent) {
        static HolderJson of(Holder holder) {
            var node = holder.node();
            return new HolderJson(
                    node.identity().nodeId(),
                    Long.toHexString(node.identity().bootId()),
                    node.instance(),
                    new TreeMap<>(node.addresses()),
                    holder.chunks(),
                    holder.tier().name(),
                    holder.loadPercent());
        }
    }
}

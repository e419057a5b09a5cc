package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.NodeView;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The nodes of the cluster as LMCache's tools show workers; KVFerry's own nodes are among them, with rank -1. Thread-safe. */
final class WorkerInfos {
    private static final long NO_RANK = -1;
    private static final double MILLIS_PER_SECOND = 1e3;

    private final Controller controller;
    private final Workers workers;
    private final InstantSource clock = InstantSource.system();

    WorkerInfos(Controller controller, Workers workers) {
        this.controller = controller;
        this.workers = workers;
    }

    /** The instance that has a node at an address; null without one. */
    @Nullable
    String instanceAt(String ip) {
        for (NodeView node : controller.nodes()) {
            for (String name : List.of(Workers.WORKER_PORT, NodeRegistration.PEER_CONTROL)) {
                PeerAddress address = address(node, name);
                if (address != null && address.host().equals(ip)) {
                    return node.registration().instance();
                }
            }
        }
        return null;
    }

    /** All nodes with what they hold, or those that are asked for; of an instance and a rank there is one. */
    List<Map<String, @Nullable Object>> counted(@Nullable String instance, @Nullable Long rank) {
        List<Map<String, @Nullable Object>> infos = new ArrayList<>();
        for (NodeView node : controller.nodes()) {
            Map<String, @Nullable Object> info = info(node);
            if ((instance == null || instance.equals(info.get("instance_id")))
                    && (rank == null || rank.equals(info.get("worker_id")))) {
                info.put("key_count", node.chunks());
                info.put("hash_scheme", node.registration().scheme().name());
                info.put("chunk_size", (long) node.registration().scheme().chunkTokens());
                info.put("software", node.registration().software());
                info.put("state", node.state().name());
                infos.add(info);
            }
        }
        return infos;
    }

    /** Workers of an instance; NOT_FOUND if one that is asked for is not there. */
    List<Map<String, @Nullable Object>> ofInstance(String instance, long @Nullable [] ranks) {
        List<Map<String, @Nullable Object>> infos = new ArrayList<>();
        for (NodeView node : controller.nodes()) {
            if (node.registration().instance().equals(instance)) {
                infos.add(info(node));
            }
        }
        if (infos.isEmpty()) {
            throw unknown("instance '" + instance + "' has no worker here");
        }
        if (ranks == null || ranks.length == 0) {
            return infos;
        }
        List<Map<String, @Nullable Object>> chosen = new ArrayList<>();
        for (long rank : ranks) {
            chosen.add(infos.stream()
                    .filter(info -> Long.valueOf(rank).equals(info.get("worker_id")))
                    .findFirst()
                    .orElseThrow(() -> unknown("instance '" + instance + "' has no worker " + rank)));
        }
        return chosen;
    }

    private Map<String, @Nullable Object> info(NodeView node) {
        Worker worker = workers.ofNode(node.registration().identity().nodeId());
        PeerAddress address = address(node, worker == null ? NodeRegistration.PEER_CONTROL : Workers.WORKER_PORT);
        Instant heard = clock.instant().minus(node.sinceHeard());
        Map<String, @Nullable Object> info = new LinkedHashMap<>();
        info.put("instance_id", node.registration().instance());
        info.put("worker_id", worker == null ? NO_RANK : worker.id().worker());
        info.put("ip", address == null ? "" : address.host());
        info.put("port", address == null ? 0L : (long) address.port());
        info.put("peer_init_url", node.registration().addresses().get(Workers.PEER_INIT));
        info.put("registration_time", seconds(worker == null ? heard : worker.registered()));
        info.put("last_heartbeat_time", seconds(heard));
        return info;
    }

    private static double seconds(Instant instant) {
        return instant.toEpochMilli() / MILLIS_PER_SECOND;
    }

    private static @Nullable PeerAddress address(NodeView node, String name) {
        String text = node.registration().addresses().get(name);
        try {
            return text == null ? null : PeerAddress.parse(text);
        } catch (IllegalArgumentException e) {
            return null; // what a node tells need not be an address
        }
    }

    private static TransferException unknown(String detail) {
        return new TransferException(TransferErrorCode.NOT_FOUND, Stage.TRANSFER, detail);
    }
}

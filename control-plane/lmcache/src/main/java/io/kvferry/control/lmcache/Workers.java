package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.Holder;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.NodeSession;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Ticker;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The workers that have registered here, as nodes of the cluster. Thread-safe. */
final class Workers {
    private static final Logger LOG = LoggerFactory.getLogger(Workers.class);

    /** The name under which a node's registration has the address that LMCache's peers dial. */
    static final String PEER_INIT = "lmcache-peer-init";

    /** The name under which it has the address at which the worker takes requests. */
    static final String WORKER_PORT = "lmcache-worker";

    private static final String SOFTWARE = "LMCache";
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int HEX = 16;
    private static final int DROP_SECONDS = 2;

    private final Controller controller;
    private final BackendConfig config;
    private final WorkerPorts ports;
    private final Ticker ticker;
    private final LmCacheCounters counters;
    private final Map<WorkerId, Worker> registered = new ConcurrentHashMap<>();
    /** Those of all registered workers; more than one is worth an explanation. */
    private volatile Set<String> schemes = Set.of();

    Workers(Controller controller, BackendConfig config, WorkerPorts ports, Ticker ticker, LmCacheCounters counters) {
        this.controller = controller;
        this.config = config;
        this.ports = ports;
        this.ticker = ticker;
        this.counters = counters;
    }

    Collection<Worker> all() {
        return registered.values();
    }

    Optional<Worker> find(WorkerId id) {
        return Optional.ofNullable(registered.get(id));
    }

    /**
     * Registers a worker, which replaces an older one of its name. Waits for the store.
     *
     * @param reasonToSync what to tell it at its next heartbeat; empty if it holds nothing yet
     */
    Worker register(Message message, String reasonToSync) throws MalformedMessageException {
        WorkerId id = WorkerId.of(message);
        long port = message.integer("port");
        if (port < 1 || port > 65_535) {
            throw new MalformedMessageException("port " + port + " is not 1 to 65535");
        }
        String url = message.optionalText("peer_init_url");
        KeyScheme scheme = scheme(message);
        Worker worker = new Worker(
                id,
                scheme.name(),
                url,
                ports,
                portAddress(message.text("ip"), (int) port),
                ticker,
                new Holdings(id, ticker, config.get(LmCacheConfigKeys.MAX_KEYS), counters));
        Map<String, String> addresses = new HashMap<>();
        addresses.put(WORKER_PORT, message.text("ip") + ":" + port);
        if (url == null) {
            LOG.warn(
                    "worker {} at {} registered without peer_init_url: no peer can fetch from it; set enable_p2p and"
                            + " p2p_init_ports there, or upgrade it",
                    id,
                    message.text("ip"));
        } else {
            addresses.put(PEER_INIT, url);
        }
        NodeRegistration registration;
        try {
            registration = new NodeRegistration(
                    new PeerIdentity(id.nodeId(), bootId(message)),
                    id.instance(),
                    addresses,
                    scheme,
                    NodeRegistration.SCHEMA_VERSION,
                    SOFTWARE);
        } catch (IllegalArgumentException e) {
            throw new MalformedMessageException(String.valueOf(e.getMessage()), e);
        }
        Worker before = registered.get(id);
        if (before != null) {
            await(before.dropAsked()); // nobody waits for a process that is gone
        }
        NodeSession session = controller.connect(registration, new WorkerLink(worker, this::forget), storeDeadline());
        worker.join(session, reasonToSync);
        registered.put(id, worker);
        noteSchemes();
        return worker;
    }

    /** A host name is looked up here, where waiting is allowed. */
    private static PeerAddress portAddress(String host, int port) throws MalformedMessageException {
        try {
            return new PeerAddress(InetAddress.getByName(host).getHostAddress(), port);
        } catch (UnknownHostException e) {
            throw new MalformedMessageException("ip '" + host + "' is no address and no known name", e);
        }
    }

    private static void await(CompletableFuture<Void> dropped) {
        try {
            dropped.get(DROP_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.debug("requests to a worker that came anew run into their deadlines", e);
        }
    }

    private Deadline storeDeadline() {
        return Deadline.after(config.get(LmCacheConfigKeys.REGISTER_TIMEOUT), ticker);
    }

    private KeyScheme scheme(Message message) throws MalformedMessageException {
        String name = message.extra("hash_scheme");
        Object chunk = message.extras().get("chunk_size");
        try {
            return new KeyScheme(
                    name == null ? config.get(LmCacheConfigKeys.HASH_SCHEME) : name,
                    HeldChunks.KEY_BYTES,
                    chunk instanceof Long tokens ? Math.toIntExact(tokens) : config.get(LmCacheConfigKeys.CHUNK_SIZE));
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new MalformedMessageException("hash_scheme or chunk_size: " + e.getMessage(), e);
        }
    }

    /** The process: what it says itself, or one of its own for each registration, since a worker registers once. */
    private static long bootId(Message message) {
        String told = message.extra("boot_id");
        if (told == null) {
            return RANDOM.nextLong();
        }
        try {
            return Long.parseUnsignedLong(told, HEX);
        } catch (NumberFormatException e) {
            return told.hashCode();
        }
    }

    /** Takes a worker out at once. Waits for the store. */
    void deregister(WorkerId id) {
        Worker worker = registered.remove(id);
        if (worker != null) {
            worker.leave(storeDeadline());
            var ignored = worker.dropAsked();
            noteSchemes();
        }
    }

    /** Forgets a worker whose session has ended. */
    void forget(Worker worker) {
        if (registered.remove(worker.id(), worker)) {
            var ignored = worker.dropAsked();
            noteSchemes();
        }
    }

    /** Who can serve a chain to a worker: of another instance, of the same rank, and with a URL. */
    Found lookup(WorkerId asking, long[] hashes) {
        counters.count(LmCacheCounters.Name.LOOKUPS);
        if (hashes.length == 0) {
            return Found.NOTHING;
        }
        String explanation = schemes.size() > 1 ? "workers of other key schemes are registered: " + schemes : "";
        Worker asker = registered.get(asking);
        if (asker != null) {
            asker.heard();
        }
        String scheme = asker == null ? config.get(LmCacheConfigKeys.HASH_SCHEME) : asker.scheme();
        ChunkKeys keys = HeldChunks.packed(hashes);
        List<Holder> holders = controller
                .lookup(new Lookup(scheme, keys, asking.nodeId(), Lookup.MAX_HOLDERS))
                .holders();
        for (Holder holder : holders) {
            Worker worker = ofNode(holder.node().identity().nodeId());
            if (worker == null
                    || worker.id().instance().equals(asking.instance())
                    || worker.id().worker() != asking.worker()) {
                continue;
            }
            String location = worker.holdings().locationOf(hashes[0]);
            if (worker.peerInitUrl() == null || location == null) {
                counters.count(LmCacheCounters.Name.HOLDERS_WITHOUT_URL);
                explanation = "worker " + worker.id() + " holds it and registered without peer_init_url";
                continue;
            }
            counters.count(LmCacheCounters.Name.LOOKUP_HITS);
            return new Found(worker.id().instance(), location, holder.chunks(), worker.peerInitUrl(), "");
        }
        return explanation.isEmpty() ? Found.NOTHING : new Found("", "", 0, "", explanation);
    }

    /** A worker that holds the beginning of a chain; or nothing, and perhaps why. */
    record Found(String instance, String location, int chunks, String url, String explanation) {
        static final Found NOTHING = new Found("", "", 0, "", "");
    }

    private void noteSchemes() {
        Set<String> names = new TreeSet<>();
        registered.values().forEach(worker -> names.add(worker.scheme()));
        if (names.size() > 1 && !names.equals(schemes)) {
            LOG.warn(
                    "workers with different key schemes are registered and never find each other's chunks: {}; give all the"
                            + " same pre_caching_hash_algorithm, PYTHONHASHSEED and chunk_size",
                    names);
        }
        schemes = names;
    }

    /** The worker that is a node of the cluster; null for a node of another kind. */
    @Nullable
    Worker ofNode(String node) {
        int slash = node.lastIndexOf('/');
        if (slash < 0) {
            return null;
        }
        try {
            return registered.get(new WorkerId(node.substring(0, slash), Long.parseLong(node.substring(slash + 1))));
        } catch (NumberFormatException e) {
            return null; // a node of another kind
        }
    }

    /** Memory for what all hold. */
    long heldBytes() {
        return registered.values().stream()
                .mapToLong(worker -> worker.holdings().bytes())
                .sum();
    }

    /** Part of the workers that have told all they hold. */
    double syncedPart() {
        long all = registered.size();
        long synced = registered.values().stream()
                .filter(worker -> worker.holdings().isSynced())
                .count();
        return all == 0 ? 1 : (double) synced / all;
    }

    /** Asks workers that were silent for a while whether they are there; who answers keeps its lease. */
    void probeSilent() {
        Duration interval = controller.view().lease().dividedBy(5);
        for (Worker worker : registered.values()) {
            if (!worker.isSilentFor(interval)) {
                continue;
            }
            var ignored = worker.ask(Message.of(MessageType.HEALTH_WORKER, "lease"), Deadline.after(interval, ticker));
        }
    }
}

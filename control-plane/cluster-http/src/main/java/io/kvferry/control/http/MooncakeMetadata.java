package io.kvferry.control.http;

import io.kvferry.control.cluster.ClusterStore;
import io.kvferry.control.cluster.StoreEntry;
import io.kvferry.control.cluster.StoreListener;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The metadata server of Mooncake: {@code GET}, {@code PUT} and {@code DELETE} of {@code /metadata?key=…}, for processes that
 * are started with {@code http://HOST:PORT/metadata}.
 *
 * <p>Different from Mooncake's own in what hurts after a crash. A process that comes back under its name may take the name
 * again; and since it would take what it reads under its own name for its own, with buffers that are no more, its old segment
 * is forgotten as soon as it announces itself.
 *
 * <p><b>Threads:</b> Thread-safe; requests block until the store has answered.
 */
final class MooncakeMetadata {
    private static final Logger LOG = LoggerFactory.getLogger(MooncakeMetadata.class);

    /** Where the keys lie in the store. */
    static final String PREFIX = "mooncake-metadata/";

    /** The key with which a process announces itself, first of all: a cluster's prefix, then its name. */
    private static final Pattern ANNOUNCEMENT = Pattern.compile("(mooncake/(?:[^/]+/)?)rpc_meta/(.+)");

    private static final Pattern PRINTABLE = Pattern.compile("[ -~]+");

    private final ClusterStore store;
    private final int maxKeys;
    private final Set<String> keys = ConcurrentHashMap.newKeySet();

    private MooncakeMetadata(ClusterStore store, int maxKeys) {
        this.store = store;
        this.maxKeys = maxKeys;
    }

    static MooncakeMetadata open(ClusterStore store, int maxKeys, Deadline deadline) {
        MooncakeMetadata metadata = new MooncakeMetadata(store, maxKeys);
        store.watch(
                PREFIX,
                new StoreListener() {
                    @Override
                    public void written(StoreEntry entry) {
                        metadata.keys.add(entry.key());
                    }

                    @Override
                    public void removed(String key, long revision) {
                        metadata.keys.remove(key);
                    }
                },
                deadline);
        return metadata;
    }

    List<Route> routes() {
        return List.of(
                Route.get("/metadata", this::get),
                new Route("PUT", "/metadata", this::put),
                new Route("DELETE", "/metadata", this::delete));
    }

    /** How many keys there are. */
    int size() {
        return keys.size();
    }

    private HttpAnswer get(HttpRequest request) {
        return store.get(storeKey(request), request.deadline())
                .<HttpAnswer>map(entry -> HttpAnswer.bytes(Json.TYPE, entry.value()))
                .orElseGet(() -> HttpAnswer.text(404, "metadata not found"));
    }

    private HttpAnswer put(HttpRequest request) {
        String key = storeKey(request);
        if (request.body().length > ClusterStore.MAX_VALUE_BYTES) {
            return HttpAnswer.text(413, "the value is longer than " + ClusterStore.MAX_VALUE_BYTES + " bytes");
        }
        if (!keys.contains(key) && keys.size() >= maxKeys) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.HELLO,
                    "keys=" + keys.size() + " have reached " + HttpConfigKeys.MAX_METADATA_KEYS.name() + "=" + maxKeys);
        }
        Matcher announcement = ANNOUNCEMENT.matcher(request.parameter("key"));
        if (announcement.matches()) {
            forgetSegment(announcement.group(1), announcement.group(2), request.deadline());
        }
        while (!request.deadline().isExpired()) {
            long revision =
                    store.get(key, request.deadline()).map(StoreEntry::revision).orElse(0L);
            if (store.replace(key, request.body(), ClusterStore.NO_LEASE, revision, request.deadline())
                    .isPresent()) {
                return HttpAnswer.text(200, "metadata updated");
            }
        }
        throw late(key);
    }

    /** What an earlier process of the name left behind. */
    private void forgetSegment(String prefix, String name, Deadline deadline) {
        String segment = PREFIX + prefix + (name.contains("/") ? name : "ram/" + name);
        if (remove(segment, deadline)) {
            LOG.info("Mooncake process {} announces itself again: forgot the segment of the one before", name);
        }
    }

    private HttpAnswer delete(HttpRequest request) {
        return remove(storeKey(request), request.deadline())
                ? HttpAnswer.text(200, "metadata deleted")
                : HttpAnswer.text(404, "metadata not found");
    }

    private boolean remove(String key, Deadline deadline) {
        while (!deadline.isExpired()) {
            Optional<StoreEntry> entry = store.get(key, deadline);
            if (entry.isEmpty()) {
                return false;
            }
            if (store.remove(key, entry.get().revision(), deadline)) {
                return true;
            }
        }
        throw late(key);
    }

    private static TransferException late(String key) {
        return new TransferException(
                TransferErrorCode.DEADLINE_EXCEEDED, Stage.HELLO, key + " is written by others all the time");
    }

    private static String storeKey(HttpRequest request) {
        String key = request.parameter("key");
        int room = ClusterStore.MAX_KEY - PREFIX.length();
        if (key.length() > room || !PRINTABLE.matcher(key).matches()) {
            throw new IllegalArgumentException("a key has up to " + room + " printable ASCII characters");
        }
        return PREFIX + key;
    }
}

package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.Holder;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Which instance holds how much of a token sequence. Thread-safe. */
final class TokenLookup {
    private final Controller controller;
    private final Workers workers;
    private final BackendConfig config;
    private final @Nullable TokenHash hash;

    TokenLookup(Controller controller, Workers workers, BackendConfig config, @Nullable TokenHash hash) {
        this.controller = controller;
        this.workers = workers;
        this.config = config;
        this.hash = hash;
    }

    Message lookup(String id, Message message) throws MalformedMessageException {
        ChunkKeys keys = keys(message);
        Map<String, Object> layout = new TreeMap<>();
        List<String> remarks = List.of();
        if (!keys.isEmpty()) {
            Lookup lookup = new Lookup(config.get(LmCacheConfigKeys.HASH_SCHEME), keys, "", Lookup.MAX_HOLDERS);
            for (Holder holder : controller.lookup(lookup).holders()) {
                // best first: the first of an instance is what it has
                layout.putIfAbsent(
                        holder.node().instance(),
                        List.of(
                                location(holder, keys),
                                (long) holder.chunks() * holder.node().scheme().chunkTokens()));
            }
            remarks = new Remarks(controller, workers).about(lookup);
        }
        Message answer = Message.of(MessageType.LOOKUP_RET, id, layout);
        return remarks.isEmpty() ? answer : answer.with(Map.of("remarks", remarks));
    }

    private String location(Holder holder, ChunkKeys keys) {
        Worker worker = workers.ofNode(holder.node().identity().nodeId());
        String location =
                worker == null ? null : worker.holdings().locationOf(HeldChunks.key(keys, holder.chunks() - 1));
        return location == null ? Locations.of(holder.tier()) : location;
    }

    /** The chunk keys that a message asks for: by {@code tokens}, or by {@code hashes}, which is an addition of ours. */
    ChunkKeys keys(Message message) throws MalformedMessageException {
        if (message.extras().get("hashes") instanceof List<?> hashes) {
            return HeldChunks.packed(Message.bits(hashes));
        }
        TokenHash known = hash;
        if (known == null) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.TRANSFER,
                    "the controller cannot make chunk keys of tokens: set kvferry.lmcache.python-hash-seed to the workers'"
                            + " PYTHONHASHSEED (their Python must be 3.12 or later), or send 'hashes' in place of tokens");
        }
        List<?> tokens = (List<?>) message.required("tokens");
        int[] packed = new int[tokens.size()];
        for (int i = 0; i < packed.length; i++) {
            if (!(tokens.get(i) instanceof Long token) || token < 0 || token > Integer.MAX_VALUE) {
                throw new MalformedMessageException("tokens[" + i + "]=" + tokens.get(i) + " is no token");
            }
            packed[i] = token.intValue();
        }
        return known.keys(packed);
    }
}

package io.kvferry.node;

import io.kvferry.engine.EngineStatus;

/** Writes a node's metrics: ours, then LMCache's names for those that mean the same. */
final class NodeMetrics {
    private NodeMetrics() {}

    static String text(KvNodeStatus node, EngineStatus engine, NodeCounters counters) {
        MetricsText text = new MetricsText();
        KvCounters now = node.counters();
        ours(text, node, engine, now);
        counters.fetchTime().writeTo(text, "kvferry_kv_fetch_seconds", "Time of fetches.");
        counters.lookupTime().writeTo(text, "kvferry_kv_lookup_seconds", "Time of look-ups.");
        counters.storeTime().writeTo(text, "kvferry_kv_store_seconds", "Time of stores, computing layers included.");
        counters.transferTime().writeTo(text, "kvferry_kv_transfer_seconds", "Time of moving chunks, per fetch.");
        aliases(text, node, now);
        counters.fetchTime().writeTo(text, "lmcache:time_to_retrieve", "Time of fetches.");
        counters.lookupTime().writeTo(text, "lmcache:time_to_lookup", "Time of look-ups.");
        counters.storeTime().writeTo(text, "lmcache:time_to_store", "Time of stores.");
        counters.transferTime().writeTo(text, "lmcache:p2p_time_to_transfer", "Time of moving chunks, per fetch.");
        return text.toString();
    }

    private static void ours(MetricsText text, KvNodeStatus node, EngineStatus engine, KvCounters now) {
        text.counter("kvferry_kv_fetches_total", "Fetches that have ended.", now.fetches());
        text.counter("kvferry_kv_requested_tokens_total", "Tokens that fetches asked for.", now.requestedTokens());
        text.family("kvferry_kv_hit_tokens_total", "counter", "Tokens of those that were found, by where.");
        text.sample("kvferry_kv_hit_tokens_total", "source=\"local\"", now.localTokens());
        text.sample("kvferry_kv_hit_tokens_total", "source=\"remote\"", now.fetchedTokens());
        text.counter("kvferry_kv_missed_tokens_total", "Tokens of those that were not found.", now.missedTokens());
        text.counter("kvferry_kv_transfers_total", "Transfers from holders, failed ones included.", now.transfers());
        text.counter("kvferry_kv_failed_holders_total", "Times that a holder failed.", now.failedHolders());
        text.counter("kvferry_kv_received_bytes_total", "Bytes from other nodes.", now.receivedBytes());
        text.counter("kvferry_kv_sent_bytes_total", "Bytes to other nodes.", now.sentBytes());
        text.counter("kvferry_kv_lookups_total", "Look-ups that have ended.", now.lookups());
        text.counter("kvferry_kv_lookup_tokens_total", "Tokens that look-ups asked for.", now.lookupTokens());
        text.counter("kvferry_kv_lookup_hit_tokens_total", "Tokens of those that were found.", now.lookupHitTokens());
        text.counter("kvferry_kv_stores_total", "Times that something was put.", now.stores());
        text.counter("kvferry_kv_stored_tokens_total", "Tokens that were new then.", now.storedTokens());
        text.counter("kvferry_kv_evictions_total", "Chunks evicted to make room.", node.evictions());
        text.counter("kvferry_kv_shortages_total", "Times that there was less room than needed.", node.shortages());
        text.counter("kvferry_kv_expired_pins_total", "Pins that ended by themselves.", node.expiredPins());
        text.gauge("kvferry_kv_chunks", "Chunks that are held.", node.chunks());
        text.gauge("kvferry_kv_idle_chunks", "Chunks of those that can be evicted.", node.idleChunks());
        text.gauge("kvferry_kv_pinned_chunks", "Chunks of those that are pinned.", node.pinnedChunks());
        text.gauge("kvferry_kv_slots", "Chunks that there is room for.", node.slots());
        text.gauge("kvferry_kv_used_bytes", "Size of what is held.", node.usedBytes());
        text.gauge("kvferry_kv_lent_leases", "Requests of peers that are being served.", node.lentLeases());
        text.gauge(
                "kvferry_transfers_in_flight",
                "Transfers that are not finished.",
                engine.transfers().size());
        text.gauge("kvferry_leases", "Offers that have not ended.", engine.leases());
        text.gauge(
                "kvferry_quarantined_bytes", "Memory locked by transfers that have ended.", engine.quarantinedBytes());
    }

    /** Only names that mean the same; docs/kv-node.md says which do not, and why they are not here. */
    private static void aliases(MetricsText text, KvNodeStatus node, KvCounters now) {
        text.counter("lmcache:num_retrieve_requests_total", "Fetches.", now.fetches());
        text.counter("lmcache:num_requested_tokens_total", "Tokens that fetches asked for.", now.requestedTokens());
        text.counter("lmcache:num_hit_tokens_total", "Tokens of those that were found.", now.hitTokens());
        text.counter("lmcache:num_lookup_requests_total", "Look-ups.", now.lookups());
        text.counter("lmcache:num_lookup_tokens_total", "Tokens that look-ups asked for.", now.lookupTokens());
        text.counter("lmcache:num_lookup_hits_total", "Tokens of those that were found.", now.lookupHitTokens());
        text.counter("lmcache:lookup_0_hit_requests_total", "Look-ups that found nothing.", now.lookupsWithoutHit());
        text.counter("lmcache:num_store_requests_total", "Stores.", now.stores());
        text.counter("lmcache:num_stored_tokens_total", "Tokens that were stored.", now.storedTokens());
        text.counter("lmcache:num_p2p_requests_total", "Transfers from other nodes.", now.transfers());
        text.counter("lmcache:num_p2p_transferred_tokens_total", "Tokens from other nodes.", now.fetchedTokens());
        text.counter("lmcache:forced_unpin_count_total", "Pins that ended by themselves.", node.expiredPins());
        text.counter("lmcache:local_cpu_evict_keys_count_total", "Chunks evicted.", node.evictions());
        text.counter("lmcache:local_cpu_evict_failed_count_total", "Too little room.", node.shortages());
        text.gauge("lmcache:local_cache_usage", "Bytes held.", node.usedBytes());
        text.gauge("lmcache:active_memory_objs_count", "Chunks held.", node.chunks());
        text.gauge("lmcache:pinned_memory_objs_count", "Chunks pinned.", node.pinnedChunks());
    }
}

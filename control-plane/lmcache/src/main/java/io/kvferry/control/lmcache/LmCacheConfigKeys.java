package io.kvferry.control.lmcache;

import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The configuration keys of the front for LMCache workers.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class LmCacheConfigKeys {
    private static final int MAX_PORT = 65_535;

    /** Local address. */
    public static final ConfigKey<String> BIND_HOST = ConfigKey.text(
            "kvferry.lmcache.bind-host",
            "127.0.0.1",
            "Local address that LMCache workers reach; their protocol knows no authentication. Default 127.0.0.1.");

    /** Port of one-way messages. */
    public static final ConfigKey<Integer> PULL_PORT = ConfigKey.integer(
            "kvferry.lmcache.pull-port",
            0,
            0,
            MAX_PORT,
            "Port that workers push to: their controller_pull_url. 0 takes any free one. LMCache's examples use 8300.");

    /** Port of requests. */
    public static final ConfigKey<Integer> REPLY_PORT = ConfigKey.integer(
            "kvferry.lmcache.reply-port",
            0,
            0,
            MAX_PORT,
            "Port that answers workers: their controller_reply_url. 0 takes any free one. LMCache's examples use 8400.");

    /** Port of heartbeats. */
    public static final ConfigKey<Integer> HEARTBEAT_PORT = ConfigKey.integer(
            "kvferry.lmcache.heartbeat-port",
            -1,
            -1,
            MAX_PORT,
            "Port for heartbeats, which workers are told when they register. 0 takes any free one, -1 none: then they come to"
                    + " the reply port. LMCache's examples use 8082.");

    /** Address that workers are told. */
    public static final ConfigKey<String> ADVERTISED_HOST = ConfigKey.text(
            "kvferry.lmcache.advertised-host",
            "",
            "Host in the heartbeat URL that workers are told. Empty takes bind-host, which must then be one that they can"
                    + " reach.");

    /** Largest frame. */
    public static final ConfigKey<Long> MAX_FRAME = ConfigKey.size(
            "kvferry.lmcache.max-frame",
            8L << 20,
            64L << 10,
            1L << 30,
            "Largest frame; the connection that sends a larger one is closed. Default 8MiB: close to a million keys.");

    /** Keys of one full sync. */
    public static final ConfigKey<Integer> MAX_KEYS = ConfigKey.integer(
            "kvferry.lmcache.max-keys",
            16_000_000,
            1,
            1 << 30,
            "Most chunks that one worker may hold, and operations that may wait while it syncs; past it the worker is told"
                    + " and the rest is dropped. Default 16 million.");

    /** Time for the store. */
    public static final ConfigKey<Duration> REGISTER_TIMEOUT = ConfigKey.duration(
            "kvferry.lmcache.register-timeout",
            Duration.ofSeconds(5),
            Duration.ofMillis(10),
            Duration.ofMinutes(10),
            "Longest wait for the controller's store when a worker registers or leaves. Default 5s: workers wait ten.");

    /** Time of a full sync. */
    public static final ConfigKey<Duration> SYNC_TIMEOUT = ConfigKey.duration(
            "kvferry.lmcache.sync-timeout",
            Duration.ofMinutes(5),
            Duration.ofMillis(10),
            Duration.ofHours(24),
            "A full sync that has not ended in this time makes room for another. Default 5m, as in LMCache.");

    /** Tokens of a chunk. */
    public static final ConfigKey<Integer> CHUNK_SIZE = ConfigKey.integer(
            "kvferry.lmcache.chunk-size",
            256,
            1,
            1 << 20,
            "Tokens in a chunk of workers that do not say so themselves: their chunk_size. Default 256, as in LMCache.");

    /** How keys are made. */
    public static final ConfigKey<String> HASH_SCHEME = ConfigKey.text(
            "kvferry.lmcache.hash-scheme",
            "lmcache",
            "Key scheme of workers that do not say so themselves. Workers of different schemes never find each other's"
                    + " chunks, and explain says so. Default lmcache.");

    /** Time for workers to answer. */
    public static final ConfigKey<Duration> ORDER_TIMEOUT = ConfigKey.duration(
            "kvferry.lmcache.order-timeout",
            Duration.ofSeconds(10),
            Duration.ofMillis(10),
            Duration.ofMinutes(10),
            "A worker that has not answered clear, pin, move, compress or decompress in this time has failed; LMCache's own"
                    + " controller waits for ever. Default 10s, and never longer than the HTTP request may take.");

    /** How long nodes of KVFerry keep what LMCache's tools pin. */
    public static final ConfigKey<Duration> PIN_TIME = ConfigKey.duration(
            "kvferry.lmcache.pin-time",
            Duration.ofMinutes(5),
            Duration.ofMillis(10),
            Duration.ofHours(24),
            "How long a KVFerry node keeps chunks that are pinned at /pin, which says no time. Default 5m, after which"
                    + " LMCache's workers unpin, too.");

    /** The seed of Python's hash. */
    public static final ConfigKey<String> HASH_SEED = ConfigKey.text(
            "kvferry.lmcache.python-hash-seed",
            "",
            "PYTHONHASHSEED of the workers, whose Python is 3.12 or later and whose hash is 'builtin'; with it /lookup can be"
                    + " asked by tokens. Empty: only by chunk hashes.");

    private LmCacheConfigKeys() {}

    /**
     * Returns all keys.
     *
     * @return the keys, in the order of this page
     */
    public static Set<ConfigKey<?>> all() {
        return new LinkedHashSet<>(List.of(
                BIND_HOST,
                PULL_PORT,
                REPLY_PORT,
                HEARTBEAT_PORT,
                ADVERTISED_HOST,
                MAX_FRAME,
                MAX_KEYS,
                REGISTER_TIMEOUT,
                SYNC_TIMEOUT,
                CHUNK_SIZE,
                HASH_SCHEME,
                HASH_SEED,
                ORDER_TIMEOUT,
                PIN_TIME));
    }
}

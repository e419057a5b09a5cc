package io.kvferry.control.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.ClientBuilder;
import io.kvferry.control.cluster.ClusterStore;
import io.kvferry.control.cluster.ClusterStoreProvider;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * Opens stores in etcd: {@code kvferry.controller.store=etcd}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class EtcdStoreProvider implements ClusterStoreProvider {
    /** A member that answers nothing is given up after both; gRPC allows no shorter time to the first. */
    private static final Duration KEEPALIVE = Duration.ofSeconds(10);

    private static final Duration KEEPALIVE_ANSWER = Duration.ofSeconds(5);

    /** A page of entries of the largest size, with room for what etcd adds. */
    private static final int MAX_MESSAGE_BYTES = (EtcdStore.PAGE + 1) * (ClusterStore.MAX_VALUE_BYTES + (4 << 10));

    /** Makes the provider; {@link java.util.ServiceLoader} does. */
    public EtcdStoreProvider() {}

    @Override
    public String name() {
        return "etcd";
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return EtcdConfigKeys.all();
    }

    @Override
    public ClusterStore open(BackendConfig config, Ticker ticker, Scheduler scheduler, Deadline deadline) {
        List<String> endpoints = config.get(EtcdConfigKeys.ENDPOINTS);
        EtcdTls.check(config);
        String scheme = config.get(EtcdConfigKeys.TLS) ? "https://" : "http://";
        List<PeerAddress> addresses =
                endpoints.stream().map(EtcdStoreProvider::address).toList();
        EtcdConnection connection = new EtcdConnection();
        ClientBuilder builder = Client.builder()
                .endpoints(addresses.stream()
                        .map(address -> URI.create(scheme + address))
                        .toList())
                .interceptor(connection)
                .namespace(bytes(config.get(EtcdConfigKeys.PREFIX)))
                .keepaliveTime(KEEPALIVE)
                .keepaliveTimeout(KEEPALIVE_ANSWER)
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                // an error now is worth more than an answer some day
                .waitForReady(false);
        String user = config.get(EtcdConfigKeys.USER);
        if (!user.isEmpty()) {
            builder.user(bytes(user)).password(bytes(config.get(EtcdConfigKeys.PASSWORD)));
        }
        EtcdTls.apply(config, builder, addresses.getFirst());
        return EtcdStore.open(builder.build(), connection, String.join(",", endpoints), scheduler, ticker, deadline);
    }

    private static PeerAddress address(String endpoint) {
        try {
            return PeerAddress.parse(endpoint);
        } catch (IllegalArgumentException e) {
            throw EtcdErrors.invalid(EtcdConfigKeys.ENDPOINTS.name() + "=" + endpoint + ": " + e.getMessage(), e);
        }
    }

    private static ByteSequence bytes(String text) {
        return ByteSequence.from(text, StandardCharsets.UTF_8);
    }
}

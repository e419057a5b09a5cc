package io.kvferry.control.peer;

import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Mutual TLS between nodes, on where its three files are configured: each side proves who it is to the other, in both
 * directions. The files are read once, when peer control opens.
 *
 * <p><b>Threads:</b> Immutable.
 */
final class PeerTls {
    private static final List<ConfigKey<String>> FILES =
            List.of(PeerConfigKeys.TLS_CERTIFICATE, PeerConfigKeys.TLS_KEY, PeerConfigKeys.TLS_TRUST);

    private final @Nullable SslContext server;
    private final @Nullable SslContext client;
    private final String name;

    private PeerTls(@Nullable SslContext server, @Nullable SslContext client, String name) {
        this.server = server;
        this.client = client;
        this.name = name;
    }

    /**
     * Reads the files.
     *
     * @throws TransferException INVALID_REQUEST where some but not all are set, or one is not what it must be; names the key
     */
    static PeerTls of(BackendConfig config) {
        List<ConfigKey<String>> missing =
                FILES.stream().filter(key -> config.get(key).isEmpty()).toList();
        String name = config.get(PeerConfigKeys.TLS_PEER_NAME);
        if (missing.size() == FILES.size()) {
            if (!name.isEmpty()) {
                throw refused(PeerConfigKeys.TLS_PEER_NAME.name() + " is set, but TLS is off: set "
                        + PeerConfigKeys.TLS_CERTIFICATE.name() + ", too, or neither");
            }
            return new PeerTls(null, null, "");
        }
        if (!missing.isEmpty()) {
            throw refused("TLS between nodes takes three files; set "
                    + missing.getFirst().name() + ", too");
        }
        File certificate = file(config, PeerConfigKeys.TLS_CERTIFICATE);
        File key = file(config, PeerConfigKeys.TLS_KEY);
        File trust = file(config, PeerConfigKeys.TLS_TRUST);
        try {
            SslContext server = GrpcSslContexts.configure(
                            SslContextBuilder.forServer(certificate, key), SslProvider.JDK)
                    .trustManager(trust)
                    .clientAuth(ClientAuth.REQUIRE)
                    .build();
            SslContext client = GrpcSslContexts.configure(SslContextBuilder.forClient(), SslProvider.JDK)
                    .keyManager(certificate, key)
                    .trustManager(trust)
                    .build();
            return new PeerTls(server, client, name);
        } catch (SSLException | IllegalArgumentException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw refused("the files of kvferry.peer.tls-* do not fit TLS (PEM certificates and an unencrypted PKCS #8"
                    + " key are expected): " + cause.getMessage());
        }
    }

    private static File file(BackendConfig config, ConfigKey<String> key) {
        Path path = Path.of(config.get(key));
        if (!Files.isReadable(path)) {
            throw refused(key.name() + "=" + path + " cannot be read; name a PEM file of this machine");
        }
        return path.toFile();
    }

    private static TransferException refused(String detail) {
        return new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.OPEN, detail);
    }

    NettyServerBuilder secure(NettyServerBuilder builder) {
        return server == null ? builder : builder.sslContext(server);
    }

    NettyChannelBuilder secure(NettyChannelBuilder builder) {
        if (client == null) {
            return builder.usePlaintext();
        }
        return name.isEmpty()
                ? builder.sslContext(client)
                : builder.sslContext(client).overrideAuthority(name);
    }
}

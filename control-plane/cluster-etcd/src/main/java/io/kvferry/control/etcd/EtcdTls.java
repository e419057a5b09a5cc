package io.kvferry.control.etcd;

import io.etcd.jetcd.ClientBuilder;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.PeerAddress;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.File;
import java.util.List;
import javax.net.ssl.SSLException;

/** How the connection to etcd is secured, by the keys {@code kvferry.etcd.tls} and what belongs to it. */
final class EtcdTls {
    private EtcdTls() {}

    /** Whether settings make sense together; told before anything is opened. */
    static void check(BackendConfig config) {
        boolean tls = config.get(EtcdConfigKeys.TLS);
        for (ConfigKey<String> needsTls : List.of(
                EtcdConfigKeys.CA_FILE,
                EtcdConfigKeys.CERTIFICATE_FILE,
                EtcdConfigKeys.KEY_FILE,
                EtcdConfigKeys.AUTHORITY)) {
            if (!tls && isGiven(config, needsTls)) {
                throw EtcdErrors.invalid(
                        needsTls.name() + "=" + config.get(needsTls) + " has no effect while "
                                + EtcdConfigKeys.TLS.name() + "=false; set " + EtcdConfigKeys.TLS.name()
                                + "=true, or take it away",
                        null);
            }
        }
        needs(config, EtcdConfigKeys.CERTIFICATE_FILE, EtcdConfigKeys.KEY_FILE);
        needs(config, EtcdConfigKeys.KEY_FILE, EtcdConfigKeys.CERTIFICATE_FILE);
        needs(config, EtcdConfigKeys.USER, EtcdConfigKeys.PASSWORD);
        needs(config, EtcdConfigKeys.PASSWORD, EtcdConfigKeys.USER);
    }

    private static void needs(BackendConfig config, ConfigKey<String> one, ConfigKey<String> other) {
        if (isGiven(config, one) && !isGiven(config, other)) {
            throw EtcdErrors.invalid(one.name() + " is set and " + other.name() + " is not; set both or none", null);
        }
    }

    static void apply(BackendConfig config, ClientBuilder builder, PeerAddress firstEndpoint) {
        if (!config.get(EtcdConfigKeys.TLS)) {
            return;
        }
        String authority = config.get(EtcdConfigKeys.AUTHORITY);
        builder.authority(authority.isEmpty() ? firstEndpoint.host() : authority);
        try {
            builder.sslContext(context -> trust(config, context));
        } catch (SSLException e) {
            throw EtcdErrors.invalid("the connection to etcd cannot be encrypted: " + e.getMessage(), e);
        }
    }

    private static void trust(BackendConfig config, SslContextBuilder context) {
        if (isGiven(config, EtcdConfigKeys.CA_FILE)) {
            File authorities = file(config, EtcdConfigKeys.CA_FILE);
            try {
                context.trustManager(authorities);
            } catch (IllegalArgumentException e) {
                throw unusable(EtcdConfigKeys.CA_FILE, authorities, e);
            }
        }
        if (isGiven(config, EtcdConfigKeys.CERTIFICATE_FILE)) {
            File certificate = file(config, EtcdConfigKeys.CERTIFICATE_FILE);
            File key = file(config, EtcdConfigKeys.KEY_FILE);
            try {
                context.keyManager(certificate, key);
            } catch (IllegalArgumentException e) {
                throw unusable(EtcdConfigKeys.CERTIFICATE_FILE, certificate, e);
            }
        }
    }

    private static RuntimeException unusable(ConfigKey<String> key, File file, IllegalArgumentException why) {
        return EtcdErrors.invalid(
                key.name() + "=" + file + " is no PEM file of what belongs there: " + why.getMessage(), why);
    }

    private static File file(BackendConfig config, ConfigKey<String> key) {
        File file = new File(config.get(key));
        if (!file.canRead()) {
            throw EtcdErrors.invalid(key.name() + "=" + file + " cannot be read", null);
        }
        return file;
    }

    private static boolean isGiven(BackendConfig config, ConfigKey<String> key) {
        return !config.get(key).isEmpty();
    }
}

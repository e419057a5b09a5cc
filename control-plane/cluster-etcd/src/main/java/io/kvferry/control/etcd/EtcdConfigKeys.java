package io.kvferry.control.etcd;

import io.kvferry.spi.ConfigKey;
import java.util.List;
import java.util.Set;

/**
 * Configuration keys of the store in etcd.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class EtcdConfigKeys {
    /** Where etcd is. */
    public static final ConfigKey<List<String>> ENDPOINTS = ConfigKey.list(
            "kvferry.etcd.endpoints",
            List.of("127.0.0.1:2379"),
            "HOST:PORT of every member of the etcd cluster; the members are used in turn. Default: where etcd listens by"
                    + " itself.");

    /** Where in etcd. */
    public static final ConfigKey<String> PREFIX = ConfigKey.text(
            "kvferry.etcd.prefix",
            "/kvferry/",
            "Beginning of all keys in etcd. Controllers with the same one are of the same cluster; give two clusters that"
                    + " share an etcd two of them.");

    /** Who we are. */
    public static final ConfigKey<String> USER =
            ConfigKey.text("kvferry.etcd.user", "", "User of etcd, where it asks for one. Empty: none.");

    /** Proof of it. */
    public static final ConfigKey<String> PASSWORD =
            ConfigKey.secret("kvferry.etcd.password", "Password of that user.");

    /** Whether it is encrypted. */
    public static final ConfigKey<Boolean> TLS = ConfigKey.bool(
            "kvferry.etcd.tls",
            false,
            "Whether the connection to etcd is encrypted and etcd proves who it is. Default false, as etcd is by itself; set"
                    + " it wherever a password travels.");

    /** Who vouches for etcd. */
    public static final ConfigKey<String> CA_FILE = ConfigKey.text(
            "kvferry.etcd.ca-file",
            "",
            "PEM file of the certificates that vouch for etcd's. Empty: those that Java trusts.");

    /** Our certificate. */
    public static final ConfigKey<String> CERTIFICATE_FILE = ConfigKey.text(
            "kvferry.etcd.certificate-file",
            "",
            "PEM file of the certificate that the controller shows to etcd, where etcd asks for one. Empty: none.");

    /** Proof of it. */
    public static final ConfigKey<String> KEY_FILE =
            ConfigKey.text("kvferry.etcd.key-file", "", "PEM file (PKCS #8) of the private key of that certificate.");

    /** Whom etcd's certificates name. */
    public static final ConfigKey<String> AUTHORITY = ConfigKey.text(
            "kvferry.etcd.authority",
            "",
            "The host that the certificates of all etcd members name. Empty: that of the first endpoint.");

    private EtcdConfigKeys() {}

    /**
     * Returns all keys.
     *
     * @return the keys
     */
    public static Set<ConfigKey<?>> all() {
        return Set.of(ENDPOINTS, PREFIX, USER, PASSWORD, TLS, CA_FILE, CERTIFICATE_FILE, KEY_FILE, AUTHORITY);
    }
}

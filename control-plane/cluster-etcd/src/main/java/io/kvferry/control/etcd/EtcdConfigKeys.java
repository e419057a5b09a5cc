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

    private EtcdConfigKeys() {}

    /**
     * Returns all keys.
     *
     * @return the keys
     */
    public static Set<ConfigKey<?>> all() {
        return Set.of(ENDPOINTS, PREFIX, USER, PASSWORD);
    }
}

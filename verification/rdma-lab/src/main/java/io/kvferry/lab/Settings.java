package io.kvferry.lab;

import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import java.util.List;

/** Reads a library's configuration from {@code key=value}, without the prefix that all its keys have. */
final class Settings {
    /** The address of the device that is used. */
    static final String HOST = System.getProperty("kvferry.lab.host", "10.77.0.1");

    private Settings() {}

    static BackendConfig of(RdmaAdapterProvider provider, List<String> settings) {
        BackendConfig config = BackendConfig.DEFAULTS;
        for (String setting : settings) {
            int equals = setting.indexOf('=');
            String name = "kvferry.rdma." + provider.name() + "." + setting.substring(0, equals);
            ConfigKey<?> key = provider.configKeys().stream()
                    .filter(known -> known.name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("no key " + name));
            config = with(config, key, setting.substring(equals + 1));
        }
        return config;
    }

    private static <T> BackendConfig with(BackendConfig config, ConfigKey<T> key, String value) {
        return config.with(key, key.parse(value));
    }
}

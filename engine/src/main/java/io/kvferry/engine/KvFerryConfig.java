package io.kvferry.engine;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.TransferBackendProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The configuration of an engine and of every backend on the class path, checked as a whole.
 *
 * <p>A value is looked for in what the program set, then in the environment ({@code KVFERRY_TCP_LANES} for
 * {@code kvferry.tcp.lanes}: dots and hyphens become underscores), then in the file, then it is the key's default.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * <p><b>Failure:</b> all mistakes are reported at once in one {@link io.kvferry.spi.TransferException}, a line each with the
 * key, the value, where it was set and what is allowed: BACKEND_UNAVAILABLE when backends that are not on the class path
 * are all that is wrong, else INVALID_REQUEST.
 *
 * @since 0.1.0
 */
public final class KvFerryConfig {
    /** The file that {@link #load()} reads from the working directory. */
    public static final String FILE_NAME = "kvferry.properties";

    private final List<ConfigKey<?>> keys;
    private final BackendConfig values;
    private final List<ConfigEntry> entries;
    private final Providers providers;

    KvFerryConfig(List<ConfigKey<?>> keys, BackendConfig values, List<ConfigEntry> entries, Providers providers) {
        this.keys = keys;
        this.values = values;
        this.entries = List.copyOf(entries);
        this.providers = providers;
    }

    /**
     * Reads the environment and, if there is one, {@value #FILE_NAME} in the working directory.
     *
     * @return the configuration
     * @throws io.kvferry.spi.TransferException listing every mistake
     */
    public static KvFerryConfig load() {
        Builder builder = builder().environment(System.getenv());
        Path file = Path.of(FILE_NAME);
        return (Files.exists(file) ? builder.file(file) : builder).build();
    }

    /**
     * Starts a configuration that reads nothing but what it is told to.
     *
     * @return a builder, confined to the thread that uses it
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Returns the values of all keys.
     *
     * @return a typed view
     */
    public BackendConfig values() {
        return values;
    }

    /**
     * Returns the effective values, for people.
     *
     * @return one entry for each key, ordered by name
     */
    public List<ConfigEntry> entries() {
        return entries;
    }

    /**
     * Returns every key there is: of the engine, of all backends and kinds of peer control, and of the application.
     *
     * @return the keys, ordered by name
     */
    public List<ConfigKey<?>> keys() {
        return keys;
    }

    /** The backends and kinds of peer control whose keys were checked. */
    Providers providers() {
        return providers;
    }

    @Override
    public String toString() {
        return values.toString();
    }

    /** Collects the sources. Confined to the thread that uses it. */
    public static final class Builder {
        private final List<ConfigSetting> set = new ArrayList<>();
        private final List<Path> files = new ArrayList<>();
        private final List<TransferBackendProvider> backends = new ArrayList<>();
        private final List<PeerControlProvider> peerControls = new ArrayList<>();
        private final Set<ConfigKey<?>> applicationKeys = new LinkedHashSet<>();
        private Map<String, String> environment = Map.of();

        private Builder() {}

        /**
         * Sets a key. Wins over the environment and files; a later call wins over an earlier one.
         *
         * @param name the key
         * @param value its value, as one would write it in a file
         * @return this
         */
        public Builder set(String name, String value) {
            return set(name, value, "set by the program");
        }

        /**
         * Sets a key and says where the value comes from.
         *
         * @param name the key
         * @param value its value, as one would write it in a file
         * @param source for messages, such as {@code --set}
         * @return this
         */
        public Builder set(String name, String value, String source) {
            set.add(new ConfigSetting(name, value, source));
            return this;
        }

        /**
         * Sets a key.
         *
         * @param <T> the key's type
         * @param key the key
         * @param value its value
         * @return this
         */
        public <T> Builder set(ConfigKey<T> key, T value) {
            // format() masks secrets, which are text anyway
            return set(key.name(), key.isSecret() ? value.toString() : key.format(value));
        }

        /**
         * Reads the environment.
         *
         * @param variables usually {@link System#getenv()}; only names that begin with {@code KVFERRY_} matter
         * @return this
         */
        public Builder environment(Map<String, String> variables) {
            environment = Map.copyOf(variables);
            return this;
        }

        /**
         * Reads a file in the syntax of {@link java.util.Properties}, in UTF-8. A later file wins over an earlier one.
         *
         * @param file the file; one that cannot be read is a mistake
         * @return this
         */
        public Builder file(Path file) {
            files.add(file);
            return this;
        }

        /**
         * Adds a backend that is not found by {@link java.util.ServiceLoader}, or replaces the one of its name.
         *
         * @param provider the backend
         * @return this
         */
        public Builder provider(TransferBackendProvider provider) {
            backends.add(provider);
            return this;
        }

        /**
         * Adds peer control that is not found by {@link java.util.ServiceLoader}, or replaces the one of its name.
         *
         * @param provider the peer control
         * @return this
         */
        public Builder provider(PeerControlProvider provider) {
            peerControls.add(provider);
            return this;
        }

        /**
         * Adds the application's own keys, to be read and checked together with the others.
         *
         * @param keys the keys
         * @return this
         */
        public Builder keys(Set<ConfigKey<?>> keys) {
            applicationKeys.addAll(keys);
            return this;
        }

        /**
         * Reads all sources.
         *
         * @return the configuration
         * @throws io.kvferry.spi.TransferException listing every mistake
         */
        public KvFerryConfig build() {
            ConfigReader reader = new ConfigReader();
            Providers providers = Providers.find(backends, peerControls, reader.mistakes());
            reader.declare(EngineConfigKeys.all(), "kvferry.", "the engine");
            for (PeerControlProvider peerControl : providers.peerControls().values()) {
                reader.declare(peerControl.configKeys(), "kvferry.peer.", "peer control " + peerControl.name());
            }
            for (TransferBackendProvider backend : providers.backends().values()) {
                reader.declare(backend.configKeys(), "kvferry." + backend.name() + ".", "backend " + backend.name());
            }
            reader.declare(applicationKeys, "kvferry.", "the application");
            for (Path file : files) {
                reader.take(PropertiesFile.read(file, reader.mistakes()));
            }
            reader.takeEnvironment(environment);
            reader.take(set);
            reader.checkBackends(providers.backends().keySet());
            return reader.read(providers);
        }
    }
}

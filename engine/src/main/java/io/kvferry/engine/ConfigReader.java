package io.kvferry.engine;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Turns settings into typed values and collects every mistake on the way, so that the user mends all of them at once. */
final class ConfigReader {
    private static final String ENVIRONMENT_PREFIX = "KVFERRY_";
    private static final int LONGEST_SHOWN = 80;

    private final Map<String, ConfigKey<?>> keys = new TreeMap<>();
    private final Map<String, ConfigSetting> settings = new TreeMap<>();
    private final List<String> mistakes = new ArrayList<>();
    private final List<String> absentBackends = new ArrayList<>();

    /** Where readers of sources add what they could not read. */
    List<String> mistakes() {
        return mistakes;
    }

    /** Declares keys; {@code prefix} is what they must begin with. */
    void declare(Set<ConfigKey<?>> declared, String prefix, String owner) {
        for (ConfigKey<?> key : declared) {
            if (!key.name().startsWith(prefix)) {
                mistakes.add(key.name() + ": declared by " + owner + ", whose keys begin with " + prefix);
            }
            keys.putIfAbsent(key.name(), key);
        }
    }

    /** Takes settings over; they win over those taken before. */
    void take(List<ConfigSetting> more) {
        for (ConfigSetting setting : more) {
            if (keys.containsKey(setting.name())) {
                settings.put(setting.name(), setting);
            } else {
                // the value may be a secret under a misspelt name, so it is not shown
                mistakes.add(setting.name() + " (" + setting.source() + "): unknown key"
                        + NearestName.question(setting.name(), keys.keySet()));
            }
        }
    }

    /** Takes over what begins with KVFERRY_; the rest of the environment is none of our business. */
    void takeEnvironment(Map<String, String> environment) {
        Map<String, String> names = new TreeMap<>();
        for (String name : keys.keySet()) {
            String earlier = names.put(variable(name), name);
            if (earlier != null && environment.containsKey(variable(name))) {
                mistakes.add(variable(name) + ": stands for both " + earlier + " and " + name + "; set them in a file");
            }
        }
        for (Map.Entry<String, String> entry : new TreeMap<>(environment).entrySet()) {
            String name = names.get(entry.getKey());
            if (name != null) {
                settings.put(name, new ConfigSetting(name, entry.getValue(), "environment " + entry.getKey()));
            } else if (entry.getKey().startsWith(ENVIRONMENT_PREFIX)) {
                mistakes.add(entry.getKey() + " (environment): unknown variable"
                        + NearestName.question(entry.getKey(), names.keySet()));
            }
        }
    }

    private static String variable(String key) {
        return key.replace('.', '_').replace('-', '_').toUpperCase(Locale.ROOT);
    }

    /** Refuses names in {@code kvferry.backend} that no provider has; the default is checked when it is opened. */
    void checkBackends(Set<String> known) {
        ConfigSetting setting = settings.get(EngineConfigKeys.BACKEND.name());
        if (setting == null) {
            return;
        }
        for (String name : EngineConfigKeys.BACKEND.parse(setting.text())) {
            if (!known.contains(name)) {
                absentBackends.add(setting.name() + " = " + shown(EngineConfigKeys.BACKEND, setting.text()) + " ("
                        + setting.source() + "): no backend '" + name + "' among " + known
                        + NearestName.question(name, known)
                        + "; each backend is an artifact such as io.kvferry:kvferry-backend-" + name
                        + " that must be on the class path");
            }
        }
    }

    /** Parses everything. */
    KvFerryConfig read(Providers providers) {
        BackendConfig values = BackendConfig.DEFAULTS;
        List<ConfigEntry> entries = new ArrayList<>();
        for (ConfigKey<?> key : keys.values()) {
            ConfigSetting setting = settings.get(key.name());
            entries.add(entry(key, setting));
            if (setting != null) {
                values = parse(values, key, setting);
            }
        }
        throwMistakes();
        return new KvFerryConfig(List.copyOf(keys.values()), values, entries, providers);
    }

    private <T> BackendConfig parse(BackendConfig values, ConfigKey<T> key, ConfigSetting setting) {
        try {
            return values.with(key, key.parse(setting.text()));
        } catch (IllegalArgumentException e) {
            mistakes.add(key.name() + " = " + shown(key, setting.text()) + " (" + setting.source() + "): "
                    + e.getMessage() + "; allowed: " + key.allowed());
            return values;
        }
    }

    private void throwMistakes() {
        boolean onlyAbsent = mistakes.isEmpty();
        mistakes.addAll(absentBackends);
        if (mistakes.isEmpty()) {
            return;
        }
        throw new TransferException(
                onlyAbsent ? TransferErrorCode.BACKEND_UNAVAILABLE : TransferErrorCode.INVALID_REQUEST,
                Stage.OPEN,
                (mistakes.size() == 1 ? "" : mistakes.size() + " mistakes in the configuration:\n")
                        + String.join("\n", mistakes));
    }

    private static <T> ConfigEntry entry(ConfigKey<T> key, @Nullable ConfigSetting setting) {
        if (setting != null) {
            return new ConfigEntry(key.name(), shown(key, setting.text()), setting.source());
        }
        // a secret that nobody set is shown empty, so that masking never looks like a value
        String value = key.isSecret() ? "" : key.format(key.defaultValue());
        return new ConfigEntry(key.name(), value, ConfigEntry.DEFAULT);
    }

    private static String shown(ConfigKey<?> key, String text) {
        if (key.isSecret()) {
            return "****";
        }
        String line = text.trim().replaceAll("\\p{Cntrl}", "?");
        return line.length() <= LONGEST_SHOWN ? line : line.substring(0, LONGEST_SHOWN) + "…";
    }
}

package io.kvferry.cli;

import io.kvferry.control.lmcache.LmCacheConfigKeys;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.spi.ConfigKey;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * The ports of {@code --lmcache}, by name.
 *
 * @param byName pull and reply, and heartbeat where it is wanted
 */
record LmCachePorts(Map<String, Integer> byName) {
    private static final String OPTION = "--lmcache";
    private static final int MAX_PORT = 65_535;
    private static final Map<String, ConfigKey<Integer>> KEYS = keys();

    private static Map<String, ConfigKey<Integer>> keys() {
        Map<String, ConfigKey<Integer>> keys = new LinkedHashMap<>();
        keys.put("pull", LmCacheConfigKeys.PULL_PORT);
        keys.put("reply", LmCacheConfigKeys.REPLY_PORT);
        keys.put("heartbeat", LmCacheConfigKeys.HEARTBEAT_PORT);
        return keys;
    }

    void set(KvFerryConfig.Builder config) {
        byName.forEach((name, port) -> {
            ConfigKey<Integer> key = KEYS.get(name);
            if (key != null) {
                config.set(key.name(), String.valueOf(port), OPTION);
            }
        });
    }

    /** Which two of a command's ports on one host are the same; null if none are. */
    @Nullable
    String clash(Map<String, Integer> others) {
        Map<Integer, String> owners = new HashMap<>();
        Map<String, Integer> all = new LinkedHashMap<>(others);
        byName.forEach((name, port) -> all.put(OPTION + " " + name, port));
        for (Map.Entry<String, Integer> entry : all.entrySet()) {
            String owner = entry.getValue() == 0 ? null : owners.put(entry.getValue(), entry.getKey());
            if (owner != null) {
                return owner + " and " + entry.getKey() + " are both port " + entry.getValue();
            }
        }
        return null;
    }

    /** Ports such as {@code pull=8300,reply=8400,heartbeat=8082}. */
    static final class Converter implements ITypeConverter<LmCachePorts> {
        @Override
        public LmCachePorts convert(String text) {
            Map<String, Integer> ports = new LinkedHashMap<>();
            for (String part : text.split(",", -1)) {
                String[] sides = part.split("=", -1);
                if (sides.length != 2 || !KEYS.containsKey(sides[0]) || !sides[1].matches("\\d{1,5}")) {
                    throw wrong(text);
                }
                int port = Integer.parseInt(sides[1]);
                if (port > MAX_PORT) {
                    throw new TypeConversionException(port + " is no port, which is 0 to " + MAX_PORT);
                }
                if (ports.put(sides[0], port) != null) {
                    throw new TypeConversionException("'" + text + "' names " + sides[0] + " twice");
                }
            }
            if (!ports.containsKey("pull") || !ports.containsKey("reply")) {
                throw wrong(text);
            }
            return new LmCachePorts(ports);
        }

        private static TypeConversionException wrong(String text) {
            return new TypeConversionException("'" + text + "' is not pull=PORT,reply=PORT[,heartbeat=PORT]");
        }
    }
}

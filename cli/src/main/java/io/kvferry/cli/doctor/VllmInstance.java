package io.kvferry.cli.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * One instance of vLLM as it is configured.
 *
 * @param name of its file
 * @param host where it runs; empty for the machine of all others without one
 * @param options of {@code vllm serve}, without the dashes
 * @param transfer its {@code kv-transfer-config}
 * @param environment what its command sets; empty Optional where the file is no command
 */
record VllmInstance(
        String name,
        String host,
        Map<String, String> options,
        Map<?, ?> transfer,
        Optional<Map<String, String>> environment) {
    private static final String TRANSFER = "kv-transfer-config";
    private static final String COMMAND = "(?s).*(\\bvllm\\s+serve\\b|--" + TRANSFER + "\\b).*";

    /** Reads {@code FILE} or {@code FILE@HOST}: a command with its environment, options in YAML, or the JSON alone. */
    static VllmInstance read(String argument) throws IOException {
        int at = argument.lastIndexOf('@');
        Path file = Path.of(at < 0 || Files.exists(Path.of(argument)) ? argument : argument.substring(0, at));
        String host = file.toString().equals(argument) ? "" : argument.substring(at + 1);
        String name = String.valueOf(file.getFileName());
        String text = Files.readString(file);
        return text.matches(COMMAND) ? ofCommand(name, host, ShellWords.of(text)) : ofMap(name, host, map(text));
    }

    private static VllmInstance ofCommand(String name, String host, List<String> words) throws IOException {
        Map<String, String> environment = new HashMap<>();
        Map<String, String> options = new HashMap<>();
        boolean inCommand = false;
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            if (word.startsWith("-")) {
                int equals = word.indexOf('=');
                String option = word.substring(0, equals < 0 ? word.length() : equals)
                        .replaceFirst("^-+", "")
                        .replace('_', '-');
                boolean hasValue =
                        equals < 0 && i + 1 < words.size() && !words.get(i + 1).startsWith("-");
                options.put(option, equals >= 0 ? word.substring(equals + 1) : hasValue ? words.get(++i) : "");
            } else if (!inCommand && word.matches("[A-Za-z_][A-Za-z0-9_]*=.*")) {
                environment.put(word.substring(0, word.indexOf('=')), word.substring(word.indexOf('=') + 1));
            } else if (word.equals("serve")) {
                inCommand = true;
                if (i + 1 < words.size() && !words.get(i + 1).startsWith("-")) {
                    options.put("model", words.get(++i));
                }
            }
        }
        String told = environment.getOrDefault("VLLM_HOST_IP", "");
        return new VllmInstance(
                name, host.isEmpty() ? told : host, options, transfer(options.get(TRANSFER)), Optional.of(environment));
    }

    private static VllmInstance ofMap(String name, String host, Map<?, ?> map) throws IOException {
        if (map.containsKey("kv_connector") || map.containsKey("kv_role")) {
            return new VllmInstance(name, host, Map.of(), map, Optional.empty());
        }
        Map<String, String> options = new HashMap<>();
        map.forEach((key, value) -> options.put(String.valueOf(key).replace('_', '-'), String.valueOf(value)));
        Object transfer = map.containsKey(TRANSFER) ? map.get(TRANSFER) : map.get(TRANSFER.replace('-', '_'));
        return new VllmInstance(
                name,
                host,
                options,
                transfer instanceof Map<?, ?> given
                        ? given
                        : transfer(transfer == null ? null : String.valueOf(transfer)),
                Optional.empty());
    }

    private static Map<?, ?> transfer(@Nullable String json) throws IOException {
        return json == null ? Map.of() : map(json);
    }

    /** JSON is YAML. */
    private static Map<?, ?> map(String text) throws IOException {
        try {
            Object value = new Yaml(new SafeConstructor(new LoaderOptions())).load(text);
            if (value instanceof Map<?, ?> map) {
                return map;
            }
            throw new IOException("it is neither a command with 'vllm serve' nor a list of keys and values");
        } catch (YAMLException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** A key of the transfer's configuration; null if it is not there. */
    @Nullable
    String text(String key) {
        Object value = transfer.get(key);
        return value == null ? null : String.valueOf(value);
    }

    /** A key of its kv_connector_extra_config; null if it is not there. */
    @Nullable
    Object extra(String key) {
        return transfer.get("kv_connector_extra_config") instanceof Map<?, ?> map ? map.get(key) : null;
    }

    String extra(String key, String usual) {
        Object value = extra(key);
        return value == null ? usual : String.valueOf(value);
    }

    /** Workers, each with a port of its own. */
    int ranks() {
        String given = options.getOrDefault("tensor-parallel-size", options.getOrDefault("tp", "1"));
        return given.matches("[1-9]\\d{0,3}") ? Integer.parseInt(given) : 1;
    }

    String httpPort() {
        return options.getOrDefault("port", "8000");
    }

    boolean isConsumer() {
        return "kv_consumer".equals(text("kv_role"));
    }

    String sendType() {
        return extra("send_type", "PUT_ASYNC");
    }
}

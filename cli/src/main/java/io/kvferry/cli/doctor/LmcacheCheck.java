package io.kvferry.cli.doctor;

import io.kvferry.spi.PeerAddress;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/** Looks at configuration files of LMCache for what makes it fail at start, or find nothing later. */
public final class LmcacheCheck {
    private static final int DEFAULT_CHUNK = 256;
    private static final String DEFAULT_HASH = "builtin";

    private final List<Finding> findings = new ArrayList<>();
    /** Who takes a port already: HOST:PORT to file and key. */
    private final Map<String, String> ports = new HashMap<>();
    /** Those that files name, each once. */
    private final Set<LmcacheContact.Sockets> controllers = new LinkedHashSet<>();

    private final int ranks;

    private LmcacheCheck(int ranks) {
        this.ranks = ranks;
    }

    /**
     * Looks at files that are meant to work together.
     *
     * @param files in YAML
     * @param ranks tensor-parallel workers of each
     * @param contact how to ask the controllers that they name; null to look at the files alone
     * @return what was found
     */
    public static List<Finding> run(List<Path> files, int ranks, @Nullable LmcacheContact contact) {
        LmcacheCheck check = new LmcacheCheck(ranks);
        Map<String, Map<?, ?>> configs = new HashMap<>();
        for (Path file : files) {
            Map<?, ?> config = check.read(file);
            if (config != null) {
                String name = String.valueOf(file.getFileName());
                check.peerToPeer(name, config);
                check.controller(name, config);
                configs.put(name, config);
            }
        }
        check.agreement("chunk_size", configs, DEFAULT_CHUNK);
        check.agreement("pre_caching_hash_algorithm", configs, DEFAULT_HASH);
        if (contact != null) {
            check.controllers.forEach(sockets -> check.findings.addAll(contact.ask(sockets)));
        }
        return check.findings;
    }

    private @Nullable Map<?, ?> read(Path file) {
        try (Reader reader = Files.newBufferedReader(file)) {
            Object content = new Yaml(new SafeConstructor(new LoaderOptions())).load(reader);
            if (content instanceof Map<?, ?> config) {
                findings.add(Finding.good(file.toString(), config.size() + " keys"));
                return config;
            }
            findings.add(
                    Finding.bad(file.toString(), "it is no list of keys and values", "write it as KEY: VALUE lines"));
        } catch (YAMLException e) {
            findings.add(Finding.bad(file.toString(), String.valueOf(e.getMessage()), "correct the YAML there"));
        } catch (IOException e) {
            findings.add(Finding.bad(file.toString(), "cannot be read: " + e.getMessage(), "give the right path"));
        }
        return null;
    }

    private void peerToPeer(String file, Map<?, ?> config) {
        if (!Boolean.TRUE.equals(config.get("enable_p2p"))) {
            findings.add(Finding.bad(
                    file + " enable_p2p",
                    "it is " + config.get("enable_p2p") + ": nobody fetches from this one",
                    "set enable_p2p: True"));
            return;
        }
        Object host = config.get("p2p_host");
        if (host == null) {
            findings.add(Finding.bad(file + " p2p_host", "it is missing", "set the address that peers dial"));
        }
        takePorts(file, "p2p_init_ports", config, String.valueOf(host));
        takePorts(file, "p2p_lookup_ports", config, String.valueOf(host));
    }

    private void controller(String file, Map<?, ?> config) {
        if (!Boolean.TRUE.equals(config.get("enable_controller"))) {
            findings.add(Finding.bad(
                    file + " enable_controller",
                    "it is " + config.get("enable_controller") + ": peers are found through the controller alone",
                    "set enable_controller: True"));
            return;
        }
        PeerAddress pull = address(file, "controller_pull_url", config);
        PeerAddress reply = address(file, "controller_reply_url", config);
        if (pull != null && reply != null) {
            controllers.add(new LmcacheContact.Sockets(pull, reply));
        }
        if (config.get("lmcache_instance_id") == null) {
            findings.add(Finding.bad(
                    file + " lmcache_instance_id", "it is missing", "give each instance a name of its own"));
        }
        takePorts(file, "lmcache_worker_ports", config, String.valueOf(config.get("p2p_host")));
        if (config.get("lmcache_worker_heartbeat_time") == null) {
            findings.add(Finding.bad(
                    file + " lmcache_worker_heartbeat_time",
                    "it is not set, so workers send no heartbeats: a controller that checks health forgets them",
                    "set it to a third of the controller's --lmcache-worker-timeout"));
        }
    }

    private @Nullable PeerAddress address(String file, String key, Map<?, ?> config) {
        Object value = config.get(key);
        try {
            PeerAddress address = PeerAddress.parse(String.valueOf(value));
            if (address.port() > 0) {
                findings.add(Finding.good(file + " " + key, String.valueOf(value)));
                return address;
            }
        } catch (IllegalArgumentException e) {
            // told below
        }
        findings.add(Finding.bad(file + " " + key, "it is " + value, "set it to HOST:PORT of the controller"));
        return null;
    }

    /** LMCache takes the port at the position of the rank, and stops with "list index out of range" where there is none. */
    private void takePorts(String file, String key, Map<?, ?> config, String host) {
        Object value = config.get(key);
        List<?> given = value instanceof List<?> list ? list : value == null ? List.of() : List.of(value);
        String check = file + " " + key;
        if (given.size() < ranks) {
            findings.add(Finding.bad(
                    check,
                    given.size() + " ports for " + ranks + " ranks",
                    "give a list with one port for each rank: " + key + ": [" + "PORT, ".repeat(ranks - 1) + "PORT]"));
            return;
        }
        for (Object port : given) {
            if (!isPort(String.valueOf(port))) {
                findings.add(Finding.bad(check, port + " is no port", "use 1 to 65535"));
                return;
            }
            String before = ports.putIfAbsent(host + ":" + port, check);
            if (before != null) {
                findings.add(
                        Finding.bad(check, port + " is taken by " + before + " on " + host, "give each its own port"));
                return;
            }
        }
        findings.add(Finding.good(check, String.valueOf(value)));
    }

    private static boolean isPort(String text) {
        return text.matches("\\d{1,5}") && Integer.parseInt(text) >= 1 && Integer.parseInt(text) <= 65_535;
    }

    private void agreement(String key, Map<String, Map<?, ?>> configs, Object usual) {
        Map<String, String> values = new HashMap<>();
        configs.forEach((file, config) -> {
            Object value = config.get(key);
            values.put(file, String.valueOf(value == null ? usual : value));
        });
        long different = values.values().stream().distinct().count();
        if (different > 1) {
            findings.add(Finding.bad("same " + key, values.toString(), "set it to the same value in every file"));
        } else if (different == 1) {
            findings.add(Finding.good("same " + key, values.values().iterator().next()));
        }
    }
}

package io.kvferry.cli.doctor;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Looks at instances of vLLM that are meant to hand KV cache over by P2pNcclConnector, for what makes it hang or fail. */
public final class VllmCheck {
    private static final String CONNECTOR = "P2pNcclConnector";
    private static final String DEFAULT_KV_PORT = "14579";
    private static final int MAX_PORT = 65_535;
    private static final Set<String> ROLES = Set.of("kv_producer", "kv_consumer", "kv_both");
    private static final Set<String> SEND_TYPES = Set.of("PUT", "PUT_ASYNC", "GET");
    /** One layer of 256 tokens with 8 heads of 128 numbers in 16 bits: no prompt's tensor is smaller by much. */
    private static final double SMALLEST_TENSOR = 1 << 20;

    private final List<Finding> findings = new ArrayList<>();
    /** Who takes a port already: HOST:PORT to file and key. */
    private final Map<String, String> ports = new HashMap<>();

    private VllmCheck() {}

    /**
     * Looks at instances that are meant to work together.
     *
     * @param files {@code FILE} or {@code FILE@HOST}: the command that starts the instance, or its options in YAML or JSON
     * @param logs what servers have written, for versions and known failures
     * @return what was found
     */
    public static List<Finding> run(List<String> files, List<Path> logs) {
        VllmCheck check = new VllmCheck();
        List<VllmInstance> instances = new ArrayList<>();
        for (String file : files) {
            VllmInstance instance = check.read(file);
            if (instance != null && check.connector(instance)) {
                check.role(instance);
                check.ports(instance);
                check.proxy(instance);
                check.sending(instance);
                check.unread(instance);
                instances.add(instance);
            }
        }
        if (instances.size() > 1) {
            check.together(instances);
        }
        check.findings.addAll(VllmEnvironment.check(instances));
        check.findings.addAll(VllmLogs.check(logs));
        return check.findings;
    }

    private @Nullable VllmInstance read(String file) {
        try {
            VllmInstance instance = VllmInstance.read(file);
            findings.add(Finding.good(
                    instance.name(), instance.host().isEmpty() ? "on this machine" : "on " + instance.host()));
            return instance;
        } catch (IOException e) {
            findings.add(Finding.bad(
                    file,
                    "cannot be read: " + e.getMessage(),
                    "give FILE or FILE@HOST: the command with 'vllm serve', or its options in YAML or JSON"));
            return null;
        }
    }

    private boolean connector(VllmInstance vllm) {
        String connector = vllm.text("kv_connector");
        String check = vllm.name() + " kv_connector";
        if (CONNECTOR.equals(connector)) {
            findings.add(Finding.good(check, CONNECTOR));
            return true;
        }
        findings.add(Finding.bad(
                check,
                connector == null ? "it is missing" : "it is " + connector,
                "LMCacheConnectorV1".equals(connector)
                        ? "check the file of LMCACHE_CONFIG_FILE with --lmcache"
                        : "only " + CONNECTOR + " is checked here"));
        return false;
    }

    private void role(VllmInstance vllm) {
        String role = vllm.text("kv_role");
        String check = vllm.name() + " kv_role";
        if (role == null || !ROLES.contains(role)) {
            findings.add(Finding.bad(
                    check,
                    role == null ? "it is missing" : "it is " + role,
                    "kv_producer for prefill, kv_consumer for decode"));
        } else if (role.equals("kv_both")) {
            findings.add(Finding.bad(
                    check,
                    "kv_both counts as a producer, and a producer of " + CONNECTOR + " never loads",
                    "kv_producer for prefill, kv_consumer for decode"));
        } else {
            findings.add(Finding.good(check, role));
        }
    }

    /** The port of rank r is kv_port + r. */
    private void ports(VllmInstance vllm) {
        String http = vllm.extra("http_port", "");
        if (http.isEmpty()) {
            findings.add(Finding.bad(
                    vllm.name() + " http_port",
                    "it is missing in kv_connector_extra_config: vLLM stops with KeyError: 'http_port'",
                    "set it to the port of 'vllm serve', \"http_port\": \"" + vllm.httpPort() + "\""));
        } else if (!vllm.options().isEmpty() && !http.equals(vllm.httpPort())) {
            findings.add(Finding.bad(
                    vllm.name() + " http_port",
                    http + ", but 'vllm serve' listens on " + vllm.httpPort()
                            + ": the proxy would send requests to nobody",
                    "give both the same port"));
        } else {
            take(vllm, "http_port", http, 1);
        }
        String port = vllm.text("kv_port");
        take(vllm, "kv_port", port == null ? DEFAULT_KV_PORT : port, vllm.ranks());
    }

    private void take(VllmInstance vllm, String key, String first, int count) {
        String check = vllm.name() + " " + key;
        int last = first.matches("\\d{1,5}") ? Integer.parseInt(first) + count - 1 : 0;
        if (last < count || last > MAX_PORT) {
            findings.add(Finding.bad(
                    check,
                    first + (count > 1 ? " and the next for " + count + " ranks are no ports" : " is no port"),
                    "use 1 to " + (MAX_PORT - count + 1)));
            return;
        }
        for (int port = last - count + 1; port <= last; port++) {
            String before = ports.putIfAbsent(vllm.host() + ":" + port, check);
            if (before != null) {
                findings.add(Finding.bad(
                        check,
                        port + " is taken by " + before + (vllm.host().isEmpty() ? "" : " on " + vllm.host()),
                        "give each its own, for every rank; if they run on different machines, say so: FILE@HOST"));
                return;
            }
        }
        findings.add(Finding.good(check, count == 1 ? first : first + " to " + last + ", one for each rank"));
    }

    /** Who sends requests must put both addresses into the id of each: with a proxy vLLM tells it, else nobody does. */
    private void proxy(VllmInstance vllm) {
        String ip = vllm.extra("proxy_ip", "");
        String port = vllm.extra("proxy_port", "");
        String check = vllm.name() + " proxy";
        if (ip.isEmpty() && port.isEmpty()) {
            findings.add(Finding.note(
                    check,
                    "none is set",
                    "whoever sends requests must put ___prefill_addr_HOST:PORT___decode_addr_HOST:PORT_ into the id of"
                            + " each; an id without it is refused, as those of vLLM's offline LLM() are"));
        } else if (ip.isEmpty() || !port.matches("\\d{1,5}") || Integer.parseInt(port) > MAX_PORT) {
            findings.add(
                    Finding.bad(
                            check,
                            "proxy_ip is '" + ip + "', proxy_port '" + port + "'",
                            "set both, the port as the proxy's ZeroMQ port: \"proxy_ip\": \"10.0.0.5\", \"proxy_port\": \"30001\""));
        } else if (vllm.extra("proxy_port") instanceof Number) {
            findings.add(Finding.bad(
                    check,
                    "proxy_port is a number, and vLLM appends it to a text: it stops with TypeError",
                    "quote it: \"proxy_port\": \"" + port + "\""));
        } else if (ip.equals("0.0.0.0")) {
            findings.add(Finding.bad(check, "0.0.0.0 is no address to dial", "set the proxy's own address"));
        } else {
            findings.add(Finding.good(check, ip + ":" + port));
        }
    }

    private void sending(VllmInstance vllm) {
        String type = vllm.sendType();
        if (!SEND_TYPES.contains(type)) {
            findings.add(Finding.bad(
                    vllm.name() + " send_type", "it is " + type, "use PUT_ASYNC, which is usual, PUT or GET"));
        }
        String check = vllm.name() + " kv_buffer_size";
        String size = vllm.text("kv_buffer_size");
        double bytes;
        try {
            bytes = size == null ? 1e9 : Double.parseDouble(size);
        } catch (NumberFormatException e) {
            bytes = -1;
        }
        boolean matters = type.equals("GET") ? !vllm.isConsumer() : vllm.isConsumer();
        if (!(bytes > 0)) {
            findings.add(Finding.bad(check, size + " is no number of bytes", "set it in bytes, such as 8e9"));
        } else if (matters && bytes < SMALLEST_TENSOR) {
            findings.add(Finding.bad(
                    check,
                    size + " bytes hold no layer of a prompt: "
                            + (type.equals("GET")
                                    ? "the producer fails with StopIteration at the first one"
                                    : "every tensor goes through the host's memory pool, and its end ends the listener"),
                    "set what the GPU has to spare, such as 8e9"));
        } else {
            findings.add(Finding.good(check, matters ? String.valueOf(bytes) : "not used by this role"));
        }
    }

    private void unread(VllmInstance vllm) {
        for (String key : List.of("kv_rank", "kv_parallel_size")) {
            String value = vllm.text(key);
            if (value != null) {
                findings.add(Finding.good(
                        vllm.name() + " " + key, value + "; " + CONNECTOR + " does not read it, so it hangs nothing"));
            }
        }
    }

    private void together(List<VllmInstance> instances) {
        if (instances.stream().noneMatch(VllmInstance::isConsumer)
                || instances.stream().allMatch(VllmInstance::isConsumer)) {
            findings.add(Finding.bad(
                    "roles",
                    "not both a kv_producer and a kv_consumer",
                    "give the files of prefill and decode together"));
        }
        agree(instances, "send_type", VllmInstance::sendType, "a decode that waits for what it must ask for hangs");
        agree(
                instances,
                "nccl_num_channels",
                vllm -> vllm.extra("nccl_num_channels", "8"),
                "both open one communicator");
        agree(
                instances,
                "tensor-parallel-size",
                vllm -> String.valueOf(vllm.ranks()),
                "rank r talks to rank r of the peer and to no other");
        agree(instances, "proxy", vllm -> vllm.extra("proxy_ip", "") + ":" + vllm.extra("proxy_port", ""), "one proxy");
        for (String option : List.of("model", "dtype", "block-size", "kv-cache-dtype")) {
            agree(
                    instances.stream().filter(vllm -> !vllm.options().isEmpty()).toList(),
                    option,
                    vllm -> vllm.options().getOrDefault(option, "the default"),
                    "a tensor that is received has the shape and type of the one that is sent");
        }
    }

    private void agree(List<VllmInstance> instances, String what, Function<VllmInstance, String> value, String reason) {
        Map<String, String> values = new TreeMap<>();
        instances.forEach(vllm -> values.put(vllm.name(), value.apply(vllm)));
        Set<String> distinct = new TreeSet<>(values.values());
        if (distinct.size() > 1) {
            findings.add(Finding.bad("same " + what, values.toString(), "make it the same: " + reason));
        } else if (distinct.size() == 1) {
            findings.add(Finding.good("same " + what, distinct.iterator().next()));
        }
    }
}

package io.kvferry.cli.doctor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Looks at what the commands of vLLM's instances set in their environment. */
final class VllmEnvironment {
    private static final String RANDOM_IDS = "VLLM_DISABLE_REQUEST_ID_RANDOMIZATION";
    private static final String DEVICES = "CUDA_VISIBLE_DEVICES";
    private static final String INTERFACE = "NCCL_SOCKET_IFNAME";
    /** Of these each machine may have its own. */
    private static final Set<String> LOCAL = Set.of(
            "NCCL_DEBUG",
            "NCCL_DEBUG_SUBSYS",
            "NCCL_DEBUG_FILE",
            INTERFACE,
            "NCCL_IB_HCA",
            "NCCL_IB_GID_INDEX",
            "NCCL_TOPO_FILE");

    private final List<Finding> findings = new ArrayList<>();
    /** Who takes a GPU already: HOST and number to file. */
    private final Map<String, String> devices = new HashMap<>();

    private VllmEnvironment() {}

    static List<Finding> check(List<VllmInstance> instances) {
        VllmEnvironment check = new VllmEnvironment();
        List<VllmInstance> known = instances.stream()
                .filter(vllm -> vllm.environment().isPresent())
                .toList();
        known.forEach(check::requestIds);
        known.forEach(check::devices);
        check.nccl(known);
        check.interfaces(known);
        return check.findings;
    }

    private static Map<String, String> environment(VllmInstance vllm) {
        return vllm.environment().orElse(Map.of());
    }

    private void requestIds(VllmInstance vllm) {
        String value = environment(vllm).getOrDefault(RANDOM_IDS, "");
        String check = vllm.name() + " " + RANDOM_IDS;
        if (value.equals("1")) {
            findings.add(Finding.good(check, value));
        } else {
            findings.add(Finding.bad(
                    check,
                    "it is not 1: since vLLM 0.14 each side appends its own random end to a request's id, so that decode"
                            + " waits for ever for a tensor of another name",
                    "set " + RANDOM_IDS + "=1 for both; older versions do not read it"));
        }
    }

    /** Two ranks on one GPU end in "Duplicate GPU detected". */
    private void devices(VllmInstance vllm) {
        String value = environment(vllm).get(DEVICES);
        if (value == null) {
            return;
        }
        String check = vllm.name() + " " + DEVICES;
        List<String> given =
                Arrays.stream(value.split(",", -1)).map(String::strip).toList();
        if (given.size() < vllm.ranks()) {
            findings.add(Finding.bad(check, value + " for " + vllm.ranks() + " ranks", "give each rank a GPU"));
            return;
        }
        for (String device : given) {
            String before = devices.putIfAbsent(vllm.host() + " " + device, vllm.name());
            if (before != null) {
                findings.add(Finding.bad(
                        check,
                        device + " is that of " + before + ", too: NCCL refuses two ranks on one GPU",
                        "give each its own; if they run on different machines, say so: FILE@HOST"));
                return;
            }
        }
        findings.add(Finding.good(check, value));
    }

    /** A communicator whose two ends are set differently does not come up, or hangs at its first message. */
    private void nccl(List<VllmInstance> instances) {
        Set<String> names = new TreeSet<>();
        instances.forEach(vllm -> names.addAll(environment(vllm).keySet()));
        for (String name : names) {
            if (!name.startsWith("NCCL_") || LOCAL.contains(name)) {
                continue;
            }
            Map<String, String> values = new TreeMap<>();
            instances.forEach(vllm -> values.put(vllm.name(), environment(vllm).getOrDefault(name, "not set")));
            if (values.values().stream().distinct().count() > 1) {
                findings.add(
                        Finding.bad("same " + name, values.toString(), "set it the same for both, or for neither"));
            } else {
                findings.add(
                        Finding.good("same " + name, values.values().iterator().next()));
            }
        }
    }

    private void interfaces(List<VllmInstance> instances) {
        boolean apart = instances.stream().map(VllmInstance::host).distinct().count() > 1;
        for (VllmInstance vllm : instances) {
            String value = environment(vllm).get(INTERFACE);
            if (apart && "lo".equals(value)) {
                findings.add(Finding.bad(
                        vllm.name() + " " + INTERFACE,
                        "lo reaches no other machine: NCCL's set-up, which has no limit, never ends",
                        "name the interface that the peer can reach"));
            }
        }
    }
}

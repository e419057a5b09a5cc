package io.kvferry.cli.doctor;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads logs of vLLM for versions, which must agree, and for failures whose cause is known. */
final class VllmLogs {
    private static final Map<String, Pattern> VERSIONS = Map.of(
            "NCCL", Pattern.compile("(?:vLLM is using nccl==|NCCL version )(\\d+(?:\\.\\d+)+)"),
            "vLLM", Pattern.compile("(?:API server version |LLM engine \\(v)(\\d+(?:\\.\\d+)+)"));

    /** What a log says, and what to do then. */
    private static final Map<String, String> FAILURES = failures();

    private final List<Finding> findings = new ArrayList<>();
    private final Map<String, Map<String, String>> versions = new TreeMap<>();

    private VllmLogs() {}

    private static Map<String, String> failures() {
        Map<String, String> remedies = new LinkedHashMap<>();
        remedies.put("Address already in use", "give each instance a kv_port of its own: rank r takes kv_port + r");
        remedies.put("KeyError: 'http_port'", "set http_port in kv_connector_extra_config");
        remedies.put(
                "does not contain hostname and port",
                "send requests through the proxy, which puts both addresses into the id; vLLM's offline LLM() does not");
        remedies.put("Duplicate GPU detected", "give each instance GPUs of its own: CUDA_VISIBLE_DEVICES");
        remedies.put("unhandled system error", "see the NCCL WARN lines before it, with NCCL_DEBUG=INFO");
        remedies.put("Out Of Memory", "lower --gpu-memory-utilization or kv_buffer_size of the decode instance");
        return remedies;
    }

    static List<Finding> check(List<Path> logs) {
        VllmLogs check = new VllmLogs();
        logs.forEach(check::read);
        check.versions.forEach((what, values) -> {
            if (new TreeSet<>(values.values()).size() > 1) {
                check.findings.add(
                        Finding.bad("same " + what, values.toString(), "install the same version on both sides"));
            } else {
                check.findings.add(
                        Finding.good("same " + what, values.values().iterator().next()));
            }
        });
        return check.findings;
    }

    private void read(Path log) {
        String name = String.valueOf(log.getFileName());
        Map<String, String> found = new LinkedHashMap<>();
        // a log may hold bytes that are no text
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(Files.newInputStream(log), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String text = line;
                VERSIONS.forEach((what, pattern) -> {
                    Matcher matcher = pattern.matcher(text);
                    if (matcher.find()) {
                        versions.computeIfAbsent(what, _ -> new TreeMap<>()).put(name, matcher.group(1));
                    }
                });
                FAILURES.keySet().stream().filter(text::contains).forEach(failure -> found.putIfAbsent(failure, text));
            }
        } catch (IOException e) {
            findings.add(Finding.bad(name, "cannot be read: " + e.getMessage(), "give the path of a server's log"));
            return;
        }
        found.forEach((failure, line) ->
                findings.add(Finding.bad(name, line.strip(), String.valueOf(FAILURES.get(failure)))));
        if (found.isEmpty()) {
            findings.add(Finding.good(name, "no failure whose cause is known"));
        }
    }
}

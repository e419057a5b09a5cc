package io.kvferry.control.http;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** One page in a headless Chromium that can reach this machine alone, driven by its DevTools protocol. */
final class Browser implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(50);
    private static final String LISTENING = "DevTools listening on ";
    private static final List<String> OPTIONS = List.of(
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1500,1000",
            "--remote-debugging-port=0",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1");

    private final HttpClient client = HttpClient.newHttpClient();
    private final AtomicInteger lastId = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> waiting = new ConcurrentHashMap<>();
    private final List<String> complaints = new CopyOnWriteArrayList<>();
    private final Process process;
    private final WebSocket page;

    private Browser(Process process, String debugger) throws IOException, InterruptedException {
        this.process = process;
        HttpRequest newPage = HttpRequest.newBuilder(URI.create("http://" + debugger + "/json/new?about:blank"))
                .PUT(HttpRequest.BodyPublishers.noBody())
                .timeout(PATIENCE)
                .build();
        JsonNode target = JsonMapper.shared()
                .readTree(client.send(newPage, BodyHandlers.ofString()).body());
        this.page = client.newWebSocketBuilder()
                .connectTimeout(PATIENCE)
                .buildAsync(URI.create(target.get("webSocketDebuggerUrl").asString()), new Messages())
                .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
        for (String domain : List.of("Page", "Runtime", "Log")) {
            call(domain + ".enable", Map.of());
        }
    }

    static Browser open(Path profile) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("chromium"));
        command.addAll(OPTIONS);
        command.add("--user-data-dir=" + profile);
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.PIPE)
                .start();
        CompletableFuture<String> debugger = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name("chromium-log").start(() -> readLog(process, debugger));
        try {
            return new Browser(
                    process,
                    debugger.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join());
        } catch (RuntimeException | IOException e) {
            process.destroyForcibly();
            throw e;
        }
    }

    private static void readLog(Process process, CompletableFuture<String> debugger) {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith(LISTENING)) {
                    debugger.complete(
                            URI.create(line.substring(LISTENING.length())).getAuthority());
                }
            }
        } catch (IOException e) {
            // the process is gone
        } finally {
            debugger.completeExceptionally(new IOException("chromium ended"));
        }
    }

    void show(URI address) {
        call("Page.navigate", Map.of("url", address.toString()));
    }

    void preferDark(boolean dark) {
        call(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
    }

    /** Waits until an expression is true on the page, which looks whenever it draws. */
    void await(String condition) {
        JsonNode outcome = evaluate("""
                new Promise(resolve => {
                  const look = () => { try { if (%s) { return resolve(true); } } catch (e) {} setTimeout(look, 20); };
                  setTimeout(() => resolve(document.body.innerText), %d);
                  look();
                })""".formatted(condition, PATIENCE.toMillis() / 2));
        if (!outcome.isBoolean()) {
            throw new AssertionError("never true: " + condition + "; the page says: " + outcome.asString());
        }
    }

    JsonNode evaluate(String expression) {
        JsonNode answer =
                call("Runtime.evaluate", Map.of("expression", expression, "awaitPromise", true, "returnByValue", true));
        if (answer.has("exceptionDetails")) {
            throw new AssertionError(answer.get("exceptionDetails").toString());
        }
        return answer.path("result").path("value");
    }

    /** The page as a PNG file. */
    byte[] screenshot() {
        return java.util.Base64.getDecoder()
                .decode(call("Page.captureScreenshot", Map.of("format", "png"))
                        .get("data")
                        .asString());
    }

    /** Errors on the console and exceptions in scripts. */
    List<String> complaints() {
        return complaints;
    }

    private JsonNode call(String method, Map<String, ?> parameters) {
        int id = lastId.incrementAndGet();
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        waiting.put(id, answer);
        String message =
                JsonMapper.shared().writeValueAsString(Map.of("id", id, "method", method, "params", parameters));
        page.sendText(message, true)
                .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
        return answer.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    }

    @Override
    public void close() {
        page.abort();
        client.shutdownNow();
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly()
                .onExit()
                .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
    }

    /** Completes calls, and keeps what went wrong. */
    private final class Messages implements WebSocket.Listener {
        private final StringBuilder message = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            message.append(data);
            if (last) {
                JsonNode node = JsonMapper.shared().readTree(message.toString());
                message.setLength(0);
                take(node);
            }
            socket.request(1);
            return CompletableFuture.completedFuture(null);
        }

        private void take(JsonNode node) {
            if (node.has("id")) {
                waiting.remove(node.get("id").asInt()).complete(node.path("result"));
                return;
            }
            String method = node.path("method").asString();
            JsonNode entry = node.path("params").path("entry");
            if (method.equals("Runtime.exceptionThrown")
                    || (method.equals("Log.entryAdded")
                            && entry.path("level").asString().equals("error"))) {
                complaints.add(node.toString());
            }
        }
    }
}

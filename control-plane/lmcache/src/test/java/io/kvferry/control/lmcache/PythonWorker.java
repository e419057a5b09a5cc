package io.kvferry.control.lmcache;

import io.kvferry.spi.PeerAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** {@code worker.py} in a process of its own, on Debian's libzmq and msgpack: what the other tests' own codec cannot prove. */
final class PythonWorker implements AutoCloseable {
    private static final String PYTHON = "/usr/bin/python3"; // Debian's packages are of no use to another one
    private static final String NEEDED =
            "it needs the Debian packages python3, python3-zmq and python3-msgpack, which .ci/run installs";
    private static final Path SCRIPT = Path.of("src", "test", "python", "worker.py");
    private static final int EXIT_SECONDS = 20;

    private final Process process;
    private final BufferedReader answers;
    private final Writer commands;

    private PythonWorker(Process process) {
        this.process = process;
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        this.commands = process.outputWriter(StandardCharsets.UTF_8);
    }

    static PythonWorker start(LmCacheFront front, String instance, int rank, int generation) throws Exception {
        List<String> line = List.of(
                PYTHON,
                SCRIPT.toAbsolutePath().toString(),
                address(front.pullAddress()),
                address(front.replyAddress()),
                instance,
                String.valueOf(rank),
                String.valueOf(generation));
        PythonWorker worker;
        try {
            worker = new PythonWorker(new ProcessBuilder(line).start());
        } catch (IOException e) {
            throw new AssertionError(PYTHON + " is missing: " + NEEDED, e);
        }
        try {
            worker.answer();
            return worker;
        } catch (Exception | AssertionError e) {
            worker.close();
            throw e;
        }
    }

    private static String address(PeerAddress address) {
        return address.host() + ":" + address.port();
    }

    /** Has it do something, named by a method of the script; the rest are pairs of argument and value. */
    Object run(String method, Object... arguments) throws Exception {
        Map<String, Object> command = new HashMap<>();
        command.put("do", method);
        for (int i = 0; i < arguments.length; i += 2) {
            command.put((String) arguments[i], arguments[i + 1]);
        }
        commands.write(new String(MessageCodec.jsonBytes(command), StandardCharsets.UTF_8) + "\n");
        commands.flush();
        return answer();
    }

    private Object answer() throws Exception {
        String line = answers.readLine();
        if (line == null) {
            throw new AssertionError("the worker ended; " + NEEDED + ": " + errors());
        }
        Map<?, ?> answer = MessageCodec.jsonMap(line.getBytes(StandardCharsets.UTF_8));
        if (answer.containsKey("failed")) {
            throw new AssertionError("the worker failed: " + answer.get("failed"));
        }
        return answer.get("ok");
    }

    private String errors() throws IOException {
        try (BufferedReader errors =
                new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            return String.join(" | ", errors.lines().toList());
        }
    }

    /** It dies as a process does that is killed: nothing is said to anybody. */
    void die() throws Exception {
        commands.write("{\"do\":\"die\"}\n");
        commands.flush();
        if (!process.waitFor(EXIT_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the worker lives");
        }
    }

    @Override
    public void close() throws IOException {
        try {
            commands.close();
        } finally {
            process.destroyForcibly()
                    .onExit()
                    .orTimeout(EXIT_SECONDS, TimeUnit.SECONDS)
                    .join();
        }
    }
}

package io.kvferry.backend.mooncake;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program of the test resources, which knows nothing of Java; ends when it is closed. */
final class PythonPeer implements AutoCloseable {
    private final Process process;
    private final BufferedReader out;

    PythonPeer(String program, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                "python3", "-u", Path.of("src/test/resources/peers", program).toString()));
        command.addAll(List.of(arguments));
        process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        out = process.inputReader();
    }

    /** The next line that it prints. */
    String line() throws IOException {
        String line = out.readLine();
        if (line == null) {
            throw new IOException("the peer ended without a word");
        }
        return line;
    }

    /** Lets it end, and returns the next line that it prints. */
    String end() throws IOException {
        process.getOutputStream().close();
        return line();
    }

    @Override
    public void close() throws IOException {
        process.getOutputStream().close();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException interrupted) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}

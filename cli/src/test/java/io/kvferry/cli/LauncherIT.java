package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script that starts the command; it needs the jar, so it runs after packaging. */
class LauncherIT {
    private static final Path SCRIPT = Path.of("..", "kvferry").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    /** A jar as new as this never makes the script build in the middle of a build. */
    @BeforeAll
    static void theJarIsNew() throws IOException {
        Path jar = Path.of("target", "kvferry.jar");
        assertThat(jar).exists();
        Files.setLastModifiedTime(jar, FileTime.from(Instant.now()));
    }

    @Test
    void itRunsFromAnyFolderThroughALink() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("ferry"), SCRIPT);

        assertThat(run(link, "--version")).startsWith("0 kvferry ");
    }

    @Test
    void argumentsWithSpacesArriveWhole() throws Exception {
        assertThat(run(SCRIPT, "serve", "--offer", "no such file"))
                .isEqualTo("2 kvferry serve: there is no readable file no such file\n");
    }

    @Test
    void theJarHoldsEveryBackend() throws Exception {
        assertThat(run(SCRIPT, "backends")).contains("inprocess  yes", "tcp        yes");
    }

    @Test
    void aBackendOfSomebodyElseIsFound() throws Exception {
        Path services = Files.createDirectories(folder.resolve("META-INF/services"));
        Files.writeString(services.resolve("io.kvferry.spi.TransferBackendProvider"), ForeignProvider.class.getName());
        String classes = Path.of("target", "test-classes").toAbsolutePath().toString();

        String backends = run(Map.of("KVFERRY_CLASSPATH", folder + ":" + classes), SCRIPT, "backends");
        String conformance =
                run(Map.of("KVFERRY_CLASSPATH", folder + ":" + classes), SCRIPT, "conformance", "--backend", "foreign");

        assertThat(backends).startsWith("0 ").contains("foreign    no", "foreign: it is missing. Remedy: get one");
        assertThat(conformance).as("nothing was tested").startsWith("4 ").contains("it is missing; get one");
    }

    private String run(Path script, String... args) throws IOException, InterruptedException {
        return run(Map.of(), script, args);
    }

    private String run(Map<String, String> environment, Path script, String... args)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(script.toString()));
        command.addAll(List.of(args));
        Path output = folder.resolve("output");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        if (!process.waitFor(50, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("did not end in time: " + Files.readString(output));
        }
        return process.exitValue() + " " + Files.readString(output);
    }
}

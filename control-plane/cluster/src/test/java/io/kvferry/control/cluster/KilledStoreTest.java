package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file outlives the process that writes it, killed in the middle. */
class KilledStoreTest {
    private static final int ENOUGH = 200;

    @TempDir
    private Path folder;

    /** The process that is killed: writes entries, and says which ones are stored. */
    static final class Writer {
        private Writer() {}

        public static void main(String[] args) {
            ClusterStore store = open(args[0]);
            for (int i = 0; ; i++) {
                byte[] value = ("value " + i).getBytes(StandardCharsets.UTF_8);
                store.replace("key/" + i, value, ClusterStore.NO_LEASE, 0, Deadline.after(10, TimeUnit.SECONDS))
                        .orElseThrow();
                System.out.println(i);
            }
        }
    }

    private static ClusterStore open(String file) {
        FakeTicker ticker = new FakeTicker();
        return new FileStoreProvider()
                .open(
                        BackendConfig.DEFAULTS.with(FileStoreProvider.PATH, file),
                        ticker,
                        ticker.scheduler(),
                        Deadline.after(10, TimeUnit.SECONDS));
    }

    @Test
    void whatWasStoredIsThereAfterAKill() throws IOException, InterruptedException {
        String file = folder.resolve("store.db").toString();
        Process writer = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Writer.class.getName(),
                        file)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        int stored = -1;
        try (BufferedReader lines = writer.inputReader()) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                stored = Integer.parseInt(line);
                if (stored == ENOUGH) {
                    // through its handle, so that what it has said can still be read
                    boolean ignored = writer.toHandle().destroyForcibly();
                }
            }
        }
        assertThat(writer.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(stored).isGreaterThanOrEqualTo(ENOUGH);

        ClusterStore store = open(file);
        try {
            for (int i = 0; i <= stored; i++) {
                assertThat(store.get("key/" + i, Deadline.after(10, TimeUnit.SECONDS))
                                .orElseThrow()
                                .value())
                        .isEqualTo(("value " + i).getBytes(StandardCharsets.UTF_8));
            }
        } finally {
            store.close(Deadline.after(10, TimeUnit.SECONDS));
        }
    }
}

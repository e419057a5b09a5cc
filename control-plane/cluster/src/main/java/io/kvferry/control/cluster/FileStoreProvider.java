package io.kvferry.control.cluster;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.file.Path;
import java.util.Set;

/**
 * Keeps everything in one file, which outlives the process, killed or not; chosen by {@code kvferry.controller.store =
 * file}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class FileStoreProvider implements ClusterStoreProvider {
    /** Where the file is. */
    public static final ConfigKey<String> PATH = ConfigKey.text(
            "kvferry.controller.file.path",
            "kvferry-controller.db",
            "File of the store 'file'; made if it is not there. One controller at a time opens it. Default: in the working"
                    + " directory.");

    /** For {@link java.util.ServiceLoader}. */
    public FileStoreProvider() {}

    @Override
    public String name() {
        return "file";
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return Set.of(PATH);
    }

    @Override
    public ClusterStore open(BackendConfig config, Ticker ticker, Scheduler scheduler, Deadline deadline) {
        Path file = Path.of(config.get(PATH)).toAbsolutePath();
        FileJournal journal;
        try {
            journal = FileJournal.open(file);
        } catch (RuntimeException e) {
            throw new TransferException(
                    TransferErrorCode.CONTROL_FAILED,
                    Stage.OPEN,
                    "cannot open " + file + " (kvferry.controller.file.path): " + e.getMessage()
                            + "; is another controller using it?",
                    e);
        }
        return new LocalClusterStore(ticker, scheduler, journal);
    }
}

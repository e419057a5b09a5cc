package io.kvferry.cli.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileSessionsTest {
    private static final PeerIdentity CLIENT = new PeerIdentity("client", 1);

    @TempDir
    Path folder;

    @Test
    void aSessionThatIsIdleTooLongIsClosedAndOneInUseIsNot() throws IOException {
        AtomicLong now = new AtomicLong();
        FileSessions sessions = new FileSessions(4, 4, Duration.ofSeconds(10), now::get);
        try (FileExchange exchange = new FileExchange(folder)) {
            String idle = sessions.add(incoming(exchange, "idle"));
            String used = sessions.add(incoming(exchange, "used"));

            now.addAndGet(Duration.ofSeconds(9).toNanos());
            sessions.find(used, CLIENT, IncomingFile.class);
            now.addAndGet(Duration.ofSeconds(2).toNanos());
            sessions.closeIdle();

            assertThat(sessions.find(used, CLIENT, IncomingFile.class)).isNotNull();
            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(() -> sessions.find(idle, CLIENT, IncomingFile.class))
                    .withMessageContaining("idle too long");
            assertThat(Files.list(exchange.inbox)).hasSize(1);
            sessions.closeAll();
            assertThat(Files.list(exchange.inbox)).isEmpty();
        }
    }

    @Test
    void aSessionOfOneKindIsNoneOfTheOther() throws IOException {
        FileSessions sessions = new FileSessions(4, 4, Duration.ofSeconds(10), () -> 0);
        try (FileExchange exchange = new FileExchange(folder)) {
            String id = sessions.add(incoming(exchange, "a"));

            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(() -> sessions.find(id, CLIENT, OutgoingFile.class));
            sessions.closeAll();
        }
    }

    private static IncomingFile incoming(FileExchange exchange, String name) throws IOException {
        return new IncomingFile(
                exchange.serverEngine,
                CLIENT,
                AcceptedFolder.of(exchange.inbox, false, 1 << 20),
                name,
                1,
                FileExchange.LIMITS);
    }
}

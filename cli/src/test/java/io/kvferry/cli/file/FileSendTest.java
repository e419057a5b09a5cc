package io.kvferry.cli.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.cli.message.Fields;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileSendTest {
    private static final int WINDOW = FileExchange.WINDOW;

    @TempDir
    Path folder;

    private FileExchange exchange;

    @BeforeEach
    void open() throws IOException {
        exchange = new FileExchange(folder);
    }

    @AfterEach
    void close() {
        exchange.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, WINDOW, 9 * WINDOW + 17})
    void aSentFileIsTheSameThere(int size) throws IOException {
        Path file = exchange.local.resolve("a.bin");
        byte[] content = FileExchange.randomFile(file, size);

        FileReport report = exchange.send(file, "b.bin");

        assertThat(report.sizeBytes()).isEqualTo(size);
        assertThat(exchange.inbox.resolve("b.bin")).hasBinaryContent(content);
        assertThat(FileExchange.names(exchange.inbox)).containsExactly("b.bin");
    }

    @Test
    void aFileThatExistsThereIsLeftAlone() throws IOException {
        Files.writeString(exchange.inbox.resolve("a.bin"), "theirs");

        refused(TransferErrorCode.ALREADY_EXISTS, "a.bin", WINDOW);
        assertThat(exchange.inbox.resolve("a.bin")).hasContent("theirs");
    }

    @Test
    void aFileThatExistsThereIsReplacedWhereTheServerAllowsIt() throws IOException {
        try (FileExchange lenient = new FileExchange(folder.resolve("lenient"), true, 1 << 20)) {
            Files.writeString(lenient.inbox.resolve("a.bin"), "theirs");
            byte[] content = FileExchange.randomFile(lenient.local.resolve("a.bin"), WINDOW);

            lenient.send(lenient.local.resolve("a.bin"), "a.bin");

            assertThat(lenient.inbox.resolve("a.bin")).hasBinaryContent(content);
        }
    }

    @Test
    void aLinkThereIsReplacedAndNotFollowed() throws IOException {
        try (FileExchange lenient = new FileExchange(folder.resolve("lenient"), true, 1 << 20)) {
            Path outside = Files.writeString(folder.resolve("outside"), "outside");
            Files.createSymbolicLink(lenient.inbox.resolve("a.bin"), outside);
            FileExchange.randomFile(lenient.local.resolve("a.bin"), WINDOW);

            lenient.send(lenient.local.resolve("a.bin"), "a.bin");

            assertThat(outside).hasContent("outside");
            assertThat(lenient.inbox.resolve("a.bin")).isRegularFile();
        }
    }

    @Test
    void aFolderThatLeadsOutIsRefused() throws IOException {
        Files.createSymbolicLink(exchange.inbox.resolve("out"), folder);

        refused(TransferErrorCode.ACCESS_DENIED, "out/a.bin", WINDOW);
        assertThat(folder.resolve("a.bin")).doesNotExist();
    }

    @Test
    void aFolderThatIsNotThereIsRefused() throws IOException {
        refused(TransferErrorCode.INVALID_REQUEST, "absent/a.bin", WINDOW);
    }

    @Test
    void aFileOverTheLimitIsRefusedBeforeAByteMoves() throws IOException {
        refused(TransferErrorCode.INVALID_REQUEST, "a.bin", (1 << 20) + 1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"../a.bin", "/a.bin", "a/../../b", "a\\b"})
    void theServerChecksNamesByItself(String name) throws IOException {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(
                        () -> ask(FileTopics.PUT, Fields.NONE.with("name", name).with("size", 1)))
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST));
        assertThat(FileExchange.names(exchange.inbox)).isEmpty();
    }

    @Test
    void aFileThatChangesWhileItIsSentGetsNoName() throws IOException {
        Path file = exchange.local.resolve("a.bin");
        FileExchange.randomFile(file, 9 * WINDOW);

        assertThatExceptionOfType(VerificationException.class)
                .isThrownBy(() -> exchange.send(file, "a.bin", done -> append(file)))
                .withMessageContaining("was changed while it was sent");
        assertThat(FileExchange.names(exchange.inbox)).isEmpty();
    }

    @Test
    void aSumThatDiffersGivesTheFileNoName() throws IOException {
        String session = ask(FileTopics.PUT, Fields.NONE.with("name", "a.bin").with("size", 0))
                .text("session");

        Fields verdict =
                ask(FileTopics.COMMIT, Fields.NONE.with("session", session).with("sha256", "0".repeat(64)));
        ask(FileTopics.CLOSE, Fields.NONE.with("session", session));

        assertThat(verdict.has("differs")).isTrue();
        assertThat(FileExchange.names(exchange.inbox)).isEmpty();
    }

    @Test
    void aFileIsNotCommittedBeforeAllOfItIsThere() throws IOException {
        String session = ask(FileTopics.PUT, Fields.NONE.with("name", "a.bin").with("size", WINDOW))
                .text("session");

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> ask(
                        FileTopics.COMMIT, Fields.NONE.with("session", session).with("sha256", "0")))
                .withMessageContaining("0 of 1 windows");
    }

    @Test
    void aWindowThatWasNotWrittenIsNotKept() throws IOException {
        String session = ask(FileTopics.PUT, Fields.NONE.with("name", "a.bin").with("size", WINDOW))
                .text("session");

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> ask(
                        FileTopics.APPLIED, Fields.NONE.with("session", session).with("window", 0)))
                .withMessageContaining("has no lease");
    }

    @Test
    void whatIsHalfReceivedIsDeletedWhenTheServerCloses() throws IOException {
        ask(FileTopics.PUT, Fields.NONE.with("name", "a.bin").with("size", WINDOW));
        assertThat(FileExchange.names(exchange.inbox)).hasSize(1);

        exchange.server.close();

        assertThat(FileExchange.names(exchange.inbox)).isEmpty();
    }

    private Fields ask(String topic, Fields request) {
        return Fields.read(exchange.clientEngine.notify(
                exchange.serverEngine.address(), topic, request.payload(), FileExchange.soon()));
    }

    private void refused(TransferErrorCode code, String name, int size) throws IOException {
        Path file = exchange.local.resolve("source.bin");
        FileExchange.randomFile(file, size);
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> exchange.send(file, name))
                .satisfies(e -> assertThat(e.code()).isEqualTo(code));
    }

    private static void append(Path file) {
        try {
            Files.writeString(file, "more", StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}

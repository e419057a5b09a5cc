package io.kvferry.cli.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.cli.message.Fields;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileFetchTest {
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
    @ValueSource(ints = {0, 1, WINDOW - 1, WINDOW, WINDOW + 1, 10 * WINDOW + 17})
    void aFetchedFileIsTheOfferedOne(int size) throws IOException {
        byte[] content = FileExchange.randomFile(exchange.offered.resolve("a.bin"), size);

        FileReport report = exchange.fetch("offered/a.bin", exchange.local.resolve("b.bin"));

        assertThat(exchange.local.resolve("b.bin")).hasBinaryContent(content);
        assertThat(report.movedBytes()).isEqualTo(size);
        assertThat(FileExchange.names(exchange.local)).containsExactly("b.bin");
    }

    @Test
    void anInterruptedFetchLeavesNoFileAndContinuesWhereItWas() throws IOException {
        byte[] content = FileExchange.randomFile(exchange.offered.resolve("a.bin"), 10 * WINDOW);
        Path target = exchange.local.resolve("a.bin");

        interruptedAfter(4 * WINDOW, target);
        assertThat(FileExchange.names(exchange.local)).containsExactly("a.bin.part", "a.bin.part.state");

        FileReport report = exchange.fetch("offered/a.bin", target);
        assertThat(report.movedBytes()).isEqualTo(6L * WINDOW);
        assertThat(target).hasBinaryContent(content);
        assertThat(exchange.notes).contains("continuing after 4 of 10 windows");
        assertThat(FileExchange.names(exchange.local)).containsExactly("a.bin");
    }

    @Test
    void aDamagedPartIsContinuedBeforeTheDamage() throws IOException {
        byte[] content = FileExchange.randomFile(exchange.offered.resolve("a.bin"), 10 * WINDOW);
        Path target = exchange.local.resolve("a.bin");
        interruptedAfter(4 * WINDOW, target);
        flipByte(exchange.local.resolve("a.bin.part"), 2 * WINDOW + 5);

        FileReport report = exchange.fetch("offered/a.bin", target);

        assertThat(report.movedBytes()).isEqualTo(8L * WINDOW);
        assertThat(target).hasBinaryContent(content);
    }

    @Test
    void aPartOfAnotherFileIsStartedOver() throws IOException {
        FileExchange.randomFile(exchange.offered.resolve("a.bin"), 10 * WINDOW);
        Path target = exchange.local.resolve("a.bin");
        interruptedAfter(4 * WINDOW, target);
        byte[] other = FileExchange.randomFile(exchange.offered.resolve("a.bin"), 10 * WINDOW + 1);

        FileReport report = exchange.fetch("offered/a.bin", target);

        assertThat(report.movedBytes()).isEqualTo(other.length);
        assertThat(target).hasBinaryContent(other);
        assertThat(exchange.notes).contains("the file at the server is not the one this part is of; starting over");
    }

    @Test
    void aFileThatChangesWhileItIsFetchedIsNotKept() throws IOException {
        Path source = exchange.offered.resolve("a.bin");
        FileExchange.randomFile(source, 10 * WINDOW);
        Path target = exchange.local.resolve("a.bin");

        assertThatExceptionOfType(VerificationException.class)
                .isThrownBy(() -> exchange.fetch("offered/a.bin", target, done -> append(source)))
                .withMessageContaining("was changed at the server");
        assertThat(target).doesNotExist();
    }

    @Test
    void aFileThatIsTruncatedWhileItIsFetchedIsNotKept() throws IOException {
        Path source = exchange.offered.resolve("a.bin");
        FileExchange.randomFile(source, 10 * WINDOW);
        Path target = exchange.local.resolve("a.bin");

        assertThatExceptionOfType(VerificationException.class)
                .isThrownBy(() -> exchange.fetch("offered/a.bin", target, done -> truncate(source)));
        assertThat(target).doesNotExist();
    }

    @Test
    void bytesThatAreNotThePromisedOnesAreNotKeptAtAll() throws IOException {
        Path source = exchange.offered.resolve("a.bin");
        FileExchange.randomFile(source, 3 * WINDOW);
        exchange.fetch("offered/a.bin", exchange.local.resolve("first.bin"));
        FileTime modified = Files.getLastModifiedTime(source);
        flipByte(source, WINDOW + 1);
        Files.setLastModifiedTime(source, modified);

        assertThatExceptionOfType(VerificationException.class)
                .isThrownBy(() -> exchange.fetch("offered/a.bin", exchange.local.resolve("second.bin")))
                .withMessageContaining("the server promised");
        assertThat(FileExchange.names(exchange.local)).containsExactly("first.bin");
    }

    @Test
    void aFileThatExistsIsLeftAlone() throws IOException {
        FileExchange.randomFile(exchange.offered.resolve("a.bin"), WINDOW);
        Path target = Files.writeString(exchange.local.resolve("a.bin"), "mine");

        refused(TransferErrorCode.INVALID_REQUEST, "--overwrite", "offered/a.bin", target);
        assertThat(target).hasContent("mine");
    }

    @Test
    void twoFetchesDoNotWriteOneFile() throws IOException {
        FileExchange.randomFile(exchange.offered.resolve("a.bin"), 3 * WINDOW);
        Path target = exchange.local.resolve("a.bin");

        exchange.fetch("offered/a.bin", target, done -> {
            if (done == WINDOW) {
                refused(TransferErrorCode.INVALID_REQUEST, "another fetch is writing", "offered/a.bin", target);
            }
        });
        assertThat(target).exists();
    }

    @Test
    void aNameThatIsNotOfferedIsToldTogetherWithThoseThatAre() {
        refused(TransferErrorCode.INVALID_REQUEST, "offered: [offered]", "offered/b.bin", exchange.local.resolve("b"));
        refused(TransferErrorCode.INVALID_REQUEST, "offered: [offered]", "elsewhere", exchange.local.resolve("b"));
    }

    @Test
    void aFolderIsNoFile() {
        refused(TransferErrorCode.INVALID_REQUEST, "is a folder", "offered", exchange.local.resolve("b"));
    }

    @Test
    void aLinkOutOfTheOfferedFolderIsRefused() throws IOException {
        Files.writeString(folder.resolve("secret"), "secret");
        Files.createSymbolicLink(exchange.offered.resolve("link"), folder.resolve("secret"));
        Files.createSymbolicLink(exchange.offered.resolve("up"), folder);

        refused(TransferErrorCode.ACCESS_DENIED, "leads out", "offered/link", exchange.local.resolve("b"));
        refused(TransferErrorCode.ACCESS_DENIED, "leads out", "offered/up/secret", exchange.local.resolve("b"));
    }

    @Test
    void aClientGetsNoMoreFilesAtOneTimeThanItIsAllowed() throws IOException {
        FileExchange.randomFile(exchange.offered.resolve("a.bin"), WINDOW);
        Fields open = Fields.NONE.with("name", "offered/a.bin");
        for (int i = 0; i < FileExchange.LIMITS.maxFilesPerClient(); i++) {
            ask(exchange.clientEngine, FileTopics.OPEN, open);
        }

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> ask(exchange.clientEngine, FileTopics.OPEN, open))
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED));
        try (TransferEngine other = FileExchange.open("other")) {
            assertThat(ask(other, FileTopics.OPEN, open).has("session")).isTrue();
        }
    }

    @Test
    void aSessionIsOfNoUseToAnotherClient() throws IOException {
        FileExchange.randomFile(exchange.offered.resolve("a.bin"), WINDOW);
        Fields opened = ask(exchange.clientEngine, FileTopics.OPEN, Fields.NONE.with("name", "offered/a.bin"));
        Fields read = Fields.NONE.with("session", opened.text("session")).with("window", 0);

        try (TransferEngine other = FileExchange.open("other")) {
            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(() -> ask(other, FileTopics.READ, read))
                    .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.LEASE_ENDED));
        }
        assertThat(ask(exchange.clientEngine, FileTopics.READ, read).has("transfer"))
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "1", "99999999999", "x"})
    void aWindowThatIsNotThereIsRefused(String window) throws IOException {
        FileExchange.randomFile(exchange.offered.resolve("a.bin"), WINDOW);
        Fields opened = ask(exchange.clientEngine, FileTopics.OPEN, Fields.NONE.with("name", "offered/a.bin"));

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> ask(
                        exchange.clientEngine,
                        FileTopics.READ,
                        Fields.NONE.with("session", opened.text("session")).with("window", window)))
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR));
    }

    @Test
    void aFetchThatEndedHoldsNothingAtTheServer() throws IOException {
        FileExchange.randomFile(exchange.offered.resolve("a.bin"), 3 * WINDOW);

        exchange.fetch("offered/a.bin", exchange.local.resolve("a.bin"));

        assertThat(exchange.server.openFiles()).isZero();
    }

    private Fields ask(TransferEngine client, String topic, Fields request) {
        return Fields.read(
                client.notify(exchange.serverEngine.address(), topic, request.payload(), FileExchange.soon()));
    }

    private void refused(TransferErrorCode code, String message, String name, Path target) {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> exchange.fetch(name, target))
                .satisfies(e -> assertThat(e.code()).isEqualTo(code))
                .withMessageContaining(message);
    }

    private void interruptedAfter(long bytes, Path target) {
        assertThatExceptionOfType(Interrupted.class)
                .isThrownBy(() -> exchange.fetch("offered/a.bin", target, done -> {
                    if (done == bytes) {
                        throw new Interrupted();
                    }
                }));
        assertThat(target).doesNotExist();
    }

    private static final class Interrupted extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static void append(Path file) {
        try {
            Files.writeString(file, "more", java.nio.file.StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void truncate(Path file) {
        try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
            open.setLength(1);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void flipByte(Path file, long position) throws IOException {
        try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
            open.seek(position);
            int old = open.read();
            open.seek(position);
            open.write(old ^ 1);
        }
    }
}

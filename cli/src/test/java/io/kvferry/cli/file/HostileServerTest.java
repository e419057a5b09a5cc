package io.kvferry.cli.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.cli.message.Fields;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Payload;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a server answers, a client ends with an error and without a file. */
class HostileServerTest {
    private static final Fields OPENED = Fields.NONE
            .with("session", "s")
            .with("size", 200_000)
            .with("modified", "m")
            .with("sha256", "0")
            .with("window", 65536);

    @TempDir
    Path folder;

    private TransferEngine server;
    private TransferEngine client;

    @BeforeEach
    void open() {
        server = FileExchange.open("server");
        client = FileExchange.open("client");
        server.onNotify(FileTopics.CLOSE, (from, payload) -> Payload.EMPTY);
    }

    @AfterEach
    void close() {
        client.close();
        server.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "size=-1",
                "size=9223372036854775807",
                "size=x",
                "window=0",
                "window=1",
                "window=2147483647",
                "window=-65536",
                "size=70368744177665"
            })
    void aNumberOutOfRangeIsRefused(String field) {
        String[] parts = field.split("=");
        answer(FileTopics.OPEN, OPENED.with(parts[0], parts[1]).payload());

        failsWith(TransferErrorCode.PROTOCOL_ERROR);
    }

    @Test
    void anAnswerThatIsNoneIsRefused() {
        answer(FileTopics.OPEN, new Payload("garbage".getBytes(StandardCharsets.UTF_8)));

        failsWith(TransferErrorCode.PROTOCOL_ERROR);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "zz", "0123456789abcdef0123456789abcdeg"})
    void aTransferThatIsNoneIsRefused(String transfer) {
        answer(FileTopics.OPEN, OPENED.payload());
        answer(FileTopics.READ, Fields.NONE.with("transfer", transfer).payload());

        failsWith(TransferErrorCode.PROTOCOL_ERROR);
    }

    @Test
    void aServerThatIsNeverReadyIsLeftAtTheDeadline() {
        answer(FileTopics.OPEN, Fields.NONE.with("hashing", 1).payload());

        failsWith(TransferErrorCode.DEADLINE_EXCEEDED);
    }

    @Test
    void aPromiseThatIsNotKeptLeavesNoFile() throws IOException {
        answer(FileTopics.OPEN, OPENED.with("size", 0).payload());

        assertThatExceptionOfType(VerificationException.class).isThrownBy(this::fetch);
        assertThat(FileExchange.names(folder)).isEmpty();
    }

    private void answer(String topic, Payload answer) {
        server.onNotify(topic, (from, payload) -> answer);
    }

    private void failsWith(TransferErrorCode code) {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(this::fetch)
                .satisfies(e -> assertThat(e.code()).isEqualTo(code));
        assertThat(Files.exists(folder.resolve("a.bin"))).isFalse();
    }

    private void fetch() throws IOException {
        Progress silent = new Progress() {
            @Override
            public void at(long doneBytes, long totalBytes) {}

            @Override
            public void note(String line) {}
        };
        new FileFetch(client, server.address(), "a.bin", folder.resolve("a.bin"), false, 1, silent)
                .run(Deadline.after(Duration.ofSeconds(2)));
    }
}

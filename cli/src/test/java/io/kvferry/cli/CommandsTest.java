package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.cli.file.FileFetch;
import io.kvferry.cli.file.Progress;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands end to end; whatever needs a far side has it in a second process. */
class CommandsTest {
    /** Offers and takes what is in its folder {@code inbox}. */
    private static ServerProcess server;

    @TempDir
    Path folder;

    @BeforeAll
    static void serve(@TempDir Path shared) throws IOException {
        String inbox = Files.createDirectory(shared.resolve("inbox")).toString();
        server = ServerProcess.start(List.of("--offer", inbox, "--accept", inbox));
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void aFileGoesThereAndBackBetweenTwoProcesses() throws IOException {
        Path file = file("a file.bin", 5_000_011);

        Cli sent = Cli.run("send", file.toString(), "--to", at(server), "--as", "b.bin");
        assertThat(sent.err()).isEmpty();
        assertThat(sent.code()).isZero();
        assertThat(sent.out()).startsWith("sent b.bin: 4.8 MiB in ").contains("SHA-256 ");

        Path back = folder.resolve("back.bin");
        Cli fetched = Cli.run("fetch", "inbox/b.bin", "--from", at(server), "--out", back.toString());
        assertThat(fetched.err()).isEmpty();
        assertThat(fetched.code()).isZero();
        assertThat(back).hasSameBinaryContentAs(file);

        Cli again = Cli.run("send", file.toString(), "--to", at(server), "--as", "b.bin");
        assertThat(again.code()).isEqualTo(ExitCode.USAGE);
        assertThat(again.err())
                .contains("ALREADY_EXISTS from ", "'b.bin' exists here")
                .hasLineCount(1);

        Cli missing = Cli.run("fetch", "inbox/c.bin", "--from", at(server), "--out", back + "2");
        assertThat(missing.err())
                .contains("no file 'inbox/c.bin' is offered here")
                .hasLineCount(1);
    }

    @Test
    void aFetchWhoseServerWasKilledContinuesWithTheNextOne() throws IOException {
        // three windows: the second is under way when the server dies, the third is not asked for yet
        Path file = file("a.bin", (64 << 20) + 17);
        Path target = folder.resolve("target.bin");
        List<String> serve = List.of("--offer", file.toString());

        try (ServerProcess first = ServerProcess.start(serve);
                TransferEngine engine =
                        TransferEngine.open(KvFerryConfig.builder().build())) {
            FileFetch fetch =
                    new FileFetch(engine, first.address(), "a.bin", target, false, 0, new KillAtFirstWindow(first));
            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(() -> fetch.run(Deadline.after(Duration.ofSeconds(40))));
            assertThat(target).doesNotExist();
        }
        try (ServerProcess second = ServerProcess.start(serve)) {
            Cli continued = Cli.run("fetch", "a.bin", "--from", at(second), "--out", target.toString());
            assertThat(continued.code()).as(continued.err()).isZero();
            assertThat(continued.err()).contains("continuing after");
            assertThat(continued.out()).contains("the rest was here");
            assertThat(target).hasSameBinaryContentAs(file);
        }
    }

    @Test
    void aServerThatServesNoBenchmarkSaysSo() throws IOException {
        Cli cli = Cli.run("bench", "--to", at(server));

        assertThat(cli.code()).isNotZero();
        assertThat(cli.err()).contains("kvferry.bench/open").hasLineCount(1);
    }

    @Test
    void aBenchmarkStartsItsOwnTargetAndWritesItsReports() throws IOException {
        Path csv = folder.resolve("b.csv");
        Path json = folder.resolve("b.json");
        Path plot = folder.resolve("b.html");

        Cli cli = Cli.run(
                "bench",
                "--memory",
                "4MiB",
                "--block-size",
                "64KiB,256KiB",
                "--operation",
                "read,write",
                "--duration",
                "100ms",
                "--warm-up",
                "20ms",
                "--standing",
                "--csv",
                csv.toString(),
                "--json",
                json.toString(),
                "--plot",
                plot.toString());

        assertThat(cli.code()).as(cli.err()).isZero();
        assertThat(cli.out().lines())
                .hasSize(5)
                .first()
                .asString()
                .startsWith("op ")
                .contains("GB/s", "target CPU s/GB");
        assertThat(csv).content().hasLineCount(5);
        assertThat(json).content().contains("\"operation\": \"write\"");
        assertThat(plot).content().contains("<svg");
    }

    @Test
    void conformancePrintsHowEachTopicWent() {
        Path report = folder.resolve("report.html");

        Cli cli = Cli.run(
                "conformance",
                "--backend",
                "inprocess",
                "--topic",
                "Capability",
                "--topic",
                "Discovery",
                "--report",
                report.toString());

        assertThat(cli.code()).as(cli.err()).isZero();
        assertThat(cli.out().lines())
                .anyMatch(line -> line.matches("Capability +[1-9]\\d* +1 +0 +0"))
                .anyMatch(line -> line.matches("Discovery +[1-9]\\d* +0 +0 +0"))
                .anyMatch(line -> line.matches("inprocess: \\d+ tests, 0 failed, 0 skipped"));
        assertThat(report)
                .content()
                .contains("cuda memory is unsupported where not declared</td><td class=\"refused\">refused")
                .contains("<th>Can CUDA_MEMORY</th><td>no</td>", "<th>Seed</th>");
    }

    @Test
    void conformanceOfABackendThatIsNotThereIsAMistake() {
        Cli cli = Cli.run("conformance", "--backend", "nobodys");

        assertThat(cli.code()).isEqualTo(ExitCode.USAGE);
        assertThat(cli.err()).contains("nobodys", "KVFERRY_CLASSPATH").hasLineCount(1);
    }

    @Test
    void backendsListsEachWithWhatItCanDo() {
        Cli cli = Cli.run("backends");

        assertThat(cli.code()).isZero();
        assertThat(cli.out().lines())
                .anyMatch(line -> line.matches("inprocess +yes +lease .*\\bread\\b.*\\bwrite\\b.*"))
                .anyMatch(line -> line.matches("tcp +yes +lease .*\\bread\\b.*\\bwrite\\b.*"));
    }

    @Test
    void configShowSaysWhereAValueComesFrom() {
        Cli cli = Cli.run("config", "show", "--set", "kvferry.tcp.lanes=4", "--backend", "inprocess");

        assertThat(cli.code()).isZero();
        assertThat(cli.out().lines())
                .anyMatch(line -> line.matches("kvferry\\.tcp\\.lanes +4 +--set"))
                .anyMatch(line -> line.matches("kvferry\\.backend +inprocess +--backend"))
                .anyMatch(line -> line.matches("kvferry\\.finish-grace +2s +default"));
    }

    private static String at(ServerProcess server) throws IOException {
        PeerAddress address = server.address();
        return address.toString();
    }

    private Path file(String name, int size) throws IOException {
        byte[] content = new byte[size];
        new Random(size).nextBytes(content);
        return Files.write(folder.resolve(name), content);
    }

    /** By then the second window is asked for and no other is. */
    private record KillAtFirstWindow(ServerProcess server) implements Progress {
        @Override
        public void at(long doneBytes, long totalBytes) {
            server.kill();
        }

        @Override
        public void note(String line) {}
    }
}

package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class UsageTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            2 |                                                    | name a command
            2 | zzz                                                | zzz
            2 | --bogus                                            | --bogus
            2 | config                                             | list or show
            2 | fetch                                              | --from
            2 | fetch a                                            | --from
            2 | fetch a --from nowhere                             | 'nowhere' is not HOST:PORT
            2 | fetch a --from 127.0.0.1:70000                     | 70000
            2 | fetch ../a --from 127.0.0.1:1                      | '../a' is not a file name
            2 | fetch /a --from 127.0.0.1:1                        | '/a' is not a file name
            2 | fetch a --from 127.0.0.1:1 --timeout soon          | 'soon' is not a duration
            2 | fetch a --from 127.0.0.1:1 --retries x             | 'x'
            1 | fetch a --from 127.0.0.1:1                         | CONTROL_FAILED
            2 | send --to 127.0.0.1:1                              | FILE
            2 | send absent.bin --to 127.0.0.1:1                   | no readable file absent.bin
            2 | send pom.xml pom.xml --as b --to 127.0.0.1:1       | --as names one file
            2 | serve                                              | nothing to serve
            2 | serve --offer absent                               | no readable file absent
            2 | serve --accept pom.xml                             | pom.xml is no folder
            2 | serve --offer pom.xml --max-file-size much         | 'much' is not a size
            2 | serve --offer pom.xml pom.xml                      | would both be offered as 'pom.xml'
            2 | serve --bench --listen 0.0.0.0:0                   | kvferry.advertised-host
            2 | serve --bench --set kvferry.tcp.lanes=0            | allowed: 1 to 64
            2 | serve --bench --set kvferry.tcp.lane=2             | did you mean kvferry.tcp.lanes?
            2 | serve --bench --set lanes                          | KEY=VALUE
            4 | serve --bench --backend shm                        | io.kvferry:kvferry-backend-shm
            4 | serve --bench --set kvferry.peer-control=pigeon    | pigeon
            2 | serve --bench --config absent.properties           | there is no such file
            2 | controller --listen nowhere                        | 'nowhere' is not HOST:PORT
            4 | controller --store paper                           | memory, file
            1 | controller --store file --store-file no/such/x.db  | kvferry.controller.file.path
            2 | controller --set kvferry.controller.lease=0s       | allowed: 1s to 24h
            2 | node --http nowhere                                | 'nowhere' is not HOST:PORT
            2 | node --pool 4KiB                                   | kvferry.kv.pool-size
            2 | node --set kvferry.kv.key-scheme=md5               | sha256, vllm-sha256-cbor, cpython312
            2 | inspect                                            | --http
            1 | inspect --http 127.0.0.1:1                         | CONNECTION_FAILED
            2 | bench --operation copy                             | READ
            2 | bench --block-size 1XB                             | '1XB' is not a size
            2 | bench --block-size 0                               | '0' is not a size
            2 | bench --batch 0                                    | --batch 0
            2 | bench --pipeline 0                                 | --pipeline 0
            2 | bench --turns                                      | --turns measures one combination
            2 | bench --turns --block-size 1MiB --csv a.csv        | --turns measures one combination
            2 | bench --threads 2000                               | --threads 2000
            2 | bench --checksum maybe                             | maybe
            2 | bench --block-size 1GiB --memory 1MiB              | --memory is 1048576
            2 | bench --plot out.gif                               | .svg
            2 | bench --local --to 127.0.0.1:1                     | exclude each other
            1 | bench --to 127.0.0.1:1                             | CONTROL_FAILED
            2 | bench two-node --prefill http://127.0.0.1:1/a      | --prefill and --decode belong together
            2 | bench two-node --requests 0                        | --requests
            2 | bench two-node --plot out.gif                      | .svg
            2 | conformance                                        | --backend
            1 | conformance page src                               | mvn verify
            2 | demo --prompt-tokens 9                             | --prompt-tokens 9
            2 | demo --backend inprocess                           | take another one, e.g. --backend tcp
            2 | demo --set kvferry.node-id=a                       | two nodes on one machine cannot share it
            2 | demo --set kvferry.peer.port=7000                  | two nodes on one machine cannot share it
            2 | bench two-node --backend inprocess                 | take another one, e.g. --backend tcp
            2 | bench two-node --json no/such/b.json               | there is no folder
            2 | bench --backend inprocess                          | take another one, e.g. --backend tcp
            2 | bench --csv target                                 | it is a folder
            2 | llm --set kvferry.kv.layers=8                      | the example's model decides it
            2 | doctor --offline                                   | belong to --lmcache
            2 | doctor --lmcache a --offline --as-worker           | exclude each other
            2 | doctor --ranks 0                                   | --ranks 0
            2 | serve --bench --http nowhere                       | 'nowhere' is not HOST:PORT
            2 | node --set kvferry.kv.rank=2                       | kvferry.kv.ranks
            4 | llm --listen 127.0.0.1:0 --backend shm             | io.kvferry:kvferry-backend-shm
            2 | llm --listen 127.0.0.1:0 --pool 1MiB          | kvferry.kv.pool-size
            2 | verify-reuse                                       | --prefill URL or PREFILL_URL
            2 | verify-reuse --prefill nowhere                     | 'nowhere' is not an address
            2 | verify-reuse --prefill http://a/b --decode http:/b | 'http:/b' is not an address
            2 | verify-reuse --wait soon                           | 'soon' is not a duration
            1 | verify-reuse --prefill http://127.0.0.1:1/v1/completions --decode http://127.0.0.1:1/v1/completions | CONTROL_FAILED
            """)
    void aMistakeIsOneLineThatNamesIt(int code, String line, String named) {
        Cli cli = Cli.run(line == null ? new String[0] : line.split(" +"));

        assertThat(cli.err()).startsWith("kvferry").contains(named).hasLineCount(1);
        assertThat(cli.err()).doesNotContain("Exception", "\tat ");
        assertThat(cli.out()).isEmpty();
        assertThat(cli.code()).isEqualTo(code);
    }

    @Test
    void severalMistakesInTheConfigurationAreALineEach() throws Exception {
        Path file = Files.writeString(
                folder.resolve("bad.properties"), "kvferry.tcp.lanes = many\nkvferry.close-timeout = 1\n");

        Cli cli = Cli.run("serve", "--bench", "--config", file.toString(), "--set", "kvferry.backnd=tcp");

        assertThat(cli.code()).isEqualTo(ExitCode.USAGE);
        assertThat(cli.err().lines())
                .hasSize(4)
                .anyMatch(line -> line.contains("bad.properties:1") && line.contains("kvferry.tcp.lanes = many"))
                .anyMatch(line -> line.contains("bad.properties:2") && line.contains("kvferry.close-timeout = 1"))
                .anyMatch(line -> line.contains("did you mean kvferry.backend?"));
    }

    @Test
    void aStackTraceIsShownToWhoAsksForIt() {
        Cli cli = Cli.run("--verbose", "fetch", "a", "--from", "127.0.0.1:1");

        assertThat(cli.code()).isEqualTo(ExitCode.FAILED);
        assertThat(cli.err()).contains("\tat io.kvferry");
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyCommandExplainsItselfWithAnExampleAndExitCodes(List<String> names) {
        String[] args = Stream.concat(names.stream(), Stream.of("--help")).toArray(String[]::new);

        Cli cli = Cli.run(args);

        assertThat(cli.code()).isZero();
        assertThat(cli.err()).isEmpty();
        assertThat(cli.out()).contains("Usage: kvferry", "Example:", "  kvferry", "Exit codes:");
    }

    static Stream<List<String>> commands() {
        return Stream.concat(Stream.of(List.of()), names(Main.commandLine(), List.of()));
    }

    private static Stream<List<String>> names(CommandLine command, List<String> prefix) {
        return command.getSubcommands().entrySet().stream().flatMap(entry -> {
            List<String> path =
                    Stream.concat(prefix.stream(), Stream.of(entry.getKey())).toList();
            return Stream.concat(Stream.of(path), names(entry.getValue(), path));
        });
    }

    @Test
    void theVersionIsTheOneThatWasBuilt() {
        assertThat(Cli.run("--version").out()).matches("kvferry \\d+\\.\\d+\\.\\d+\\S* \\(Java 25\\)\\R");
    }

    @Test
    void completionKnowsEveryCommand() {
        Cli cli = Cli.run("completion");

        assertThat(cli.code()).isZero();
        assertThat(cli.out()).contains(Main.commandLine().getSubcommands().keySet());
    }
}

package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.ServiceLoader;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What the documentation says is what the program does. */
class DocumentationTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final List<String> PAGES = List.of(
            "README.md",
            "docs/cli.md",
            "docs/configuration.md",
            "docs/architecture.md",
            "docs/performance.md",
            "docs/lmcache.md");

    @Test
    void theConfigurationPageIsWhatTheCommandPrints() throws IOException {
        Cli printed = Cli.run("config", "list");

        assertThat(printed.code()).isZero();
        assertThat(Files.readString(ROOT.resolve("docs/configuration.md")))
                .as("docs/configuration.md; write it with: ./kvferry config list > docs/configuration.md")
                .isEqualTo(printed.out());
    }

    @Test
    void theExampleOfTheReadmeIsCompiledAndPrintsWhatTheReadmeSays() throws IOException {
        List<String> blocks = blocks("README.md");
        String source = Files.readString(ROOT.resolve("cli/src/test/java/io/kvferry/cli/FirstTransfer.java"));
        String example = source.substring(source.indexOf("// begin\n") + 9, source.indexOf("\n        // end\n"))
                        .stripIndent()
                + "\n";
        ByteArrayOutputStream out = new ByteArrayOutputStream();

        FirstTransfer.run(new PrintStream(out, true, StandardCharsets.UTF_8));

        assertThat(blocks).contains("java\n" + example, "\n" + out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void theErrorCodesOfTheReadmeAreAllOfThem() throws IOException {
        List<String> rows = Pattern.compile("^\\| (\\d+) \\| (\\w+) \\| (\\w+) \\| .+ \\|$", Pattern.MULTILINE)
                .matcher(Files.readString(ROOT.resolve("README.md")))
                .results()
                .map(row -> row.group(1) + " " + row.group(2) + " " + row.group(3))
                .toList();

        assertThat(rows)
                .isEqualTo(Arrays.stream(TransferErrorCode.values())
                        .filter(code -> code != TransferErrorCode.UNRECOGNIZED)
                        .map(code -> code.number() + " " + code + " " + code.retry())
                        .toList());
    }

    @Test
    void theBackendsOfTheReadmeAreThoseOnTheClassPath() throws IOException {
        String readme = Files.readString(ROOT.resolve("README.md"));
        String section = readme.substring(readme.indexOf("## Backends"), readme.indexOf("## Configuration"));

        assertThat(matches(section, "^\\| `([a-z-]+)` \\|"))
                .containsExactlyInAnyOrderElementsOf(ServiceLoader.load(TransferBackendProvider.class).stream()
                        .map(provider -> provider.get().name())
                        .toList());
    }

    @Test
    void theExitCodesAreTheDocumentedOnes() throws IOException {
        String page = Files.readString(ROOT.resolve("docs/cli.md"));

        ExitCode.meanings().forEach((code, meaning) -> assertThat(page).contains("| " + code + " | " + meaning + " |"));
    }

    @Test
    void everyCommandAndOptionIsDocumented() throws IOException {
        String page = Files.readString(ROOT.resolve("docs/cli.md"));

        assertThat(options(Main.commandLine()).distinct())
                .allSatisfy(option -> assertThat(page).contains(option));
        assertThat(Main.commandLine().getSubcommands().keySet())
                .allSatisfy(command -> assertThat(page).contains("`" + command));
    }

    private static Stream<String> options(CommandLine command) {
        return Stream.concat(
                command.getCommandSpec().options().stream().map(option -> option.longestName()),
                command.getSubcommands().values().stream().flatMap(DocumentationTest::options));
    }

    /** Every command line in a page is one that the program understands, as far as can be told without running it. */
    @ParameterizedTest
    @ValueSource(
            strings = {"README.md", "docs/cli.md", "docs/lmcache.md", "docs/performance.md", "docs/configuration.md"})
    void everyCommandInThePagesIsUnderstood(String page) throws IOException {
        List<String> lines =
                matches(Files.readString(ROOT.resolve(page)), "(?:^|`|\\$ )(?:\\./)?kvferry ([a-z][^`\\n>]*)");

        assertThat(lines).isNotEmpty();
        for (String line : lines) {
            CommandLine command = Main.commandLine();
            assertThat(command.parseArgs(line.strip().split(" +")).subcommand())
                    .as(line)
                    .isNotNull();
        }
    }

    @Test
    void everyLinkLeadsToAFile() throws IOException {
        for (String page : PAGES) {
            Path folder = ROOT.resolve(page).getParent();
            for (String link : matches(Files.readString(ROOT.resolve(page)), "\\]\\(([^)#:]+)\\)")) {
                assertThat(folder.resolve(link)).as("%s links %s", page, link).exists();
            }
        }
    }

    private static List<String> matches(String text, String regex) {
        return Pattern.compile(regex, Pattern.MULTILINE)
                .matcher(text)
                .results()
                .map((MatchResult match) -> match.group(1))
                .collect(Collectors.toList());
    }

    /** The fenced blocks of a page, each with its language in the first line. */
    private static List<String> blocks(String page) throws IOException {
        return Pattern.compile("^```(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL)
                .matcher(Files.readString(ROOT.resolve(page)))
                .results()
                .map(match -> match.group(1))
                .toList();
    }
}

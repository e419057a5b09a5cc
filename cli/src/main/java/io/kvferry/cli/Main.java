package io.kvferry.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Properties;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The entry point of the {@code kvferry} command.
 *
 * <p><b>Threads:</b> Confined to the thread that runs it.
 */
@Command(
        name = "kvferry",
        description = "Moves bytes between machines: files, and benchmarks of what an application would see.",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        scope = ScopeType.LOCAL,
        synopsisSubcommandLabel = "COMMAND",
        exitCodeListHeading = "%nExit codes:%n",
        footerHeading = "%nExample:%n",
        footer = "  kvferry demo",
        subcommands = {
            DemoCommand.class,
            ServeCommand.class,
            FetchCommand.class,
            SendCommand.class,
            BenchCommand.class,
            ControllerCommand.class,
            LlmCommand.class,
            VerifyReuseCommand.class,
            NodeCommand.class,
            InspectCommand.class,
            BackendsCommand.class,
            DoctorCommand.class,
            ConfigCommand.class,
            ConformanceCommand.class,
            CompletionCommand.class
        })
public final class Main implements Runnable {
    static final String VERBOSE = "--verbose";

    @Spec
    private CommandSpec spec;

    @SuppressWarnings("unused") // main() looks for it by itself, before logging starts
    @Option(names = VERBOSE, scope = ScopeType.INHERIT, description = "Log more, and show stack traces of failures.")
    private boolean verbose;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    Main() {}

    /**
     * Runs one command and exits.
     *
     * @param args its name and options
     */
    public static void main(String[] args) {
        // read by logback.xml, so it must be set before the first logger is made
        if (List.of(args).contains(VERBOSE)) {
            System.setProperty("kvferry.log-level", "DEBUG");
        } else if (List.of(args).contains("conformance")) {
            // the suite provokes every failure there is; its table says which are wrong
            System.setProperty("kvferry.log-level", "OFF");
        }
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        ErrorLine errors = new ErrorLine();
        CommandLine root = new CommandLine(new Main());
        root.setExecutionExceptionHandler(errors)
                .setParameterExceptionHandler(errors)
                .setExitCodeExceptionMapper(new ExitCode())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true);
        describe(root);
        return root;
    }

    /** Version and exit codes are the same for every command, so they are told in one place. */
    private static void describe(CommandLine command) {
        command.getCommandSpec().versionProvider(new Version());
        command.getCommandSpec().usageMessage().exitCodeListHeading("%nExit codes:%n");
        command.getCommandSpec().usageMessage().exitCodeList(ExitCode.meanings());
        command.getSubcommands().values().forEach(Main::describe);
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "name a command");
    }

    /** Reads the version that the build wrote. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() throws IOException {
            return new String[] {
                "kvferry " + number() + " (Java " + Runtime.version().feature() + ")"
            };
        }

        static String number() throws IOException {
            Properties build = new Properties();
            try (InputStream resource = Main.class.getResourceAsStream("build.properties")) {
                build.load(resource);
            }
            return String.valueOf(build.getProperty("version"));
        }
    }
}

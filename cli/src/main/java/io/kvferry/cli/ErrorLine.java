package io.kvferry.cli;

import io.kvferry.cli.file.VerificationException;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import picocli.CommandLine;
import picocli.CommandLine.ParseResult;

/** Says in one line what went wrong and how to mend it; a stack trace is for those who ask with --verbose. */
final class ErrorLine implements CommandLine.IExecutionExceptionHandler, CommandLine.IParameterExceptionHandler {
    @Override
    public int handleExecutionException(Exception failure, CommandLine command, ParseResult parsed) {
        PrintWriter err = command.getErr();
        err.println(name(command) + ": " + text(failure));
        if (isVerbose(parsed)) {
            failure.printStackTrace(err);
        }
        err.flush();
        return command.getExitCodeExceptionMapper().getExitCode(failure);
    }

    @Override
    public int handleParseException(CommandLine.ParameterException failure, String[] args) {
        CommandLine command = failure.getCommandLine();
        PrintWriter err = command.getErr();
        String message =
                String.valueOf(failure.getMessage()).lines().findFirst().orElse("wrong usage");
        err.println(name(command) + ": " + message + "; see " + name(command) + " --help");
        CommandLine.UnmatchedArgumentException.printSuggestions(failure, err);
        err.flush();
        return ExitCode.USAGE;
    }

    private static String name(CommandLine command) {
        return command.getCommandSpec().qualifiedName();
    }

    private static boolean isVerbose(ParseResult parsed) {
        return parsed.expandedArgs().contains(Main.VERBOSE);
    }

    private static String text(Exception failure) {
        return switch (failure) {
            case TransferException e -> {
                String peer = e.error().peer();
                yield e.code() + (peer.isEmpty() ? "" : " from " + peer) + ": "
                        + e.error().detail();
            }
            case VerificationException e -> String.valueOf(e.getMessage());
            case NoSuchFileException e -> "there is no readable file " + e.getFile();
            case NotDirectoryException e -> e.getFile() + " is no folder";
            case AccessDeniedException e -> "no permission for " + e.getFile();
            case FileSystemException e -> e.getFile() + ": " + e.getReason();
            case IOException e -> String.valueOf(e.getMessage());
            case IllegalArgumentException e -> String.valueOf(e.getMessage());
            default -> "a bug: " + failure + "; run it again with " + Main.VERBOSE + " and report the stack trace";
        };
    }
}

package io.kvferry.cli;

import io.kvferry.cli.file.VerificationException;
import io.kvferry.spi.TransferException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine;

/** What the process tells its caller. These numbers are part of the command's contract. */
final class ExitCode implements CommandLine.IExitCodeExceptionMapper {
    static final int OK = 0;
    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int NOT_VERIFIED = 3;
    static final int UNAVAILABLE = 4;
    static final int DEADLINE = 5;
    static final int INTERRUPTED = 130;

    /** For the help text. */
    static Map<String, String> meanings() {
        Map<String, String> meanings = new LinkedHashMap<>();
        meanings.put("0", "success");
        meanings.put("1", "the transfer failed");
        meanings.put("2", "wrong usage, configuration or request");
        meanings.put("3", "the bytes are not the promised ones, or reuse is not proved");
        meanings.put("4", "a backend or an operation is not available here");
        meanings.put("5", "the deadline passed");
        meanings.put("130", "interrupted");
        return meanings;
    }

    @Override
    public int getExitCode(Throwable failure) {
        return switch (failure) {
            case VerificationException _ -> NOT_VERIFIED;
            case TransferException e -> of(e);
            case NoSuchFileException _, NotDirectoryException _, IllegalArgumentException _ -> USAGE;
            default -> FAILED;
        };
    }

    private static int of(TransferException failure) {
        return switch (failure.code()) {
            case INVALID_REQUEST, ALREADY_EXISTS, ACCESS_DENIED -> USAGE;
            case DATA_CORRUPTED -> NOT_VERIFIED;
            case BACKEND_UNAVAILABLE, UNSUPPORTED -> UNAVAILABLE;
            case DEADLINE_EXCEEDED -> DEADLINE;
            case CANCELLED -> Thread.currentThread().isInterrupted() ? INTERRUPTED : FAILED;
            default -> FAILED;
        };
    }
}

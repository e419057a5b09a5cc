package io.kvferry.engine;

import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** Turns whatever went wrong into the one kind of exception. */
final class Failures {
    private Failures() {}

    /** Finds the TransferException behind a failure; anything else is a bug in what was called. */
    static TransferException of(Throwable thrown, Stage stage) {
        Throwable cause = thrown;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return switch (cause) {
            case TransferException known -> known;
            case OutOfMemoryError full ->
                new TransferException(
                        TransferErrorCode.RESOURCE_EXHAUSTED, stage, "out of memory: " + full.getMessage(), full);
            case LinkageError missing ->
                new TransferException(
                        TransferErrorCode.BACKEND_UNAVAILABLE,
                        stage,
                        "a library is missing or broken: " + missing,
                        missing);
            default -> new TransferException(TransferErrorCode.INTERNAL, stage, "unexpected " + cause, cause);
        };
    }

    /** Tells whether the target has said no, so that nothing of the attempt lives there. */
    static boolean isRefusal(TransferError error) {
        return error.side() == Side.TARGET && error.code().effect() == TransferErrorCode.Effect.NONE;
    }

    /** Tells whether the target refused because the request was meant for the process before it. */
    static boolean isRestartRefusal(TransferError error) {
        return error.side() == Side.TARGET && error.code() == TransferErrorCode.PEER_RESTARTED;
    }
}

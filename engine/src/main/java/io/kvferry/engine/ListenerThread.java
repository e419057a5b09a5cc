package io.kvferry.engine;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/** Knows whether the current thread is inside a listener, where a blocking call could wait for itself. */
final class ListenerThread {
    private static final ThreadLocal<Boolean> INSIDE = ThreadLocal.withInitial(() -> false);

    private ListenerThread() {}

    static void run(Runnable listenerCall) {
        INSIDE.set(true);
        try {
            listenerCall.run();
        } finally {
            INSIDE.remove();
        }
    }

    static void refuse(String call) {
        if (INSIDE.get()) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.PREPARE,
                    call + " blocks and was called from a TransferListener; hand it to another thread");
        }
    }
}

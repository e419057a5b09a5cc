package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaConnection;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;

/** One half of a connection: what it still has to say, and its end. Confined to the owner thread, except {@link #closed}. */
final class Half {
    /** Each lease is spoken about once or twice, so this many cannot wait unless the peer does not read. */
    private static final int MAX_WAITING = 1 << 16;

    private final OwnerThread owner;
    private final RdmaConnection connection;
    private final ArrayDeque<byte[]> waiting = new ArrayDeque<>();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private boolean closing;
    private boolean flushing;

    Half(OwnerThread owner, RdmaConnection connection) {
        this.owner = owner;
        this.connection = connection;
    }

    RdmaConnection connection() {
        return connection;
    }

    boolean isClosing() {
        return closing;
    }

    /** Sends in order. Returns false, and the connection is to be closed, if the peer has not read for too long. */
    boolean send(Message message) {
        if (closing) {
            return true;
        }
        waiting.add(message.encode());
        flush();
        return waiting.size() < MAX_WAITING;
    }

    private void flush() {
        while (!closing && !waiting.isEmpty() && connection.send(waiting.getFirst())) {
            waiting.removeFirst();
        }
        if (!closing && !waiting.isEmpty() && !flushing) {
            flushing = true;
            owner.execute(() -> {
                flushing = false;
                flush();
            });
        }
    }

    /** Begins to close. Returns false if it had begun before. */
    boolean close() {
        if (closing) {
            return false;
        }
        closing = true;
        waiting.clear();
        connection.close();
        return true;
    }

    /** Completes when this side's memory is not touched through the connection any more. */
    CompletableFuture<Void> closed() {
        return closed;
    }
}

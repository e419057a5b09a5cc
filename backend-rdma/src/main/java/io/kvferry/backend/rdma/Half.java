package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaConnection;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;

/** One half of a connection: what it still has to say, and its end. Confined to the owner thread, except {@link #closed}. */
final class Half {
    /** Each lease is spoken about once or twice, so this many cannot wait unless the peer does not read. */
    private static final int MAX_WAITING = 1 << 16;

    private static final int MAX_LAST_TRIES = 1000;

    private final OwnerThread owner;
    private final RdmaConnection connection;
    private final ArrayDeque<byte[]> waiting = new ArrayDeque<>();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private boolean closing;
    private boolean flushing;
    private int lastTries;

    Half(OwnerThread owner, RdmaConnection connection) {
        this.owner = owner;
        this.connection = connection;
    }

    RdmaConnection connection() {
        return connection;
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
        while (!waiting.isEmpty() && connection.send(waiting.getFirst())) {
            waiting.removeFirst();
        }
        if (closing && (waiting.isEmpty() || ++lastTries > MAX_LAST_TRIES)) {
            waiting.clear();
            connection.close();
        } else if (!waiting.isEmpty() && !flushing) {
            flushing = true;
            owner.execute(() -> {
                flushing = false;
                flush();
            });
        }
    }

    /** Begins to close; with a goodbye, which a peer that does not read gets a few chances to take. Once. */
    void close(boolean goodbye) {
        if (closing) {
            return;
        }
        if (goodbye) {
            waiting.add(Message.of(Message.Type.GOODBYE).encode());
        } else {
            waiting.clear();
        }
        closing = true;
        flush();
    }

    /** Completes when this side's memory is not touched through the connection any more. */
    CompletableFuture<Void> closed() {
        return closed;
    }
}

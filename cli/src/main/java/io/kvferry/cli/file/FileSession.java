package io.kvferry.cli.file;

import io.kvferry.spi.PeerIdentity;
import java.io.IOException;

/** One client at work on one file, as the server sees it. */
abstract sealed class FileSession permits OutgoingFile, IncomingFile {
    private final PeerIdentity client;
    private volatile long lastUsedNanos;

    FileSession(PeerIdentity client) {
        this.client = client;
    }

    /** The only one who may use this session. */
    final PeerIdentity client() {
        return client;
    }

    final void used(long nowNanos) {
        lastUsedNanos = nowNanos;
    }

    final boolean isIdleSince(long nanos) {
        return lastUsedNanos - nanos < 0;
    }

    /** Gives everything back. Idempotent. */
    abstract void close() throws IOException;
}

package io.kvferry.control.lmcache;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.ZMQ;

/** Ends the poll of a socket's thread from another thread. Thread-safe, but for {@link #drain}, which is the poller's. */
final class WakeUp implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WakeUp.class);
    private static final int DRAINED_AT_ONCE = 64;

    private final Pipe pipe;

    WakeUp() throws IOException {
        pipe = Pipe.open();
        pipe.source().configureBlocking(false);
        pipe.sink().configureBlocking(false);
    }

    /** Makes a poller return when {@link #wake} is called. Returns the index of the entry. */
    int register(ZMQ.Poller poller) {
        return poller.register(pipe.source(), ZMQ.Poller.POLLIN);
    }

    void wake() {
        try {
            int ignored = pipe.sink().write(ByteBuffer.allocate(1)); // a full pipe wakes as well
        } catch (IOException e) {
            LOG.debug("closed", e);
        }
    }

    /** Forgets all calls of {@link #wake} until now. */
    void drain() {
        try {
            ByteBuffer bytes = ByteBuffer.allocate(DRAINED_AT_ONCE);
            while (pipe.source().read(bytes) > 0) {
                bytes.clear();
            }
        } catch (IOException e) {
            LOG.debug("closed", e);
        }
    }

    @Override
    public void close() {
        try {
            pipe.sink().close();
            pipe.source().close();
        } catch (IOException e) {
            LOG.debug("closing a pipe", e);
        }
    }
}

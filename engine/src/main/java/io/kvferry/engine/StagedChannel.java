package io.kvferry.engine;

import io.kvferry.spi.BlockClaims;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A transfer's channel, shared by the backend and by staging: a byte says whose a message is. The two sides of staging tell
 * each other of blocks, each once. Thread-safe.
 */
final class StagedChannel implements PeerChannel {
    private static final byte OF_BACKEND = 0;
    private static final byte OF_STAGING = 1;
    private static final int STAGING_BYTES = 1 + 2 * Integer.BYTES;

    /** Staging's own end. */
    interface Listener {
        /** The other side's staging names blocks. */
        void named(BlockRange range);

        /** The channel has ended. */
        void ended(@Nullable TransferError error);
    }

    private final PeerChannel shared;
    private final int blocks;
    private final BlockClaims named;
    private final StagedSide side;
    private final Listener listener;
    private final AtomicBoolean listening = new AtomicBoolean();
    private volatile @Nullable Receiver backend;

    StagedChannel(PeerChannel shared, int blocks, StagedSide side, Listener listener) {
        this.shared = shared;
        this.blocks = blocks;
        this.named = new BlockClaims(blocks);
        this.side = side;
        this.listener = listener;
    }

    /** Tells the other side's staging of blocks. */
    void name(BlockRange range) {
        try {
            shared.send(ByteBuffer.allocate(STAGING_BYTES)
                    .put(OF_STAGING)
                    .putInt(range.first())
                    .putInt(range.count())
                    .array());
        } catch (TransferException e) {
            // a channel that ends tells its receivers, on both sides, why
            side.seal();
        }
    }

    @Override
    public void send(byte[] message) {
        shared.send(ByteBuffer.allocate(1 + message.length)
                .put(OF_BACKEND)
                .put(message)
                .array());
    }

    @Override
    public void receive(Receiver receiver) {
        if (backend != null) {
            throw new IllegalStateException("the channel has a receiver already");
        }
        backend = receiver;
        listen();
    }

    /** Begins to listen, where the backend does not. */
    void listen() {
        if (listening.compareAndSet(false, true)) {
            shared.receive(new Receiver() {
                @Override
                public void message(byte[] message) {
                    take(message);
                }

                @Override
                public void closed(@Nullable TransferError error) {
                    Receiver known = backend;
                    if (known != null) {
                        known.closed(error);
                    }
                    listener.ended(error);
                }
            });
        }
    }

    private void take(byte[] message) {
        Receiver known = backend;
        if (message.length > 0 && message[0] == OF_BACKEND && known != null) {
            byte[] body = new byte[message.length - 1];
            System.arraycopy(message, 1, body, 0, body.length);
            known.message(body);
            return;
        }
        try {
            listener.named(decode(message));
        } catch (TransferException e) {
            side.fail(e.error());
        }
    }

    private BlockRange decode(byte[] message) {
        ByteBuffer in = ByteBuffer.wrap(message);
        if (message.length < STAGING_BYTES || in.get() != OF_STAGING) {
            throw protocolError("a message of " + message.length + " bytes that is nobody's");
        }
        int first = in.getInt();
        int count = in.getInt();
        if (first < 0 || count < 1 || first > blocks - count || !named.claim(first, first + count)) {
            throw protocolError("blocks " + first + " +" + count + " are none of " + blocks + ", or were named before");
        }
        return new BlockRange(first, count);
    }

    private static TransferException protocolError(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.TRANSFER, detail);
    }

    @Override
    public void close() {
        shared.close();
    }
}

package io.kvferry.backend.mooncake;

import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.TransferException;
import org.jspecify.annotations.Nullable;

/**
 * What the two sides of a native transfer tell each other, one byte a message: the library has no way to end a peer's access,
 * so each has to hear that the other will not begin, or has ended.
 */
enum NativeSignal {
    /** The initiator asks for leave to begin. */
    JOIN('J'),
    /** The target gives it: from here on its memory may be touched. */
    GO('G'),
    /** The target wants it to end. */
    STOP('S'),
    /** The initiator touches the memory no more. */
    DRAINED('D');

    private final byte letter;

    NativeSignal(char letter) {
        this.letter = (byte) letter;
    }

    /** Sends it. Where the channel has ended, both sides have heard that. */
    void send(PeerChannel channel) {
        try {
            channel.send(new byte[] {letter});
        } catch (TransferException ended) {
            // the receivers of both sides hear why
        }
    }

    /** Reads a message; null for one that makes no sense. */
    static @Nullable NativeSignal of(byte[] message) {
        for (NativeSignal signal : values()) {
            if (message.length == 1 && message[0] == signal.letter) {
                return signal;
            }
        }
        return null;
    }
}

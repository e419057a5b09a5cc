package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.posix.LocalProcess;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * How the two halves of a connection agree on its beginning and its end where one process reaches into the other's memory by
 * itself (cma): no worker of the target takes part in that, so that destroying one fences nothing.
 *
 * <p>The initiator says COME and uses the connection only once it was told WELCOME. So a target that never said it was never
 * reached, and never will be. One that did asks the initiator to go (ASK) and waits until it says that it is GONE, which it
 * does, whyever it closes, once nothing of its is in flight. A process that has ended is gone without a word. Confined to
 * the owner thread.
 */
final class UcxFence {
    /** Of the handler that hears the other half. */
    static final int MESSAGE_ID = 2;

    /** What can be said. */
    enum Word {
        COME(1),
        WELCOME(2),
        ASK(3),
        GONE(4);

        private final byte number;

        Word(int number) {
            this.number = (byte) number;
        }
    }

    private static final int BYTES = 1 + Long.BYTES;

    /** Which two halves: what others say is none of their business. */
    private final long pair;

    private final LocalProcess other;

    /** Still to be said: to where nothing could be sent yet. */
    private @Nullable Word owed;

    private @Nullable Word last;
    private boolean taken;
    private boolean welcomed;
    private boolean otherIsGone;
    private boolean otherEnded;

    private UcxFence(long pair, LocalProcess other) {
        this.pair = pair;
        this.other = other;
    }

    /**
     * Makes one half's; null where neither process reaches into the other.
     *
     * @param other the other half, of this one
     * @param target which of both is the target's: an initiator offers its own again where it heard no answer
     */
    static @Nullable UcxFence between(UcxHello own, UcxHello other, UcxHello target) {
        // a worker that takes a destroyed one's place hears what was not meant for it
        long pair = own.token() * 31 + Arrays.hashCode(target.worker());
        return own.process().isBeside(other.process()) ? new UcxFence(pair, other.process()) : null;
    }

    /** Says a word next, once. */
    void say(Word word) {
        if (last != word) {
            last = word;
            owed = word;
            taken = false;
            welcomed |= word == Word.WELCOME;
        }
    }

    /** Says a word over another way than before. */
    void sayAgain(Word word) {
        last = null;
        say(word);
    }

    /** Sends what is owed, if there is a way. */
    void send(UcxEndpoint way) {
        Word word = owed;
        if (word != null && way.isAttached()) {
            byte[] message =
                    ByteBuffer.allocate(BYTES).put(word.number).putLong(pair).array();
            if (way.send(MESSAGE_ID, message, () -> taken |= last == word)) {
                owed = null;
            }
        }
    }

    /** Reads what the other half said; null for what was said to another, or is not known. */
    @Nullable
    Word heard(byte[] message) {
        ByteBuffer in = ByteBuffer.wrap(message);
        if (message.length != BYTES || in.getLong(1) != pair) {
            return null;
        }
        byte number = in.get();
        for (Word word : Word.values()) {
            if (word.number == number) {
                otherIsGone |= word == Word.GONE;
                return word;
            }
        }
        return null;
    }

    /** Looks whether the other process is still there; returns true the first time that it is not. */
    boolean misses() {
        if (otherEnded || !other.hasEnded()) {
            return false;
        }
        otherEnded = true;
        return true;
    }

    /** Of an initiator that closes: whether the target knows, or will, that nothing is in flight; or nobody is left who would. */
    boolean isTold(UcxEndpoint way) {
        if (way.isIdle()) {
            say(Word.GONE);
            send(way);
        }
        return otherEnded || (last == Word.GONE && taken);
    }

    /**
     * Of a target that closes: whether nothing reaches into this process through the connection, or will. One that was never
     * reached says so for the initiator's sake alone, which would wait in vain.
     */
    boolean isUntouched(UcxEndpoint way, boolean late) {
        if (otherIsGone || otherEnded) {
            return true;
        }
        say(Word.ASK);
        send(way);
        return !welcomed && (taken || late);
    }
}

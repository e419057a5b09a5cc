package io.kvferry.backend.mooncake;

import io.kvferry.netty.BlockCursor;
import org.jspecify.annotations.Nullable;

/** What a target owes for one request, in the order of requests. Confined to its lane's event loop. */
final class Reply {
    private final boolean acknowledged;
    private final int status;
    private final @Nullable Window window;
    private final @Nullable BlockCursor cursor;
    private long left;
    private boolean begun;

    private Reply(boolean acknowledged, int status, @Nullable Window window, @Nullable BlockCursor cursor, long bytes) {
        this.acknowledged = acknowledged;
        this.status = status;
        this.window = window;
        this.cursor = cursor;
        this.left = bytes;
    }

    /** The answer to an acknowledged request that asked for nothing, or gets nothing. */
    static Reply status(int code) {
        return new Reply(true, code, null, null, 0);
    }

    /** The payload of a READ. */
    static Reply payload(RequestHeader request, Window window) {
        BlockCursor cursor = window.transfer().newCursor();
        long offset = request.address() - window.base();
        int block = window.blockAt(offset);
        cursor.moveTo(block, offset - window.offsetOf(block));
        return new Reply(request.acknowledged(), StatusFrame.OK, window, cursor, request.size());
    }

    boolean hasStatus() {
        return acknowledged && !begun;
    }

    int status() {
        return status;
    }

    @Nullable
    Window window() {
        return window;
    }

    boolean hasBegun() {
        return begun;
    }

    boolean isDone() {
        return begun && left == 0;
    }

    /** Fills a message with the next payload. */
    void next(OutMessage message, int maxBytes) {
        begun = true;
        BlockCursor at = cursor;
        int size = 0;
        while (at != null && left > 0 && size < maxBytes && !message.isFull()) {
            at.nextSpan(Integer.MAX_VALUE, (int) Math.min(left, maxBytes - size));
            message.addSpan(at.memory(), at.start(), at.length());
            size += at.length();
            left -= at.length();
        }
    }
}

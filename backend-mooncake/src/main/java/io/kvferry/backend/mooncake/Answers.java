package io.kvferry.backend.mooncake;

import io.kvferry.netty.BlockCursor;
import io.kvferry.netty.ByteReceiver;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Consumer;

/**
 * What an initiator's connection has asked for and is not answered yet. Answers come in the order of requests, so the first
 * that is outstanding says what the next bytes are. Confined to the connection's event loop.
 */
final class Answers implements ByteReceiver.Listener {
    private final boolean acknowledged;
    private final Consumer<String> drop;
    private final ByteReceiver receiver;
    /** Requests that have no complete answer yet, in the order in which they were sent. */
    private final ArrayDeque<Exchange> outstanding = new ArrayDeque<>();
    /** Bytes asked for that are not here. */
    private long bytesAwaited;

    /**
     * @param acknowledged whether requests are answered by status frames
     * @param drop ends the connection: the peer broke the protocol, or may have, and nothing after it makes sense
     */
    Answers(WireScope scope, boolean acknowledged, Consumer<String> drop) {
        this.acknowledged = acknowledged;
        this.drop = drop;
        this.receiver = new ByteReceiver(
                this, StatusFrame.BYTES, ByteOrder.LITTLE_ENDIAN, scope.config().readsPerWakeup());
    }

    ByteReceiver receiver() {
        return receiver;
    }

    boolean isEmpty() {
        return outstanding.isEmpty();
    }

    int size() {
        return outstanding.size();
    }

    long bytesAwaited() {
        return bytesAwaited;
    }

    /** A request has been sent. */
    void await(Exchange exchange) {
        if (exchange.kind() == Exchange.Kind.READ) {
            bytesAwaited += exchange.size();
        }
        outstanding.add(exchange);
    }

    /** Nothing comes any more. Returns the transfers that waited for something. */
    Set<WireTransfer> abandon() {
        receiver.close();
        Set<WireTransfer> lost = new LinkedHashSet<>();
        outstanding.forEach(exchange -> lost.add(exchange.transfer()));
        outstanding.clear();
        return lost;
    }

    @Override
    public void expect() {
        if (acknowledged && !outstanding.isEmpty()) {
            receiver.head(StatusFrame.BYTES);
            return;
        }
        for (Exchange exchange : outstanding) {
            if (exchange.asksForPayload()) {
                payload(exchange);
                return;
            }
        }
        receiver.head(1); // nothing may come; one byte is enough to know
    }

    @Override
    public void head(ByteBuffer head) {
        Exchange first = outstanding.peek();
        if (first == null || !acknowledged) {
            drop.accept("sent bytes that nobody asked for");
            return;
        }
        long frame = head.getLong(0);
        if (!StatusFrame.isStatus(frame)) {
            drop.accept("answered 0x" + Long.toHexString(frame) + ", which is no status frame");
        } else if (StatusFrame.code(frame) != StatusFrame.OK) {
            rejected(first, StatusFrame.code(frame));
        } else if (first.asksForPayload()) {
            payload(first);
        } else if (!first.isFlushed()) {
            drop.accept("acknowledged a WRITE before its last byte was sent");
        } else {
            outstanding.remove();
            first.answered();
        }
    }

    private void rejected(Exchange exchange, int code) {
        outstanding.remove();
        if (exchange.asksForPayload()) {
            bytesAwaited -= exchange.size();
        }
        WireTransfer transfer = exchange.transfer();
        transfer.tally()
                .fail(
                        exchange.stream().remote().rejection(),
                        "the target rejected " + exchange + " with status " + code
                                + ": there is no live lease for it, or not any more");
    }

    private void payload(Exchange exchange) {
        WireTransfer transfer = exchange.transfer();
        if (exchange.kind() == Exchange.Kind.PROBE || !transfer.tally().gate().enter()) {
            receiver.drain(exchange.size());
            return;
        }
        BlockCursor cursor = transfer.newCursor();
        cursor.moveTo(exchange.firstBlock(), exchange.inBlock());
        receiver.land(cursor, transfer.tally().gate(), exchange.size());
    }

    @Override
    public void landed() {
        Exchange read = firstWithPayload();
        bytesAwaited -= read.size();
        read.answered();
    }

    @Override
    public void drained() {
        Exchange read = firstWithPayload();
        if (read.kind() == Exchange.Kind.READ) {
            bytesAwaited -= read.size();
        }
    }

    /** Takes the request whose payload has come; the WRITEs of the first generation before it are answered with it. */
    private Exchange firstWithPayload() {
        Exchange first = outstanding.remove();
        while (!first.asksForPayload()) {
            first.answered();
            first = outstanding.remove();
        }
        return first;
    }
}

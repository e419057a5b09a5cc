package io.kvferry.backend.tcp;

import io.kvferry.spi.BlockRange;
import java.util.ArrayDeque;

/** The READ requests of one lane: some are at the target, the rest waits here. Confined to the lane's event loop. */
final class ReadQueue {
    /** Most requests that wait at the target at one time. */
    static final int MAX_AT_TARGET = 256;

    private record Request(InStream stream, BlockRange range) {}

    private final Lane lane;
    private final ArrayDeque<Request> held = new ArrayDeque<>();
    private int atTarget;

    ReadQueue(Lane lane) {
        this.lane = lane;
    }

    void add(InStream stream, BlockRange range) {
        held.add(new Request(stream, range));
        sendHeld();
    }

    /** A request has been answered in full. */
    void completed() {
        atTarget--;
        sendHeld();
    }

    /** Forgets what a stream still awaits; what is held goes on. */
    void forget(InStream stream) {
        int before = held.size();
        held.removeIf(request -> request.stream() == stream);
        atTarget -= stream.awaitedRanges() - (before - held.size());
        sendHeld();
    }

    private void sendHeld() {
        while (atTarget < MAX_AT_TARGET && !held.isEmpty()) {
            Request request = held.remove();
            TcpTransfer transfer = request.stream().transfer();
            atTarget++;
            FrameHeader header = lane.sender()
                    .header(FrameType.READ, request.stream().name())
                    .lease(transfer.lease());
            header.block = request.range().first();
            header.count = request.range().count();
            header.flags = transfer.terms().checksum() ? FrameHeader.FLAG_CHECKSUM : 0;
            lane.sender().control();
        }
    }

    /** Nothing is asked for any more. */
    void close() {
        held.clear();
    }
}

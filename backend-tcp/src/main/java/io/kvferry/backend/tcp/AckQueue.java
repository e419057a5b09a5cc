package io.kvferry.backend.tcp;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The acknowledgements that one lane owes. Each wakes the peer, so they are saved up: until a frame is the last one that its
 * sender has, until enough bytes have landed, or until some time has passed. Confined to the lane's event loop.
 */
final class AckQueue {
    /** Acknowledge after so many bytes. */
    private static final long MAX_BYTES = 4 << 20;
    /** Acknowledge after so long, so that a slow network is not taken for a dead one. */
    private static final long MAX_NANOS = Duration.ofMillis(100).toNanos();

    private final Lane lane;
    private final List<InStream> due = new ArrayList<>();
    private long bytes;
    private boolean urgent;
    private long writtenNanos;

    AckQueue(Lane lane) {
        this.lane = lane;
    }

    /** Counts payload that has landed; {@code last} where its sender has no more. */
    void landed(int count, boolean last) {
        bytes += count;
        urgent |= last;
    }

    /** Notes that a stream has applied blocks, and writes where that cannot wait for the end of the read loop. */
    void add(InStream stream) {
        if (!stream.setAckDue(true)) {
            due.add(stream);
        }
        if (stream.transfer().isComplete() || bytes >= MAX_BYTES) {
            write();
            lane.sender().pump();
        }
    }

    /** A read loop has ended: writes what is due and should not wait longer, without flushing. */
    void readLoopEnded() {
        if (!due.isEmpty() && (urgent || lane.nanos() - writtenNanos >= MAX_NANOS)) {
            write();
        }
    }

    /** Writes all that is due, without flushing. */
    void write() {
        bytes = 0;
        urgent = false;
        writtenNanos = lane.nanos();
        for (InStream stream : due) {
            stream.setAckDue(false);
            FrameHeader header = lane.sender()
                    .header(FrameType.ACK, stream.name())
                    .lease(stream.transfer().lease());
            header.offset = stream.applied();
            lane.sender().control();
        }
        due.clear();
    }

    /** Nothing is acknowledged any more. */
    void close() {
        due.clear();
    }
}

package io.kvferry.backend.tcp;

import java.util.ArrayList;
import java.util.List;

/** The acknowledgements that one lane owes, so that many blocks cost one frame. Confined to the lane's event loop. */
final class AckQueue {
    /** Acknowledge at the latest after so many bytes, however long the read loop goes on. */
    private static final long MAX_BYTES = 4 << 20;

    private final Lane lane;
    private final List<InStream> due = new ArrayList<>();
    private long bytes;

    AckQueue(Lane lane) {
        this.lane = lane;
    }

    /** Counts payload that has landed. */
    void landed(int count) {
        bytes += count;
    }

    /** Notes that a stream has applied blocks, and writes once enough has come together. */
    void add(InStream stream) {
        if (!stream.setAckDue(true)) {
            due.add(stream);
        }
        if (stream.transfer().isComplete() || bytes >= MAX_BYTES) {
            write();
            lane.sender().pump();
        }
    }

    /** Writes what is due, without flushing. */
    void write() {
        bytes = 0;
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

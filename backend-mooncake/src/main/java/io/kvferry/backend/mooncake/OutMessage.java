package io.kvferry.backend.mooncake;

import io.kvferry.netty.HostMemory;
import io.kvferry.netty.WindowBuf;
import io.kvferry.spi.MemoryGate;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A head and windows on payload, on their way out. Pooled, confined to one event loop. */
final class OutMessage implements WindowBuf.Owner {
    /** Most windows of one message; one of more scattered blocks is cut short. */
    static final int MAX_SPANS = 64;

    private final MessageWriter writer;
    private final ByteBuffer head =
            ByteBuffer.allocateDirect(RequestHeader.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private final long headAddress = MemorySegment.ofBuffer(head).address();
    private final WindowBuf headWindow = new WindowBuf(this);
    private final List<WindowBuf> windows = new ArrayList<>(1);
    private int spans;
    private int references;
    private @Nullable MemoryGate gate;
    private @Nullable Runnable flushed;

    OutMessage(MessageWriter writer) {
        this.writer = writer;
    }

    /** Little-endian. */
    ByteBuffer head() {
        return head;
    }

    WindowBuf headWindow(int bytes) {
        return headWindow.toSend(head, 0, bytes, headAddress);
    }

    void addSpan(HostMemory memory, long start, int length) {
        if (spans == windows.size()) {
            windows.add(new WindowBuf(this));
        }
        windows.get(spans++).toSend(memory.chunk(start), HostMemory.inChunk(start), length, memory.address() + start);
    }

    boolean isFull() {
        return spans == MAX_SPANS;
    }

    int spans() {
        return spans;
    }

    WindowBuf span(int index) {
        return windows.get(index);
    }

    /**
     * Says what happens when no channel refers to the message any more.
     *
     * @param entered the gate to leave
     * @param then what to do after that
     */
    void whenFlushed(@Nullable MemoryGate entered, @Nullable Runnable then) {
        gate = entered;
        flushed = then;
    }

    void setReferences(int count) {
        references = count;
    }

    @Override
    public void released() {
        if (--references > 0) {
            return;
        }
        MemoryGate entered = gate;
        Runnable then = flushed;
        gate = null;
        flushed = null;
        spans = 0;
        writer.recycle(this);
        if (entered != null) {
            entered.leave();
        }
        if (then != null) {
            then.run();
        }
    }
}

package io.kvferry.backend.tcp;

import io.kvferry.netty.HostMemory;
import io.kvferry.netty.WindowBuf;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One frame on its way out: a header and the windows of its payload. Pooled, confined to one event loop. */
final class OutFrame implements WindowBuf.Owner {
    /** Most windows of one frame; a frame of more scattered blocks is cut short. */
    static final int MAX_SPANS = 64;

    private final FrameSender sender;
    private final ByteBuffer head;
    private final int headAt;
    private final long headAddress;
    private final WindowBuf headWindow = new WindowBuf(this);
    private final List<WindowBuf> spans = new ArrayList<>(1);
    private int references;

    private @Nullable OutStream stream;
    private long sentBlocks;

    /** @param headAt where this frame's header and detail lie in {@code slab} */
    OutFrame(FrameSender sender, ByteBuffer slab, int headAt, int headBytes, long slabAddress) {
        this.sender = sender;
        this.head = slab.slice(headAt, headBytes);
        this.headAt = 0;
        this.headAddress = slabAddress + headAt;
    }

    /** Header at index 0, detail behind it. */
    ByteBuffer head() {
        return head;
    }

    WindowBuf headWindow(int bytes) {
        return headWindow.toSend(head, headAt, bytes, headAddress);
    }

    WindowBuf span(int index, HostMemory memory, long start, int length) {
        if (index == spans.size()) {
            spans.add(new WindowBuf(this));
        }
        return spans.get(index)
                .toSend(memory.chunk(start), HostMemory.inChunk(start), length, memory.address() + start);
    }

    WindowBuf span(int index) {
        return spans.get(index);
    }

    /** Says what the frame carries and how many windows the channel will release. */
    void ready(@Nullable OutStream newStream, long newSentBlocks, int windows) {
        stream = newStream;
        sentBlocks = newSentBlocks;
        references = windows;
    }

    @Override
    public void released() {
        if (--references == 0) {
            OutStream done = stream;
            stream = null;
            sender.recycle(this);
            if (done != null) {
                done.transfer().gate().leave();
                done.flushed(sentBlocks);
            }
        }
    }
}

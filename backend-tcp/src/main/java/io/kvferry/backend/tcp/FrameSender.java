package io.kvferry.backend.tcp;

import io.kvferry.spi.TransferErrorCode;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;

/**
 * Writes a lane's frames. Streams take turns of one frame each, and only while the channel's queue is short: so a small
 * transfer is not stuck behind a large one, and what is cancelled stops soon. Confined to the lane's event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class FrameSender {
    private static final int HEAD_BYTES = FrameHeader.BYTES + FrameHeader.MAX_DETAIL_BYTES;
    private static final int HEADS_PER_SLAB = 16;
    /** Flush at the latest after so much payload: the checksum has just brought it into the cache. */
    private static final int FLUSH_BYTES = 256 << 10;
    /** A peer that provokes more refusals than this and reads none of them is cut off. */
    private static final int MAX_PENDING_ERRORS = 64;

    private final ChannelHandlerContext context;
    private final ChannelPromise ignored;
    private final int frameBytes;
    private final ArrayDeque<OutFrame> spare = new ArrayDeque<>();
    private final ArrayDeque<OutStream> turns = new ArrayDeque<>();
    private final FrameHeader header = new FrameHeader();
    private final Checksum checksum = new Checksum();
    private int pendingErrors;
    private boolean pumping;

    FrameSender(ChannelHandlerContext context, int frameBytes) {
        this.context = context;
        this.ignored = context.voidPromise();
        this.frameBytes = frameBytes;
    }

    /** The header to fill for {@link #control}. */
    FrameHeader header(FrameType type, long stream) {
        return header.reset(type, stream);
    }

    /** Writes the filled header as a frame without payload. */
    void control() {
        OutFrame frame = take();
        header.encode(frame.head());
        frame.ready(null, 0, 1);
        context.write(frame.headWindow(FrameHeader.BYTES), ignored);
    }

    /** Writes an ERROR frame; stream 0 means the connection. */
    void error(long stream, TcpLease lease, TransferErrorCode code, String detail) {
        pendingErrors = context.channel().isWritable() ? 0 : pendingErrors + 1;
        if (pendingErrors > MAX_PENDING_ERRORS) {
            context.close();
            return;
        }
        OutFrame frame = take();
        header.reset(FrameType.ERROR, stream).lease(lease);
        header.count = code.number();
        byte[] text = detail.getBytes(StandardCharsets.UTF_8);
        header.length = Math.min(text.length, FrameHeader.MAX_DETAIL_BYTES);
        header.encode(frame.head());
        frame.head().put(FrameHeader.BYTES, text, 0, header.length);
        frame.ready(null, 0, 1);
        context.write(frame.headWindow(FrameHeader.BYTES + header.length), ignored);
    }

    /** Gives a stream its turns. */
    void enqueue(OutStream stream) {
        if (!stream.setQueued(true)) {
            turns.add(stream);
        }
    }

    /** Writes frames in turns until the channel's queue is full or nothing is left, and flushes. */
    void pump() {
        if (pumping) {
            return;
        }
        pumping = true;
        try {
            int unflushed = 0;
            while (context.channel().isWritable()) {
                OutStream stream = turns.poll();
                if (stream == null) {
                    break;
                }
                stream.setQueued(false);
                boolean more = writeFrame(stream);
                if (more) {
                    enqueue(stream);
                }
                unflushed += header.length;
                if (header.hasChecksum() && unflushed >= FLUSH_BYTES) {
                    unflushed = 0;
                    context.flush();
                }
            }
        } finally {
            pumping = false;
        }
        context.flush();
    }

    /** Returns whether the stream has more. */
    private boolean writeFrame(OutStream stream) {
        if (!stream.hasNext()) {
            return false;
        }
        TcpTransfer transfer = stream.transfer();
        if (!transfer.gate().enter()) {
            stream.stop();
            return false;
        }
        BlockCursor cursor = stream.cursor();
        OutFrame frame = take();
        header.reset(FrameType.DATA, stream.name()).lease(transfer.lease());
        header.block = cursor.block();
        header.offset = cursor.inBlock();
        int spans = 0;
        checksum.reset();
        do {
            cursor.nextSpan(stream.endOfCurrent(), frameBytes - header.length);
            TcpMemory memory = cursor.memory();
            long start = cursor.start();
            int length = cursor.length();
            if (stream.hasChecksum()) {
                checksum.update(memory.chunk(start), TcpMemory.inChunk(start), length);
            }
            frame.span(spans++, memory, start, length);
            header.length += length;
        } while (header.length < frameBytes && spans < OutFrame.MAX_SPANS && cursor.block() < stream.endOfCurrent());
        if (stream.hasChecksum()) {
            header.flags = FrameHeader.FLAG_CHECKSUM;
            header.payloadCrc = checksum.value();
        }
        if (!stream.hasNext()) {
            header.flags |= FrameHeader.FLAG_LAST;
        }
        header.encode(frame.head());
        frame.ready(stream, stream.sentFrom(header.block), spans + 1);
        context.write(frame.headWindow(FrameHeader.BYTES), ignored);
        for (int i = 0; i < spans; i++) {
            context.write(frame.span(i), ignored);
        }
        return stream.hasNext();
    }

    private OutFrame take() {
        if (spare.isEmpty()) {
            ByteBuffer slab = ByteBuffer.allocateDirect(HEADS_PER_SLAB * HEAD_BYTES);
            long address = MemorySegment.ofBuffer(slab).address();
            for (int i = 0; i < HEADS_PER_SLAB; i++) {
                spare.add(new OutFrame(this, slab, i * HEAD_BYTES, HEAD_BYTES, address));
            }
        }
        return spare.remove();
    }

    void recycle(OutFrame frame) {
        spare.addFirst(frame);
    }

    /** Forgets all streams; nothing is written any more. */
    void close() {
        turns.clear();
    }
}

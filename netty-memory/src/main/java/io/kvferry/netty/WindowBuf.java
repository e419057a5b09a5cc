package io.kvferry.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.GatheringByteChannel;
import java.nio.channels.ScatteringByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * A window on native memory that Netty's channels read into and write from without a copy. It is pointed at one span
 * after the other, never grows, and tells its owner when the last reference is gone: that is when no channel will touch
 * the span any more.
 *
 * <p><b>Threads:</b> Confined to one event loop.
 *
 * @since 0.1.0
 */
public final class WindowBuf extends UnpooledDirectByteBuf {
    /** Hears that no channel refers to a window any more. */
    public interface Owner {
        /** The last reference is gone. */
        void released();
    }

    private static final ByteBuffer NOTHING = ByteBuffer.allocateDirect(0);

    private final Owner owner;
    private @Nullable ByteBuffer chunk;
    private int at;
    private int bytes;
    private long address;
    private int references;

    /**
     * Makes a window on nothing.
     *
     * @param owner hears when a span is no longer referred to
     */
    public WindowBuf(Owner owner) {
        super(UnpooledByteBufAllocator.DEFAULT, NOTHING, 0);
        this.owner = owner;
    }

    /**
     * Points the window at memory to be filled.
     *
     * @param newChunk a buffer that holds the span; only absolute positions of it are used
     * @param newAt where the span starts in it
     * @param newBytes length of the span
     * @param newAddress address of the span
     * @return this, empty, with one reference
     */
    public WindowBuf toFill(ByteBuffer newChunk, int newAt, int newBytes, long newAddress) {
        point(newChunk, newAt, newBytes, newAddress);
        setIndex(0, 0);
        return this;
    }

    /**
     * Points the window at memory to be sent.
     *
     * @param newChunk a buffer that holds the span; only absolute positions of it are used
     * @param newAt where the span starts in it
     * @param newBytes length of the span
     * @param newAddress address of the span
     * @return this, full, with one reference
     */
    public WindowBuf toSend(ByteBuffer newChunk, int newAt, int newBytes, long newAddress) {
        point(newChunk, newAt, newBytes, newAddress);
        setIndex(0, newBytes);
        return this;
    }

    private void point(ByteBuffer newChunk, int newAt, int newBytes, long newAddress) {
        chunk = newChunk;
        at = newAt;
        bytes = newBytes;
        address = newAddress;
        references = 1;
    }

    private ByteBuffer part(int index, int length) {
        ByteBuffer whole = chunk;
        if (whole == null || index < 0 || length < 0 || length > bytes - index) {
            throw new IndexOutOfBoundsException("index=" + index + " length=" + length + " of " + bytes);
        }
        return whole.slice(at + index, length);
    }

    @Override
    public int capacity() {
        return bytes;
    }

    @Override
    public int maxCapacity() {
        return bytes;
    }

    @Override
    public ByteBuf capacity(int newCapacity) {
        throw new UnsupportedOperationException("a window does not grow");
    }

    @Override
    public boolean hasMemoryAddress() {
        return true;
    }

    @Override
    public long memoryAddress() {
        return address;
    }

    @Override
    public int nioBufferCount() {
        return 1;
    }

    @Override
    public ByteBuffer internalNioBuffer(int index, int length) {
        return part(index, length);
    }

    @Override
    public ByteBuffer nioBuffer(int index, int length) {
        return part(index, length);
    }

    @Override
    public ByteBuffer[] nioBuffers(int index, int length) {
        return new ByteBuffer[] {part(index, length)};
    }

    @Override
    public int setBytes(int index, ScatteringByteChannel in, int length) throws IOException {
        try {
            return in.read(part(index, length));
        } catch (ClosedChannelException ended) {
            return -1; // as all buffers of Netty do
        }
    }

    @Override
    public int getBytes(int index, GatheringByteChannel out, int length) throws IOException {
        return out.write(part(index, length));
    }

    @Override
    public int readBytes(GatheringByteChannel out, int length) throws IOException {
        int written = getBytes(readerIndex(), out, length);
        skipBytes(written);
        return written;
    }

    @Override
    public int refCnt() {
        return references;
    }

    @Override
    public ByteBuf retain() {
        references++;
        return this;
    }

    @Override
    public ByteBuf retain(int increment) {
        references += increment;
        return this;
    }

    @Override
    public ByteBuf touch() {
        return this;
    }

    @Override
    public ByteBuf touch(Object hint) {
        return this;
    }

    @Override
    public boolean release() {
        return release(1);
    }

    @Override
    public boolean release(int decrement) {
        references -= decrement;
        if (references > 0) {
            return false;
        }
        chunk = null;
        owner.released();
        return true;
    }
}

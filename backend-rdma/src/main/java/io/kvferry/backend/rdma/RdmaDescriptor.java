package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.BlockKeys;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A lease as its target describes it: the connection that reaches it, keys to windows of memory, and where each block is in
 * its window. Holds secrets: never logged. Later versions may append fields. Immutable.
 */
@SuppressWarnings("ArrayRecordComponent") // descriptors are never compared
record RdmaDescriptor(
        long instance,
        long connection,
        byte[] hello,
        long slot,
        LeaseKey key,
        Operation operation,
        List<Window> windows,
        long[] addresses,
        int[] windowOf) {
    /** A run of remote memory that one key opens. */
    @SuppressWarnings("ArrayRecordComponent") // nor are windows
    record Window(byte[] key, long address, long length) {}

    private static final int MAGIC = 0x4B565233;
    private static final int MAX_WINDOWS = 1 << 20;
    private static final int FIXED_BYTES = 8 + 8 + 2 + 8 + 24 + 1 + 4 + 4;
    private static final byte WRITE = 1;
    private static final byte READ = 2;

    /** {@code blocks} are the target's: their lengths let runs of blocks take one byte each. */
    Descriptor encode(BlockList blocks) {
        int bytes = FIXED_BYTES + hello.length + windows.size() * (2 + RdmaConnection.MAX_KEY_BYTES + 16);
        ByteBuffer out = ByteBuffer.allocate(Math.addExact(bytes, Math.multiplyExact(blocks.size(), 20)))
                .putLong(instance)
                .putLong(connection);
        Wire.putBytes(out, hello)
                .putLong(slot)
                .putLong(key.high())
                .putLong(key.low())
                .putLong(key.epoch())
                .put(operation == Operation.WRITE ? WRITE : READ)
                .putInt(windows.size())
                .putInt(blocks.size());
        for (Window window : windows) {
            Wire.putBytes(out, window.key()).putLong(window.address()).putLong(window.length());
        }
        int window = 0;
        long expected = windows.getFirst().address();
        for (int i = 0; i < blocks.size(); i++) {
            if (windows.size() > 1) {
                Wire.putNumber(out, (long) windowOf[i] - window);
                window = windowOf[i];
            }
            Wire.putNumber(out, addresses[i] - expected);
            expected = addresses[i] + blocks.length(i);
        }
        return new Descriptor(SealedBytes.seal(MAGIC, out.flip()));
    }

    /** Reads what a peer sent; a block outside its window is refused here, so that nothing out of the lease is ever tried. */
    static RdmaDescriptor decode(Descriptor descriptor, BlockKeys blocks) {
        return Wire.decode(MAGIC, descriptor, "a descriptor", in -> decode(in, blocks));
    }

    private static RdmaDescriptor decode(ByteBuffer in, BlockKeys blocks) {
        long instance = in.getLong();
        long connection = in.getLong();
        byte[] hello = Wire.getBytes(in, Wire.MAX_HELLO);
        long slot = in.getLong();
        LeaseKey key = new LeaseKey(in.getLong(), in.getLong(), in.getLong());
        Operation operation = in.get() == WRITE ? Operation.WRITE : Operation.READ;
        int windowCount = in.getInt();
        int blockCount = in.getInt();
        if (blockCount != blocks.size()) {
            throw new TransferException(
                    TransferErrorCode.BUFFER_MISMATCH,
                    Stage.PREPARE,
                    "the target leased " + blockCount + " blocks, this transfer has " + blocks.size());
        }
        if (windowCount < 1 || windowCount > MAX_WINDOWS || windowCount > in.remaining() / 18) {
            throw Wire.malformed("a descriptor with " + windowCount + " windows");
        }
        List<Window> windows = new ArrayList<>(windowCount);
        for (int i = 0; i < windowCount; i++) {
            windows.add(new Window(Wire.getBytes(in, RdmaConnection.MAX_KEY_BYTES), in.getLong(), in.getLong()));
        }
        long[] addresses = new long[blockCount];
        int[] windowOf = new int[blockCount];
        readBlocks(in, blocks, windows, addresses, windowOf);
        return new RdmaDescriptor(instance, connection, hello, slot, key, operation, windows, addresses, windowOf);
    }

    private static void readBlocks(
            ByteBuffer in, BlockKeys blocks, List<Window> windows, long[] addresses, int[] windowOf) {
        long window = 0;
        long expected = windows.getFirst().address();
        for (int i = 0; i < addresses.length; i++) {
            if (windows.size() > 1) {
                window += Wire.getNumber(in);
                if (window < 0 || window >= windows.size()) {
                    throw Wire.malformed("block " + i + " is in window " + window + " of " + windows.size());
                }
            }
            Window within = windows.get((int) window);
            long address = expected + Wire.getNumber(in);
            long length = blocks.length(i);
            long offset = address - within.address();
            if (offset < 0 || length > within.length() || offset > within.length() - length) {
                throw new TransferException(
                        TransferErrorCode.ACCESS_DENIED,
                        Stage.PREPARE,
                        "block key " + blocks.key(i) + " [" + offset + " +" + length
                                + "] is outside the leased window of " + within.length() + " bytes");
            }
            addresses[i] = address;
            windowOf[i] = (int) window;
            expected = address + length;
        }
    }

    @Override
    public String toString() {
        return "RdmaDescriptor[" + addresses.length + " blocks in " + windows.size() + " windows, " + key + "]";
    }
}

package io.kvferry.backend.rdma.adapter.disni;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import java.io.IOException;

/** Cuts the operations of a batch where a piece of a region ends, at either side. */
final class DisniCutter {
    /** An operation is no longer than a piece, so it meets at most one end on each side. */
    static final int MAX_PARTS = 3;

    private DisniCutter() {}

    /** Takes the parts, in order. */
    @FunctionalInterface
    interface Taker {
        void take(long localAddress, int localKey, long remoteAddress, int remoteKey, int bytes) throws IOException;
    }

    /** How many parts a batch has. */
    static int count(RdmaBatch batch) {
        int parts = 0;
        for (int i = 0; i < batch.size(); i++) {
            for (long done = 0; done < batch.length(i); done += part(batch, i, done)) {
                parts++;
            }
        }
        return parts;
    }

    static void cut(RdmaBatch batch, Taker taker) throws IOException {
        for (int i = 0; i < batch.size(); i++) {
            DisniPieces here = here(batch, i);
            DisniPieces there = there(batch, i);
            long bytes;
            for (long done = 0; done < batch.length(i); done += bytes) {
                bytes = part(batch, i, done);
                long local = batch.localAddress(i) + done;
                long remote = batch.remoteAddress(i) + done;
                taker.take(local, here.keyAt(local), remote, there.keyAt(remote), (int) bytes);
            }
        }
    }

    private static long part(RdmaBatch batch, int index, long done) {
        long left = here(batch, index).within(batch.localAddress(index) + done, batch.length(index) - done);
        return there(batch, index).within(batch.remoteAddress(index) + done, left);
    }

    private static DisniPieces here(RdmaBatch batch, int index) {
        return ((DisniMemory) batch.local(index)).localKeys();
    }

    private static DisniPieces there(RdmaBatch batch, int index) {
        return ((DisniRemoteKey) batch.remote(index)).pieces();
    }
}

package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.backend.rdma.adapter.RdmaBatch;

/**
 * Turns a batch into requests, as few as they can be: what is one stretch at the peer is one request, and what is one
 * stretch here as well is one slice of it.
 */
final class BatchWriter {
    private BatchWriter() {}

    static void write(RdmaBatch batch, int opcode, QueuePair pair, SendBatch requests, long maxRequestBytes) {
        long remoteEnd = 0;
        long localEnd = 0;
        long bytes = 0;
        int remoteKey = 0;
        int localKey = 0;
        for (int i = 0; i < batch.size(); i++) {
            long remote = batch.remoteAddress(i);
            long local = batch.localAddress(i);
            long length = batch.length(i);
            int theirs = ((VerbsRemoteKey) batch.remote(i)).value();
            int ours = ((VerbsMemory) batch.local(i)).localKey();
            boolean behind = i > 0 && remote == remoteEnd && theirs == remoteKey && bytes + length <= maxRequestBytes;
            if (behind && local == localEnd && ours == localKey) {
                requests.extendSlice(length);
            } else if (!behind || !requests.addSlice(local, (int) length, ours)) {
                requests.begin(pair.nextId(requests), opcode, 0, remote, theirs);
                requests.addSlice(local, (int) length, ours);
                bytes = 0;
            }
            bytes += length;
            remoteEnd = remote + length;
            localEnd = local + length;
            remoteKey = theirs;
            localKey = ours;
        }
    }
}

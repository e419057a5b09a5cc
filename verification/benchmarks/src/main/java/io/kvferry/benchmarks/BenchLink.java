package io.kvferry.benchmarks;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.control.cluster.NodeLink;
import io.kvferry.control.cluster.NodeOrder;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.NodeSession;
import io.kvferry.control.cluster.OrderResult;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/** A node of a benchmark: holds chunks, and does nothing. */
enum BenchLink implements NodeLink {
    INSTANCE;

    static final KeyScheme SCHEME = new KeyScheme("sha256", 32, 256);

    static NodeSession connect(Controller controller, String id) {
        NodeSession session = controller.connect(
                NodeRegistration.of(new PeerIdentity(id, 1), "127.0.0.1:1", SCHEME),
                INSTANCE,
                Deadline.after(10, TimeUnit.SECONDS));
        session.beginSync();
        return session;
    }

    static void finish(NodeSession session) {
        boolean ignored = session.finishSync(Optional.empty());
    }

    static void hold(NodeSession session, ChunkKeys keys) {
        session.addToSync(Tier.HOST, keys);
    }

    /** Keys as a hash would make them. */
    static ChunkKeys keys(long seed, int count) {
        SplittableRandom random = new SplittableRandom(seed);
        ByteBuffer packed = ByteBuffer.allocate(count * SCHEME.keyBytes());
        while (packed.hasRemaining()) {
            packed.putLong(random.nextLong());
        }
        return ChunkKeys.of(SCHEME.keyBytes(), packed.array());
    }

    @Override
    public CompletionStage<OrderResult> send(NodeOrder order, Deadline deadline) {
        return CompletableFuture.completedStage(OrderResult.done(0));
    }

    @Override
    public void requestSync(String reason) {
        throw new IllegalStateException("the index of a benchmark is wrong: " + reason);
    }

    @Override
    public void end(TransferErrorCode code, String detail) {
        // the benchmark is over
    }
}

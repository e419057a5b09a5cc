package io.kvferry.benchmarks;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.kvferry.control.cluster.wire.ClusterGrpc;
import io.kvferry.control.cluster.wire.ClusterProto.ControllerFrame;
import io.kvferry.control.cluster.wire.ClusterProto.KeepAlive;
import io.kvferry.control.cluster.wire.ClusterProto.KeyScheme;
import io.kvferry.control.cluster.wire.ClusterProto.NodeFrame;
import io.kvferry.control.cluster.wire.ClusterProto.Register;
import io.kvferry.control.cluster.wire.ClusterProto.SyncBegin;
import io.kvferry.control.cluster.wire.ClusterProto.SyncEnd;
import io.kvferry.control.grpc.wire.CommonProto.NodeIdentity;
import io.kvferry.spi.PeerAddress;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Very many nodes that do nothing but keep their leases alive, over a few connections. */
final class SimulatedNodes {
    private static final int CONNECTIONS = 64;
    private static final NodeFrame KEEP_ALIVE =
            NodeFrame.newBuilder().setKeepAlive(KeepAlive.getDefaultInstance()).build();

    private SimulatedNodes() {}

    /** Registers them, says so in a line, and keeps them alive until standard input ends. */
    static void run(PeerAddress controller, int nodes) throws IOException, InterruptedException {
        List<ManagedChannel> channels = new ArrayList<>();
        for (int i = 0; i < CONNECTIONS; i++) {
            channels.add(NettyChannelBuilder.forAddress(controller.host(), controller.port())
                    .usePlaintext()
                    .directExecutor()
                    .build());
        }
        CountDownLatch registered = new CountDownLatch(nodes);
        try (ScheduledExecutorService timer = Executors.newScheduledThreadPool(1)) {
            for (int i = 0; i < nodes; i++) {
                Node node = new Node("node-" + i, registered, timer);
                node.start(ClusterGrpc.newStub(channels.get(i % CONNECTIONS)));
            }
            if (!registered.await(120, TimeUnit.SECONDS)) {
                throw new IOException(registered.getCount() + " nodes could not register");
            }
            System.out.println("registered");
            while (System.in.read() >= 0) {
                // whoever started this closes it when it is done
            }
            timer.shutdownNow();
        }
        channels.forEach(ManagedChannel::shutdownNow);
    }

    static void pause(Duration time) {
        try {
            boolean ignored = new CountDownLatch(1).await(time.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static final class Node implements StreamObserver<ControllerFrame> {
        private final String id;
        private final CountDownLatch registered;
        private final ScheduledExecutorService timer;
        private volatile StreamObserver<NodeFrame> stream;

        @SuppressWarnings("NullAway.Init") // start fills the stream in
        Node(String id, CountDownLatch registered, ScheduledExecutorService timer) {
            this.id = id;
            this.registered = registered;
            this.timer = timer;
        }

        void start(ClusterGrpc.ClusterStub stub) {
            stream = stub.session(this);
            stream.onNext(NodeFrame.newBuilder()
                    .setRegister(Register.newBuilder()
                            .setSelf(NodeIdentity.newBuilder().setNodeId(id).setBootId(1))
                            .setScheme(KeyScheme.newBuilder()
                                    .setName("sha256")
                                    .setKeyBytes(32)
                                    .setChunkTokens(256)))
                    .build());
        }

        @Override
        public void onNext(ControllerFrame frame) {
            if (!frame.hasRegistered()) {
                return;
            }
            long interval = frame.getRegistered().getKeepAliveNanos();
            stream.onNext(NodeFrame.newBuilder()
                    .setSyncBegin(SyncBegin.getDefaultInstance())
                    .build());
            stream.onNext(NodeFrame.newBuilder()
                    .setSyncEnd(SyncEnd.getDefaultInstance())
                    .build());
            // from here on the timer alone sends
            var ignored = timer.scheduleAtFixedRate(
                    () -> stream.onNext(KEEP_ALIVE),
                    Math.floorMod(id.hashCode() * 7919L, interval),
                    interval,
                    TimeUnit.NANOSECONDS);
            registered.countDown();
        }

        @Override
        public void onError(Throwable failure) {
            System.err.println(id + " lost its session: " + failure);
        }

        @Override
        public void onCompleted() {
            System.err.println(id + " lost its session");
        }
    }
}

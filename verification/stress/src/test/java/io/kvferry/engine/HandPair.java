package io.kvferry.engine;

import io.kvferry.conformance.FakeNetwork;
import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerControlProvider;
import java.time.Duration;

/** Two engines over a {@link HandBackend}, whose messages are delivered on the sender's thread, on a clock that stands. */
final class HandPair {
    static final int BLOCKS = 2;
    private static final Duration LONG = Duration.ofHours(1);

    final HandBackend backend = new HandBackend();
    final FakeTicker ticker = new FakeTicker();
    final FakeNetwork network = FakeNetwork.direct();
    final TransferEngine initiator = open("initiator");
    final TransferEngine target = open("target");
    final BlockList source;
    final BlockList destination;

    HandPair() {
        source = BlockList.uniform(initiator.allocate(BLOCKS).region(), 0, 0, 1, BLOCKS);
        destination = BlockList.uniform(target.allocate(BLOCKS).region(), 0, 0, 1, BLOCKS);
    }

    private TransferEngine open(String node) {
        PeerControlProvider control = network.provider();
        return TransferEngine.builder()
                .config(KvFerryConfig.builder()
                        .provider(new HandBackend.Provider(backend))
                        .provider(control)
                        .set("kvferry.backend", "hand")
                        .set("kvferry.peer-control", control.name())
                        .set("kvferry.offer-wait", "0s")
                        .set("kvferry.node-id", node)
                        .build())
                .ticker(ticker, ticker.scheduler())
                .open();
    }

    Deadline far() {
        return ticker.in(LONG);
    }
}

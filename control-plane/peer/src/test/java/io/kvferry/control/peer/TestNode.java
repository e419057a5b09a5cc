package io.kvferry.control.peer;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiFunction;

/** One node on loopback: peer control with a service that a test scripts. */
final class TestNode implements PeerService, AutoCloseable {
    private final TestScheduler scheduler;
    private final GrpcPeerControl control;
    private final PeerAddress address;
    private volatile BiFunction<PeerRequest<?>, Deadline, CompletionStage<? extends PeerReply>> answers =
            (request, deadline) -> CompletableFuture.completedFuture(Samples.replyTo(request));
    private volatile ChannelAnswer channels = (id, channel) -> {};

    /** What a service does with a channel. */
    interface ChannelAnswer {
        void opened(ChannelId id, PeerChannel channel);
    }

    TestNode() {
        this(BackendConfig.DEFAULTS);
    }

    TestNode(BackendConfig config) {
        this(config, Ticker.system());
    }

    TestNode(BackendConfig config, Ticker ticker) {
        scheduler = new TestScheduler(ticker);
        control = new GrpcPeerControl(
                config,
                new BackendEnvironment(new PeerIdentity("node", 7), ticker, scheduler, "127.0.0.1", "127.0.0.1"));
        address = control.start(this, seconds(10));
    }

    static Deadline seconds(int seconds) {
        return Deadline.after(Duration.ofSeconds(seconds));
    }

    TestNode answering(BiFunction<PeerRequest<?>, Deadline, CompletionStage<? extends PeerReply>> newAnswers) {
        answers = newAnswers;
        return this;
    }

    TestNode acceptingChannels(ChannelAnswer answer) {
        channels = answer;
        return this;
    }

    PeerAddress address() {
        return address;
    }

    GrpcPeerControl control() {
        return control;
    }

    TestScheduler scheduler() {
        return scheduler;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <R extends PeerReply> CompletionStage<R> handle(PeerRequest<R> request, Deadline deadline) {
        return (CompletionStage<R>) answers.apply(request, deadline);
    }

    @Override
    public void channelOpened(TransferId id, int attempt, long epoch, PeerChannel channel) {
        channels.opened(new ChannelId(id, attempt, epoch), channel);
    }

    @Override
    public void close() {
        control.close(seconds(10));
        scheduler.close();
    }
}

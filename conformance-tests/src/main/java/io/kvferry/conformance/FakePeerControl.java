package io.kvferry.conformance;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** One node's peer control on a {@link FakeNetwork}. */
final class FakePeerControl implements PeerControl {
    private final FakeNetwork network;
    private final PeerAddress address;
    private final BackendEnvironment environment;
    /** What is under way from here, so that a vanished peer can fail it. */
    private final Set<Call<?>> calls = ConcurrentHashMap.newKeySet();

    private final Set<FakePeerChannel> channels = ConcurrentHashMap.newKeySet();
    /** Per point, what waits for its successor. */
    private final Map<String, Runnable> reordered = new ConcurrentHashMap<>();

    private volatile @Nullable PeerService service;
    private volatile boolean dead;

    FakePeerControl(FakeNetwork network, PeerAddress address, BackendEnvironment environment) {
        this.network = network;
        this.address = address;
        this.environment = environment;
    }

    @Override
    public PeerAddress start(PeerService newService, Deadline deadline) {
        service = newService;
        if (!network.bind(address, this)) {
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED, Stage.OPEN, address + " is in use by another node");
        }
        return address;
    }

    @Override
    public <R extends PeerReply> CompletableFuture<R> call(
            PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
        CompletableFuture<R> reply = new CompletableFuture<>();
        if (dead) {
            reply.completeExceptionally(failure(TransferErrorCode.SHUTTING_DOWN, address + " is closed"));
            return reply;
        }
        if (deadline.isExpired()) {
            reply.completeExceptionally(lateReply(request, peer));
            return reply;
        }
        Call<R> call = new Call<>(peer, request, deadline, reply);
        if (network.isDirect()) {
            call.send();
            return reply;
        }
        calls.add(call);
        Scheduler.Scheduled timer =
                environment.scheduler().schedule(deadline, () -> reply.completeExceptionally(lateReply(request, peer)));
        CompletableFuture<R> ignored = reply.whenComplete((ok, failed) -> {
            timer.cancel();
            calls.remove(call);
        });
        run(() -> faulty(FakeNetwork.point(request, false), reply, call::travel));
        return reply;
    }

    @Override
    public PeerChannel openChannel(PeerAddress peer, TransferId id, int attempt, long epoch, Deadline deadline) {
        FakePeerChannel[] ends = FakePeerChannel.pair(network.faults());
        FakePeerChannel here = ends[0];
        FakePeerChannel there = ends[1];
        here.attach(this, peer);
        Scheduler.Scheduled timer = environment
                .scheduler()
                .schedule(
                        deadline,
                        () -> here.breakWith(
                                error(TransferErrorCode.DEADLINE_EXCEEDED, "the channel's deadline has passed")));
        here.onEnd(timer::cancel);
        run(() -> {
            switch (network.faults().next("channel.open")) {
                case FaultPlan.Drop lost -> {}
                case FaultPlan.Refuse refuse -> here.breakWith(error(refuse.code(), "the channel was refused"));
                case FaultPlan.Freeze freeze ->
                    freeze.gate().whenOpen(() -> run(() -> connect(peer, id, attempt, epoch, here, there)));
                case FaultPlan.Delay delay ->
                    after(delay.duration(), () -> connect(peer, id, attempt, epoch, here, there));
                default -> connect(peer, id, attempt, epoch, here, there);
            }
        });
        return here;
    }

    private void connect(
            PeerAddress peer, TransferId id, int attempt, long epoch, FakePeerChannel here, FakePeerChannel there) {
        network.travel(address, peer, () -> {
            FakePeerControl receiver = network.node(peer);
            PeerService target = receiver == null ? null : receiver.service;
            if (receiver == null || target == null) {
                here.breakWith(error(TransferErrorCode.CONTROL_FAILED, "nobody listens at " + peer));
                return;
            }
            there.attach(receiver, address);
            try {
                target.channelOpened(id, attempt, epoch, there);
                FakePeerChannel.open(here, there);
            } catch (TransferException e) {
                here.breakWith(e.error());
            } catch (RuntimeException e) {
                here.breakWith(error(TransferErrorCode.INTERNAL, "the receiver of the channel failed: " + e));
            }
        });
    }

    @Override
    public void forget(PeerAddress peer) {
        lose(peer, TransferErrorCode.CONTROL_FAILED);
    }

    @Override
    public void close(Deadline deadline) {
        if (dead) {
            return;
        }
        dead = true;
        network.unbind(address, this);
        endAll(TransferErrorCode.SHUTTING_DOWN, address + " was closed");
    }

    /** Vanishes as a killed process does: nobody is told, its own calls simply end. */
    void die() {
        dead = true;
        endAll(TransferErrorCode.CONTROL_FAILED, address + " was killed");
    }

    private void endAll(TransferErrorCode code, String detail) {
        calls.forEach(call -> call.reply.completeExceptionally(failure(code, detail)));
        channels.forEach(channel -> channel.breakWith(error(code, detail)));
        reordered.clear();
    }

    void lose(PeerAddress peer, TransferErrorCode code) {
        TransferException lost = failure(code, "the peer at " + peer + " is gone");
        calls.stream().filter(call -> call.peer.equals(peer)).forEach(call -> call.reply.completeExceptionally(lost));
        channels.stream().filter(channel -> channel.isTo(peer)).forEach(channel -> channel.breakWith(lost.error()));
    }

    void remember(FakePeerChannel channel) {
        channels.add(channel);
    }

    void forget(FakePeerChannel channel) {
        channels.remove(channel);
    }

    void travelTo(PeerAddress peer, Runnable step) {
        network.travel(address, peer, step);
    }

    /** Whether a message is kept back at a point until its successor has passed. */
    boolean keepsBack(String point) {
        return reordered.containsKey(point);
    }

    /** Lets a message pass its point. Whatever is lost here, the caller's deadline ends. */
    private void faulty(String point, CompletableFuture<?> outcome, Runnable deliver) {
        Action action = network.faults().next(point);
        if (!(action instanceof FaultPlan.Reorder)) {
            pass(point, action, outcome, deliver);
            Runnable held = reordered.remove(point);
            if (held != null) {
                held.run();
            }
            return;
        }
        reordered.merge(point, deliver, (before, after) -> () -> {
            after.run();
            before.run();
        });
    }

    private void pass(String point, Action action, CompletableFuture<?> outcome, Runnable deliver) {
        switch (action) {
            case FaultPlan.Pass pass -> deliver.run();
            case FaultPlan.Drop drop -> {}
            case FaultPlan.Delay delay -> after(delay.duration(), deliver);
            case FaultPlan.Duplicate duplicate -> {
                run(deliver);
                deliver.run();
            }
            case FaultPlan.Freeze freeze -> freeze.gate().whenOpen(() -> run(deliver));
            case FaultPlan.Refuse refuse ->
                outcome.completeExceptionally(failure(refuse.code(), point + " was refused"));
            case FaultPlan.Corrupt corrupt ->
                outcome.completeExceptionally(
                        failure(TransferErrorCode.PROTOCOL_ERROR, point + " could not be decoded"));
            case FaultPlan.Die die -> {
                network.kill(address);
                outcome.completeExceptionally(failure(TransferErrorCode.CONTROL_FAILED, address + " died"));
            }
            case FaultPlan.Partial partial -> deliver.run();
            case FaultPlan.Reorder reorder -> deliver.run();
            case FaultPlan.HalfClose halfClose -> deliver.run();
            case FaultPlan.Throttle throttle -> deliver.run();
        }
    }

    private void after(Duration duration, Runnable step) {
        environment.scheduler().schedule(Deadline.after(duration, environment.ticker()), () -> run(step));
    }

    private void run(Runnable step) {
        if (network.isDirect()) {
            step.run();
        } else {
            Thread.ofVirtual().name("fake-network").start(step);
        }
    }

    private static TransferException lateReply(PeerRequest<?> request, PeerAddress peer) {
        return failure(
                TransferErrorCode.DEADLINE_EXCEEDED,
                "no answer to " + request.getClass().getSimpleName() + " from " + peer + " in time");
    }

    private static TransferException failure(TransferErrorCode code, String detail) {
        return new TransferException(error(code, detail));
    }

    private static TransferError error(TransferErrorCode code, String detail) {
        return TransferError.of(code, Stage.PREPARE, detail);
    }

    /** One request on its way there and back. */
    private final class Call<R extends PeerReply> {
        private final PeerAddress peer;
        private final PeerRequest<R> request;
        private final Deadline deadline;
        private final CompletableFuture<R> reply;

        Call(PeerAddress peer, PeerRequest<R> request, Deadline deadline, CompletableFuture<R> reply) {
            this.peer = peer;
            this.request = request;
            this.deadline = deadline;
            this.reply = reply;
        }

        PeerAddress home() {
            return address;
        }

        void travel() {
            if (!dead) {
                network.travel(address, peer, this::send);
            }
        }

        void send() {
            FakePeerControl receiver = network.node(peer);
            PeerService target = receiver == null ? null : receiver.service;
            if (receiver == null || target == null) {
                reply.completeExceptionally(failure(TransferErrorCode.CONTROL_FAILED, "nobody listens at " + peer));
                return;
            }
            // remaining time travels, never a point in time: the receiver has a clock of its own
            Deadline there = Deadline.afterNanos(deadline.remainingNanos(), receiver.environment.ticker());
            CompletionStage<R> answer;
            try {
                answer = target.handle(request, there);
            } catch (RuntimeException | Error e) {
                receiver.answer(this, null, e);
                return;
            }
            answer.whenComplete((value, failed) -> receiver.answer(this, value, failed));
        }

        void complete(@Nullable R value, @Nullable Throwable failed) {
            if (value != null) {
                reply.complete(value);
            } else {
                reply.completeExceptionally(decoded(failed));
            }
        }

        /** What an error is after it has crossed a wire: its fields, without its stack. */
        private TransferException decoded(@Nullable Throwable failed) {
            Throwable cause = failed instanceof CompletionException ? failed.getCause() : failed;
            if (cause instanceof TransferException known) {
                return new TransferException(known.error());
            }
            return new TransferException(error(TransferErrorCode.INTERNAL, "the peer's service failed: " + cause)
                    .at(Side.TARGET, ""));
        }
    }

    private <R extends PeerReply> void answer(Call<R> call, @Nullable R value, @Nullable Throwable failed) {
        if (network.isDirect()) {
            call.complete(value, failed);
            return;
        }
        if (!dead) {
            faulty(
                    FakeNetwork.point(call.request, true),
                    call.reply,
                    () -> network.travel(address, call.home(), () -> call.complete(value, failed)));
        }
    }
}

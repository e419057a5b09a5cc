package io.kvferry.conformance;

import io.kvferry.engine.TransferListener;
import io.kvferry.engine.TransferReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongUnaryOperator;
import java.util.function.UnaryOperator;

/** Engines that do something wrong with their peers, their clock or their listeners. The backend under them is sound. */
final class BrokenEngines {
    private static final Duration LONG = Duration.ofSeconds(40);

    private BrokenEngines() {}

    static List<Breakage> all() {
        return List.of(
                Breakage.of(
                                "timers run a second late",
                                scheduler(when -> when + Duration.ofSeconds(1).toNanos()),
                                "R1.1",
                                "R1.2",
                                "R1.4",
                                "R1.5",
                                "R1.6",
                                "R2.1",
                                "R4.7",
                                "R5.9")
                        .broad(),
                Breakage.of("long timers never run", withoutLongTimers(), "R5.7", "R17.3"),
                Breakage.of(
                                "FINISH is never sent",
                                Breakage.engine(NeverFinishes::new),
                                "R1.8",
                                "R5.2",
                                "R5.3",
                                "R6.10",
                                "R11.2")
                        .broad(),
                Breakage.of("a FINISH that is not answered is not repeated", Breakage.engine(FinishesOnce::new), "R5.5")
                        .broad(),
                Breakage.of(
                        "a confirmed transfer does not wait for its confirmation",
                        Breakage.engine(ConfirmsItself::new),
                        "R4.1",
                        "R5.5"),
                Breakage.of("a PREPARE does not wait for its offer", service(DoesNotWait::new), "R5.1"),
                Breakage.of(
                                "every refusal is INTERNAL",
                                service(Collapses::new),
                                "R5.4",
                                "R6.9",
                                "R8.1",
                                "R11.3",
                                "R15.1",
                                "R15.4",
                                "R15.5",
                                "R15.6",
                                "R15.9",
                                "R15.11",
                                "R17.2",
                                "R18.6",
                                "R18.7")
                        .broad(),
                Breakage.of("the lease is anchored where the reply arrived", Breakage.engine(AnchorsLate::new), "R2.2"),
                Breakage.of(
                        "blocks that the target has not leased are not told apart",
                        Breakage.engine(HidesUnmatched::new),
                        "R15.2",
                        "R15.11"),
                Breakage.of(
                        "parts are not told to a target that cannot see them",
                        Breakage.engine(TellsNoParts::new),
                        "R15.12"),
                Breakage.of(
                        "a peer that could not be met once is never met again",
                        Breakage.engine(RemembersFailure::new),
                        "R13.1"),
                Breakage.of(
                        "who was met once is taken for the same process for ever",
                        Breakage.engine(RemembersPeer::new),
                        "R13.2"),
                Breakage.of("calls to all peers go one after the other", Breakage.engine(CallsOneByOne::new), "R14.4")
                        .broad(),
                Breakage.of("a channel is opened that nobody declared", Breakage.engine(OpensChannels::new), "R10.10"),
                Breakage.of("anybody may end anybody's attempt", service(BelievesStrangers::new), "R18.3"),
                Breakage.of("an end is reported twice", listener(true), "R5.6", "R19.2", "R19.3"),
                Breakage.of("an end is not reported", listener(false), "R19.2", "R19.3")
                        .broad());
    }

    private static BackendHarness scheduler(LongUnaryOperator shift) {
        return new Breakage.BrokenEngine() {
            @Override
            public Scheduler scheduler(Scheduler sound) {
                return (when, task) ->
                        sound.schedule(Deadline.atNanos(shift.applyAsLong(when.atNanos()), when.ticker()), task);
            }
        };
    }

    private static BackendHarness withoutLongTimers() {
        return new Breakage.BrokenEngine() {
            @Override
            public Scheduler scheduler(Scheduler sound) {
                return (when, task) -> when.remainingNanos() > LONG.toNanos() ? () -> true : sound.schedule(when, task);
            }
        };
    }

    private static BackendHarness service(UnaryOperator<PeerService> flaw) {
        return Breakage.engine(control -> new Forwarding.Control(control) {
            @Override
            public PeerAddress start(PeerService service, Deadline deadline) {
                return super.start(flaw.apply(service), deadline);
            }
        });
    }

    private static BackendHarness listener(boolean twice) {
        return new Breakage.BrokenEngine() {
            @Override
            public TransferListener listener(TransferListener sound) {
                return new TransferListener() {
                    @Override
                    public void ended(TransferReport report) {
                        if (twice) {
                            sound.ended(report);
                            sound.ended(report);
                        }
                    }
                };
            }
        };
    }

    private static final class NeverFinishes extends Forwarding.Control {
        NeverFinishes(PeerControl sound) {
            super(sound);
        }

        @Override
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            return request instanceof PeerRequest.Finish
                    ? new CompletableFuture<>()
                    : super.call(peer, request, deadline);
        }
    }

    private static final class FinishesOnce extends Forwarding.Control {
        private final Map<TransferId, Boolean> sent = new ConcurrentHashMap<>();

        FinishesOnce(PeerControl sound) {
            super(sound);
        }

        @Override
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            boolean again = request instanceof PeerRequest.Finish finish && sent.put(finish.id(), true) != null;
            return again ? new CompletableFuture<>() : super.call(peer, request, deadline);
        }
    }

    private static final class ConfirmsItself extends Forwarding.Control {
        ConfirmsItself(PeerControl sound) {
            super(sound);
        }

        @Override
        @SuppressWarnings("unchecked")
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            CompletableFuture<R> reply = super.call(peer, request, deadline);
            return request instanceof PeerRequest.Finish finish && finish.outcome() == TransferState.COMPLETED
                    ? CompletableFuture.completedFuture((R) new PeerReply.Finished(TransferState.COMPLETED, null))
                    : reply;
        }
    }

    private static final class AnchorsLate extends Forwarding.Control {
        AnchorsLate(PeerControl sound) {
            super(sound);
        }

        @Override
        @SuppressWarnings("unchecked")
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            long sent = deadline.ticker().nanos();
            return super.call(peer, request, deadline)
                    .thenApply(reply -> reply instanceof PeerReply.Prepared prepared
                            ? (R) new PeerReply.Prepared(
                                    prepared.epoch(),
                                    prepared.descriptor(),
                                    prepared.remainingNanos()
                                            + deadline.ticker().nanos()
                                            - sent,
                                    prepared.unmatched())
                            : reply);
        }
    }

    private static final class HidesUnmatched extends Forwarding.Control {
        HidesUnmatched(PeerControl sound) {
            super(sound);
        }

        @Override
        @SuppressWarnings("unchecked")
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            return super.call(peer, request, deadline)
                    .thenApply(reply -> reply instanceof PeerReply.Prepared prepared
                            ? (R) new PeerReply.Prepared(
                                    prepared.epoch(), prepared.descriptor(), prepared.remainingNanos(), List.of())
                            : reply);
        }
    }

    private static final class TellsNoParts extends Forwarding.Control {
        TellsNoParts(PeerControl sound) {
            super(sound);
        }

        @Override
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            return request instanceof PeerRequest.Part
                    ? new CompletableFuture<>()
                    : super.call(peer, request, deadline);
        }
    }

    private static final class RemembersFailure extends Forwarding.Control {
        private volatile Throwable first;

        RemembersFailure(PeerControl sound) {
            super(sound);
        }

        @Override
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            if (!(request instanceof PeerRequest.Hello)) {
                return super.call(peer, request, deadline);
            }
            if (first != null) {
                return CompletableFuture.failedFuture(first);
            }
            return super.call(peer, request, deadline).whenComplete((reply, failure) -> first = failure);
        }
    }

    private static final class RemembersPeer extends Forwarding.Control {
        private final Map<PeerAddress, Object> welcomes = new ConcurrentHashMap<>();

        RemembersPeer(PeerControl sound) {
            super(sound);
        }

        @Override
        @SuppressWarnings("unchecked")
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            if (!(request instanceof PeerRequest.Hello)) {
                return super.call(peer, request, deadline);
            }
            Object known = welcomes.get(peer);
            return known != null
                    ? CompletableFuture.completedFuture((R) known)
                    : super.call(peer, request, deadline).thenApply(reply -> {
                        welcomes.put(peer, reply);
                        return reply;
                    });
        }
    }

    private static final class CallsOneByOne extends Forwarding.Control {
        private CompletableFuture<?> last = CompletableFuture.completedFuture(null);

        CallsOneByOne(PeerControl sound) {
            super(sound);
        }

        @Override
        public synchronized <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            CompletableFuture<R> mine =
                    last.handle((reply, failure) -> true).thenCompose(go -> super.call(peer, request, deadline));
            last = mine;
            return mine;
        }
    }

    private static final class OpensChannels extends Forwarding.Control {
        OpensChannels(PeerControl sound) {
            super(sound);
        }

        @Override
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            if (request instanceof PeerRequest.Prepare prepare) {
                PeerChannel unused = openChannel(peer, prepare.id(), prepare.attempt(), 1, deadline);
                unused.close();
            }
            return super.call(peer, request, deadline);
        }
    }

    /** A target's side of peer control. */
    private static class Service implements PeerService {
        private final PeerService sound;

        Service(PeerService sound) {
            this.sound = sound;
        }

        @Override
        public <R extends PeerReply> CompletionStage<R> handle(PeerRequest<R> request, Deadline deadline) {
            return sound.handle(request, deadline);
        }

        @Override
        public void channelOpened(TransferId id, int attempt, long epoch, PeerChannel channel) {
            sound.channelOpened(id, attempt, epoch, channel);
        }
    }

    private static final class DoesNotWait extends Service {
        DoesNotWait(PeerService sound) {
            super(sound);
        }

        @Override
        public <R extends PeerReply> CompletionStage<R> handle(PeerRequest<R> request, Deadline deadline) {
            Deadline now = Deadline.afterNanos(1, deadline.ticker());
            if (!(request instanceof PeerRequest.Prepare)) {
                return super.handle(request, deadline);
            }
            CompletableFuture<R> reply = super.handle(request, now).toCompletableFuture();
            return reply.isDone()
                    ? reply
                    : CompletableFuture.failedFuture(
                            new TransferException(TransferErrorCode.NOT_FOUND, Stage.PREPARE, "no such lease"));
        }
    }

    private static final class Collapses extends Service {
        Collapses(PeerService sound) {
            super(sound);
        }

        @Override
        public <R extends PeerReply> CompletionStage<R> handle(PeerRequest<R> request, Deadline deadline) {
            try {
                return super.handle(request, deadline).exceptionally(failure -> {
                    throw new CompletionException(internal());
                });
            } catch (TransferException e) {
                throw internal();
            }
        }

        private static TransferException internal() {
            return new TransferException(TransferErrorCode.INTERNAL, Stage.PREPARE, "ERR_BACKEND");
        }
    }

    private static final class BelievesStrangers extends Service {
        private final Map<TransferId, PeerIdentity> initiators = new ConcurrentHashMap<>();

        BelievesStrangers(PeerService sound) {
            super(sound);
        }

        @Override
        @SuppressWarnings("unchecked")
        public <R extends PeerReply> CompletionStage<R> handle(PeerRequest<R> request, Deadline deadline) {
            PeerRequest<R> believed = request;
            if (request instanceof PeerRequest.Prepare prepare) {
                initiators.putIfAbsent(prepare.id(), prepare.self());
            } else if (request instanceof PeerRequest.Cancel cancel) {
                believed = (PeerRequest<R>) new PeerRequest.Cancel(
                        cancel.id(), cancel.attempt(), initiators.getOrDefault(cancel.id(), cancel.self()));
            }
            return super.handle(believed, deadline);
        }
    }
}

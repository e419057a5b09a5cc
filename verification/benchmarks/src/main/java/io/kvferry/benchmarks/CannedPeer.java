package io.kvferry.benchmarks;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Peer control that remembers what the target answered to the first message of a kind and answers that ever after: what is
 * measured is the initiator alone. Every transfer must have the id and attempt of the first one.
 */
final class CannedPeer implements PeerControlProvider {
    private static final CompletableFuture<PeerReply> FINISHED =
            CompletableFuture.completedFuture(new PeerReply.Finished(TransferState.COMPLETED, null));

    private final PeerControlProvider real;

    CannedPeer(PeerControlProvider real) {
        this.real = real;
    }

    @Override
    public String name() {
        return "canned";
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return real.configKeys();
    }

    @Override
    public PeerControl open(BackendConfig config, BackendEnvironment environment) {
        return new Canned(real.open(config, environment));
    }

    private static final class Canned implements PeerControl {
        private final PeerControl control;
        private final Map<Class<?>, CompletableFuture<PeerReply>> answers = new HashMap<>();

        Canned(PeerControl control) {
            this.control = control;
        }

        @Override
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            CompletableFuture<PeerReply> answer = request instanceof PeerRequest.Finish
                    ? FINISHED
                    : answers.computeIfAbsent(request.getClass(), kind -> ask(peer, request, deadline));
            @SuppressWarnings("unchecked") // each request gets its own kind of reply
            CompletableFuture<R> typed = (CompletableFuture<R>) answer;
            return typed;
        }

        private <R extends PeerReply> CompletableFuture<PeerReply> ask(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            return control.call(peer, request, deadline).thenApply(reply -> reply);
        }

        @Override
        public PeerAddress start(PeerService service, Deadline deadline) {
            return control.start(service, deadline);
        }

        @Override
        public PeerChannel openChannel(PeerAddress peer, TransferId id, int attempt, long epoch, Deadline deadline) {
            return control.openChannel(peer, id, attempt, epoch, deadline);
        }

        @Override
        public void forget(PeerAddress peer) {
            control.forget(peer);
        }

        @Override
        public void close(Deadline deadline) {
            control.close(deadline);
        }
    }
}

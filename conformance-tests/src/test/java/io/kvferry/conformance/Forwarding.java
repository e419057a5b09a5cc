package io.kvferry.conformance;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferStatus;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Passes every call on, for flaws to override one. */
final class Forwarding {
    private Forwarding() {}

    /** A provider. */
    static class Provider implements TransferBackendProvider {
        private final TransferBackendProvider sound;

        Provider(TransferBackendProvider sound) {
            this.sound = sound;
        }

        @Override
        public String name() {
            return sound.name();
        }

        @Override
        public Set<ConfigKey<?>> configKeys() {
            return sound.configKeys();
        }

        @Override
        public Availability probe(BackendConfig config) {
            return sound.probe(config);
        }

        @Override
        public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
            return sound.open(config, environment, deadline);
        }
    }

    /** A backend. */
    static class Backend implements TransferBackend {
        private final TransferBackend sound;

        Backend(TransferBackend sound) {
            this.sound = sound;
        }

        @Override
        public BackendInfo info() {
            return sound.info();
        }

        @Override
        public BackendEndpoint endpoint() {
            return sound.endpoint();
        }

        @Override
        public MemoryHandle register(MemoryRegion region, Deadline deadline) {
            return sound.register(region, deadline);
        }

        @Override
        public Proposal propose(InitiatorPlan plan) {
            return sound.propose(plan);
        }

        @Override
        public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
            return sound.accept(plan, proposal, deadline);
        }

        @Override
        public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
            return sound.prepare(plan, descriptor, deadline);
        }

        @Override
        public void reset(ResetScope scope, Deadline deadline) {
            sound.reset(scope, deadline);
        }

        @Override
        public CloseReport close(Deadline deadline) {
            return sound.close(deadline);
        }
    }

    /** An initiator's side. */
    static class Initiator implements InitiatorTransfer {
        private final InitiatorTransfer sound;

        Initiator(InitiatorTransfer sound) {
            this.sound = sound;
        }

        @Override
        public void submit(BlockRange blocks) {
            sound.submit(blocks);
        }

        @Override
        public TransferStatus status() {
            return sound.status();
        }

        @Override
        public Quiescence finish(Deadline grace) {
            return sound.finish(grace);
        }
    }

    /** A target's side. */
    static class Target implements TargetTransfer {
        private final TargetTransfer sound;

        Target(TargetTransfer sound) {
            this.sound = sound;
        }

        @Override
        public Descriptor descriptor() {
            return sound.descriptor();
        }

        @Override
        public TransferStatus status() {
            return sound.status();
        }

        @Override
        public void seal() {
            sound.seal();
        }

        @Override
        public Quiescence finish(Deadline grace) {
            return sound.finish(grace);
        }
    }

    /** A provider of peer control. */
    static class ControlProvider implements PeerControlProvider {
        private final PeerControlProvider sound;

        ControlProvider(PeerControlProvider sound) {
            this.sound = sound;
        }

        @Override
        public String name() {
            return sound.name();
        }

        @Override
        public Set<ConfigKey<?>> configKeys() {
            return sound.configKeys();
        }

        @Override
        public PeerControl open(BackendConfig config, BackendEnvironment environment) {
            return sound.open(config, environment);
        }
    }

    /** Peer control. */
    static class Control implements PeerControl {
        private final PeerControl sound;

        Control(PeerControl sound) {
            this.sound = sound;
        }

        @Override
        public PeerAddress start(PeerService service, Deadline deadline) {
            return sound.start(service, deadline);
        }

        @Override
        public <R extends PeerReply> CompletableFuture<R> call(
                PeerAddress peer, PeerRequest<R> request, Deadline deadline) {
            return sound.call(peer, request, deadline);
        }

        @Override
        public PeerChannel openChannel(PeerAddress peer, TransferId id, int attempt, long epoch, Deadline deadline) {
            return sound.openChannel(peer, id, attempt, epoch, deadline);
        }

        @Override
        public void forget(PeerAddress peer) {
            sound.forget(peer);
        }

        @Override
        public void close(Deadline deadline) {
            sound.close(deadline);
        }
    }
}

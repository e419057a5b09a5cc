package io.kvferry.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.Await;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.WireId;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The lease table under many threads that offer, prepare, cancel, finish and revoke the same few ids: no memory is ever lent
 * to two attempts at the same time, every call is answered by a code that the contract has for it, and in the end nothing
 * is left in any table.
 */
class LeaseTableTest {
    private static final int THREADS = 8;
    private static final int ROUNDS = 400;
    private static final int ATTEMPTS = 40;
    private static final List<TransferErrorCode> REFUSALS = List.of(
            TransferErrorCode.ALREADY_EXISTS,
            TransferErrorCode.CANCELLED,
            TransferErrorCode.LEASE_ENDED,
            TransferErrorCode.NOT_FOUND,
            TransferErrorCode.NOT_QUIESCENT,
            TransferErrorCode.TRANSFER_FAILED,
            TransferErrorCode.ACCESS_DENIED);

    private final HandPair pair = new HandPair();
    private final List<TransferId> ids =
            Stream.generate(TransferId::random).limit(3).toList();
    private final List<PeerIdentity> peers = List.of(new PeerIdentity("one", 11), new PeerIdentity("two", 22));
    private final AtomicLong offers = new AtomicLong();
    private final Queue<Lease> offered = new ConcurrentLinkedQueue<>();
    private final Queue<TransferErrorCode> codes = new ConcurrentLinkedQueue<>();
    private final PeerControl control = pair.network
            .provider()
            .open(
                    BackendConfig.DEFAULTS,
                    new BackendEnvironment(peers.getFirst(), pair.ticker, pair.ticker.scheduler(), "here", "here"));

    @Test
    void memoryIsNeverLentTwiceAndNothingIsLeft() {
        for (int time = 0; time < Budget.TIMES; time++) {
            List<CompletableFuture<Boolean>> threads = IntStream.range(0, THREADS)
                    .mapToObj(thread -> Await.start(() -> work(new Random(thread))))
                    .toList();
            threads.forEach(thread -> Await.get("a thread's work", thread));
            endEverything();
        }
        assertThat(codes)
                .isSubsetOf(Stream.concat(REFUSALS.stream(), Stream.of(TransferErrorCode.OK))
                        .toList());
        assertThat(codes).contains(TransferErrorCode.OK, TransferErrorCode.NOT_QUIESCENT, TransferErrorCode.CANCELLED);
        ids.forEach(id -> assertThat(pair.backend.move(id).mostOpen())
                .as("attempts that could write the memory of " + id + " at the same time")
                .isEqualTo(1));
    }

    private boolean work(Random random) {
        for (int round = 0; round < ROUNDS; round++) {
            TransferId id = ids.get(random.nextInt(ids.size()));
            PeerIdentity peer = peers.get(random.nextInt(peers.size()));
            int attempt = 1 + random.nextInt(1 + round * ATTEMPTS / ROUNDS);
            switch (random.nextInt(8)) {
                case 0, 1 -> offer(id);
                case 2, 3, 4 -> ask(prepare(id, peer, attempt));
                case 5 -> ask(new PeerRequest.Cancel(id, attempt, peer));
                case 6 -> ask(new PeerRequest.Finish(id, attempt, peer, 0, TransferState.FAILED, 0, 0));
                default -> offered.stream().skip(random.nextInt(4)).findFirst().ifPresent(Lease::revoke);
            }
        }
        return true;
    }

    private void offer(TransferId id) {
        try {
            Deadline until = Deadline.atNanos(pair.far().atNanos() + offers.incrementAndGet(), pair.ticker);
            Lease lease = pair.target.offer(LeaseRequest.writable(id, pair.destination), until);
            offered.add(lease);
            codes.add(TransferErrorCode.OK);
        } catch (TransferException e) {
            codes.add(e.code());
        }
        offered.removeIf(lease -> lease.result().isPresent() && lease.memory() == Quiescence.QUIESCENT);
    }

    private PeerRequest.Prepare prepare(TransferId id, PeerIdentity peer, int attempt) {
        WireId wire = pair.backend.info().wireId();
        Envelopes.Address address = new Envelopes.Address(Envelopes.Kind.PROPOSAL, wire, id, attempt, 0, peer.bootId());
        return new PeerRequest.Prepare(
                id,
                attempt,
                Operation.WRITE,
                peer,
                pair.target.identity(),
                wire,
                pair.source.blockKeys(),
                Envelopes.seal(address, Proposal.EMPTY),
                pair.far().remainingNanos());
    }

    private <R extends PeerReply> void ask(PeerRequest<R> request) {
        try {
            R ignored = Await.get("the answer to " + request, control.call(pair.target.address(), request, pair.far()));
            codes.add(TransferErrorCode.OK);
        } catch (TransferException e) {
            codes.add(e.code());
        }
    }

    private void endEverything() {
        List<Lease> open = new ArrayList<>(offered);
        offered.clear();
        open.forEach(Lease::revoke);
        open.forEach(lease -> Await.until(
                () -> lease + " is over: " + lease.status(),
                () -> lease.result().isPresent() && lease.memory() == Quiescence.QUIESCENT));
        Await.until(
                () -> "nothing is left: " + pair.target.status().lines(),
                () -> pair.target.status().leases() == 0
                        && pair.target.status().transfers().isEmpty()
                        && pair.target.status().quarantinedTransfers() == 0);
    }
}

package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.engine.Lease;
import io.kvferry.engine.Transfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferId;
import java.util.List;

/**
 * What must hold of a lease and its attempts once they are over: their memory is given back and stays as it is, and each end
 * was told once.
 *
 * @param all every attempt that was prepared
 */
record ModelAftermath(
        ModelRun run,
        String name,
        Node from,
        Node to,
        Operation operation,
        TransferId id,
        Layout layout,
        Lease lease,
        List<Transfer> all) {
    /** Both sides give their memory back; from now on nothing may write to it. */
    void bury() {
        awaitQuiescent();
        layout.poison();
    }

    private void awaitQuiescent() {
        run.untilMoving(
                () -> this + " is quiescent: " + lease.memory() + ", " + all,
                () -> lease.memory() == Quiescence.QUIESCENT
                        && all.stream().allMatch(attempt -> attempt.memory() == Quiescence.QUIESCENT));
    }

    /** Nothing was written since it was buried; each side has told its end once. */
    void check() {
        layout.assertPoisoned();
        run.close(layout.source());
        run.close(layout.destination());
        for (Transfer each : all) {
            awaitOneReport(from, Side.INITIATOR, each.attempt());
        }
        awaitOneReport(to, Side.TARGET, 0);
    }

    /** Waits for one report of an attempt, of any where its number is 0. */
    private void awaitOneReport(Node node, Side side, int attempt) {
        Await.until(
                () -> this + " is reported once at " + side + ": " + node.reports(id),
                () -> node.reports(id).stream()
                                .filter(report ->
                                        report.side() == side && (attempt == 0 || report.attempt() == attempt))
                                .count()
                        == 1);
    }

    /** One of its engines was killed, and its successor started. The other side ends what it had with it. */
    void restarted(Node old) {
        run.note(name + ": was with the node that was killed");
        if (to == old) {
            assertThat(lease.result()).as(this + " at a closed target").isPresent();
            all.forEach(Transfer::finish);
        } else {
            all.forEach(each -> assertThat(each.result())
                    .as(this + " at a closed initiator")
                    .isPresent());
            lease.revoke();
        }
        awaitQuiescent();
        run.close((from == old) == (operation == Operation.WRITE) ? layout.destination() : layout.source());
    }

    @Override
    public String toString() {
        return "transfer " + name;
    }
}

package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Two sides agree on blocks by key: the target's lease is the contract.
 *
 * @since 0.1.0
 */
@Tag("blocks")
public abstract class BlocksConformanceTest extends ConformanceSuite {
    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected BlocksConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** The initiator must have every leased key; the refusal names those it lacks. */
    @Test
    public final void required_R15_1_missingKeysAreAMismatchThatNamesThem() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            BlockList lacking = layout.local(operation).select(0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 14, 15);
            layout.poison();
            TransferException refusal = assertFails(
                    TransferErrorCode.BUFFER_MISMATCH,
                    () -> bed().initiator().prepare(id, operation, bed().target(), lacking));
            assertThat(refusal.getMessage()).contains("7").contains("13");
            layout.assertPoisoned();
            assertThat(lease.result()).as("the lease goes on").isEmpty();
            lease.revoke();
        }
    }

    /** Keys that the target has not leased are left out and counted. */
    @Test
    public final void required_R15_2_extraKeysAreIgnoredAndCounted() {
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            int[] leased = {1, 2, 5, 9, 10, 11, 15};
            Layout part = new Layout(
                    layout.source(),
                    layout.destination(),
                    operation == Operation.WRITE
                            ? layout.sourceBlocks()
                            : layout.sourceBlocks().select(leased),
                    operation == Operation.WRITE
                            ? layout.destinationBlocks().select(leased)
                            : layout.destinationBlocks(),
                    77);
            Lease lease = bed().target().offer(id, operation, part.remote(operation));
            try (Transfer transfer =
                    bed().initiator().prepare(id, operation, bed().target(), layout.local(operation))) {
                assertThat(transfer.unmatched()).isEqualTo(9);
                transfer.submit();
                TransferResult.Completed done = bed().result(transfer).orThrow();
                assertThat(done.blocks()).isEqualTo(7);
                assertThat(done.bytes()).isEqualTo(7 * 4096);
            }
            bed().result(lease).orThrow();
            part.assertMoved();
            Await.until("the report", () -> !bed().initiator().reports(id).isEmpty());
            assertThat(bed().initiator().reports(id).getFirst().unmatched()).isEqualTo(9);
        }
    }

    /** Both sides may name the keys in any order, and keys may be any numbers. */
    @Test
    public final void required_R15_3_orderOfKeysDoesNotMatter() {
        Random random = random();
        for (Operation operation : BOTH) {
            Memory here = bed().initiator().memory(300_000);
            Memory there = bed().target().memory(300_000);
            Layout layout =
                    Layout.random(side(operation, here, there, true), side(operation, here, there, false), 257, random);
            bed().move(operation, layout.local(operation), layout.remote(operation));
            layout.assertMoved();
        }
    }

    /** Blocks whose lengths differ are a mismatch that names them with both lengths. */
    @Test
    public final void required_R15_4_differentLengthsAreAMismatchThatNamesThem() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        BlockList.Builder builder = BlockList.builder(16);
        for (int i = 0; i < 16; i++) {
            builder.add(i, layout.source().region(), i * 4096L, i == 6 ? 4095 : 4096);
        }
        layout.poison();
        TransferException refusal = assertFails(
                TransferErrorCode.BUFFER_MISMATCH,
                () -> bed().initiator().prepare(id, Operation.WRITE, bed().target(), builder.build()));
        assertThat(refusal.getMessage()).contains("6").contains("4095").contains("4096");
        assertThat(refusal.error().side()).isEqualTo(Side.TARGET);
        layout.assertPoisoned();
        lease.revoke();
    }

    /** Two sides without a common key have nothing to move, which is a mismatch, and is said in a short message. */
    @Test
    public final void required_R15_5_disjointKeysAreAMismatchInAShortMessage() {
        Memory here = bed().initiator().memory(80_000);
        Memory there = bed().target().memory(80_000);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, BlockList.uniform(there.region(), 0, 0, 8, 10_000));
        TransferException refusal = assertFails(
                TransferErrorCode.BUFFER_MISMATCH,
                () -> bed().initiator()
                        .prepare(
                                id,
                                Operation.WRITE,
                                bed().target(),
                                BlockList.uniform(here.region(), 50_000, 0, 8, 10_000)));
        assertThat(refusal.error().detail().length()).isLessThan(1000);
        lease.revoke();
    }

    /** After a mismatch the same lease serves the initiator that has the right blocks. */
    @Test
    public final void required_R15_6_leaseServesARightRequestAfterAWrongOne() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        assertFails(
                TransferErrorCode.BUFFER_MISMATCH,
                () -> bed().initiator()
                        .prepare(
                                id,
                                Operation.WRITE,
                                bed().target(),
                                layout.sourceBlocks().select(0)));
        Transfer transfer = bed().initiator()
                .prepare(bed().initiator()
                        .request(id, Operation.WRITE, bed().target(), layout.sourceBlocks())
                        .attempt(2));
        complete(transfer, lease, layout);
    }
}

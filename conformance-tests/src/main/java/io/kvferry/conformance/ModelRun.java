package io.kvferry.conformance;

import io.kvferry.engine.EngineStatus;
import io.kvferry.engine.Memory;
import io.kvferry.spi.AbortScope;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * One random sequence on one pair of engines: calm phases, in which the model knows each outcome, and hostile ones, in
 * which it knows what may not happen. After each phase everything ends, both sides are quiescent and another transfer works.
 *
 * <p>Confined to the test's thread. Each step draws all its random numbers from one of its own, so that a step that finds
 * another state than in an earlier run does not change the steps behind it.
 */
final class ModelRun {
    private static final int PHASES = 4;
    private static final int STEPS = 40;
    private static final int SLOTS = 4;
    private static final int PROBE_BYTES = 16 * 1024;
    private static final Duration TICK = Duration.ofMillis(20);
    /** A clock that moves while a thread waits for a processor lets deadlines pass that a calm phase counts on. */
    private static final Duration STILL_WHEN_CALM = Duration.ofSeconds(1);

    private static final Duration STILL_WHEN_HOSTILE = Duration.ofMillis(4);
    /** Longer than whatever the engine still waits for when nothing goes wrong any more, such as an answer to HELLO. */
    private static final Duration HEALING = Duration.ofSeconds(15);

    private final Bed bed;
    private final Random random;
    private final ModelFaults faults;
    private final List<String> log = new ArrayList<>();
    private final Map<Integer, ModelTransfer> slots = new TreeMap<>();
    private final List<ModelAftermath> buried = new ArrayList<>();
    private Node left;
    private Node right;
    private boolean hostile;

    ModelRun(Bed bed, BackendHarness harness, Random random) {
        this.bed = bed;
        this.random = random;
        this.faults = new ModelFaults(bed, harness);
        this.left = bed.initiator();
        this.right = bed.target();
    }

    void play() {
        for (int phase = 0; phase < PHASES; phase++) {
            hostile = phase % 2 == 1;
            note(hostile ? "hostile phase" : "calm phase");
            for (int step = 0; step < STEPS; step++) {
                step(new Random(random.nextLong()));
            }
            drain();
        }
    }

    /** What was asked, a line each. */
    String log() {
        return String.join("\n", log);
    }

    void note(String line) {
        log.add(line);
    }

    private void step(Random dice) {
        int slot = dice.nextInt(SLOTS);
        int choice = dice.nextInt(100);
        if (hostile && choice < 20) {
            note("fault: " + faults.next(dice, left, right));
        } else if (choice < 28) {
            advance(dice);
        } else if (hostile && choice < 29) {
            restart(dice.nextBoolean());
        } else {
            verb(slot, dice);
        }
        inHand().forEach(ModelTransfer::observe);
    }

    private void verb(int slot, Random dice) {
        ModelTransfer known = slots.get(slot);
        if (known != null && known.isOver()) {
            // memory that a data plane holds which stands still is given back when it goes on
            faults.thaw();
            known.wrapUp();
            bury(known);
            slots.remove(slot);
            known = null;
        }
        if (known == null) {
            boolean forth = dice.nextBoolean();
            ModelTransfer made = ModelTransfer.offer(this, slot, forth ? left : right, forth ? right : left, dice);
            if (made != null) {
                slots.put(slot, made);
            }
        } else {
            known.next(dice);
        }
    }

    /** Time passes. In a calm phase nothing that only takes a moment is under way then. */
    private void advance(Random dice) {
        Duration duration = Duration.ofMillis(
                switch (dice.nextInt(4)) {
                    case 0 -> 1;
                    case 1 -> 50;
                    case 2 -> 400;
                    default -> 3000;
                });
        inHand().forEach(ModelTransfer::settle);
        note("time: " + duration.toMillis() + " ms");
        bed.ticker().advance(duration);
        inHand().forEach(ModelTransfer::settle);
    }

    private void restart(boolean first) {
        Node old = first ? left : right;
        note("restart: " + old.engine().identity());
        faults.thaw();
        faults.openGates();
        PeerAddress address = old.address();
        bed.network().kill(address);
        old.close();
        Node fresh = bed.restart(old.engine().identity().nodeId(), address);
        if (first) {
            left = fresh;
        } else {
            right = fresh;
        }
        inHand().forEach(transfer -> transfer.aftermath().restarted(old));
        buried.forEach(transfer -> transfer.restarted(old));
        slots.clear();
        // their memory is gone with the node that was killed
        buried.clear();
    }

    /** Everything ends, and what was held up goes on: nothing touches what was given back before. */
    private void drain() {
        note("drain");
        faults.clear();
        List<ModelTransfer> all = inHand();
        all.forEach(ModelTransfer::wrapUp);
        all.forEach(this::bury);
        slots.clear();
        faults.openGates();
        if (hostile) {
            bed.ticker().advance(HEALING);
        }
        Random dice = new Random(buried.size());
        moveOne(left, right, dice);
        moveOne(right, left, dice);
        buried.forEach(ModelAftermath::check);
        buried.clear();
        for (Node node : List.of(left, right)) {
            untilMoving(
                    () -> "nothing in hand: " + node.engine().status().lines(),
                    () -> isIdle(node.engine().status()));
        }
    }

    /** Moves something, which must work now; what was lost with a peer before may cost one attempt. */
    private void moveOne(Node from, Node to, Random dice) {
        Memory here = from.memory(PROBE_BYTES);
        Memory there = to.memory(PROBE_BYTES);
        Layout layout = Layout.random(here, there, 3, dice);
        try {
            bed.move(from, to, Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        } catch (TransferException e) {
            if (isExact() || !e.error().isRetryable()) {
                throw e;
            }
            bed.move(from, to, Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
        }
        layout.assertMoved();
        close(here);
        close(there);
    }

    void close(Memory memory) {
        boolean ignored = getMoving("close of memory", Await.start(() -> {
            memory.close(in(Node.LONG));
            return true;
        }));
    }

    /** Its memory has been given back: it is filled with what must stay there until the phase ends. */
    private void bury(ModelTransfer over) {
        ModelAftermath aftermath = over.aftermath();
        aftermath.bury();
        buried.add(aftermath);
    }

    private static boolean isIdle(EngineStatus status) {
        return status.transfers().isEmpty() && status.leases() == 0 && status.quarantinedTransfers() == 0;
    }

    private List<ModelTransfer> inHand() {
        return List.copyOf(slots.values());
    }

    Bed bed() {
        return bed;
    }

    /** Whether the model knows each outcome: nothing goes wrong, and what one transfer does cannot meet another. */
    boolean isExact() {
        return !hostile
                && left.info().abortScope() == AbortScope.TRANSFER
                && left.can(Capability.REVOKE)
                && left.can(Capability.CANCEL_IN_FLIGHT);
    }

    Deadline in(Duration duration) {
        return bed.in(duration);
    }

    /** Waits for a call whose end may need the clock. */
    <T> T getMoving(String what, CompletableFuture<T> call) {
        untilMoving(() -> what, call::isDone);
        return Await.get(what, call);
    }

    /** Waits for an event; moves the clock unless it comes at once. */
    void untilMoving(Supplier<String> what, BooleanSupplier condition) {
        if (isExact()) {
            // a clock that jumps is no excuse for what only takes a moment
            inHand().forEach(ModelTransfer::settle);
        }
        Deadline still = Deadline.after(hostile ? STILL_WHEN_HOSTILE : STILL_WHEN_CALM);
        Await.until(what, () -> {
            if (!condition.getAsBoolean() && still.isExpired()) {
                bed.ticker().advance(TICK);
            }
            return condition.getAsBoolean();
        });
    }
}

package io.kvferry.conformance;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.spi.TransferErrorCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** What goes wrong in a {@link ModelRun}: at random, between the peers, before the backend and below it. */
final class ModelFaults {
    private static final List<String> MESSAGES = List.of(
            "hello.request",
            "hello.reply",
            "prepare.request",
            "prepare.reply",
            "cancel.request",
            "cancel.reply",
            "finish.request",
            "finish.reply",
            "part.request",
            "part.reply",
            "channel.open",
            "channel.message");
    private static final List<String> CALLS = List.of("register", "propose", "accept", "prepare", "submit", "io");
    private static final List<TransferErrorCode> REFUSALS = List.of(
            TransferErrorCode.RESOURCE_EXHAUSTED,
            TransferErrorCode.CONNECTION_FAILED,
            TransferErrorCode.TRANSFER_FAILED,
            TransferErrorCode.DEADLINE_EXCEEDED);

    private final Bed bed;
    private final BackendHarness harness;
    private final List<Gate> gates = new ArrayList<>();

    ModelFaults(Bed bed, BackendHarness harness) {
        this.bed = bed;
        this.harness = harness;
    }

    /** Lets one more thing go wrong; returns what. */
    String next(Random dice, Node left, Node right) {
        FaultPlan side = (dice.nextBoolean() ? left : right).faults();
        return switch (dice.nextInt(12)) {
            case 0, 1, 2, 3, 4 -> onMessage(dice);
            case 5, 6 -> onCall(side, dice);
            case 7 -> arm(side, dice.nextBoolean() ? "finish" : "target.finish", Action.freeze(gate()));
            case 8 -> arm(side, "submit", some(dice, Action.DROP, Action.HALF, Action.freeze(gate())));
            case 9 -> arm(side, dice.nextBoolean() ? "proposal" : "descriptor", Action.CORRUPT);
            case 10 -> onDataPlane(dice);
            default -> onNetwork(dice, left, right);
        };
    }

    private String onMessage(Random dice) {
        String point = MESSAGES.get(dice.nextInt(MESSAGES.size()));
        Duration late = Duration.ofMillis(1 + dice.nextInt(3000));
        Action action = some(
                dice,
                Action.DROP,
                Action.DUPLICATE,
                Action.REORDER,
                Action.CORRUPT,
                Action.delay(late),
                Action.freeze(gate()),
                Action.refuse(TransferErrorCode.CONTROL_FAILED));
        return arm(bed.wire(), point, action);
    }

    private static String onCall(FaultPlan side, Random dice) {
        TransferErrorCode code = REFUSALS.get(dice.nextInt(REFUSALS.size()));
        return arm(side, CALLS.get(dice.nextInt(CALLS.size())), Action.refuse(code));
    }

    private String onDataPlane(Random dice) {
        boolean freeze = dice.nextBoolean();
        harness.dataPlaneFaults().ifPresent(hooks -> {
            if (freeze) {
                hooks.freeze();
            } else {
                hooks.fail();
            }
        });
        return freeze ? "the data plane freezes" : "the data plane fails";
    }

    private String onNetwork(Random dice, Node left, Node right) {
        return switch (dice.nextInt(4)) {
            case 0 -> {
                bed.network().partition(left.address(), right.address());
                yield "the peers lose sight of each other";
            }
            case 1 -> {
                bed.network().freeze(right.address());
                yield "one peer freezes";
            }
            default -> {
                thaw();
                yield "what stood still goes on";
            }
        };
    }

    private static String arm(FaultPlan plan, String point, Action action) {
        plan.onNext(point, action);
        return point + " " + action;
    }

    private static Action some(Random dice, Action... actions) {
        return actions[dice.nextInt(actions.length)];
    }

    private Gate gate() {
        Gate gate = new Gate();
        gates.add(gate);
        return gate;
    }

    /** Lets peers and bytes go on that stand still. */
    void thaw() {
        bed.network().heal();
        bed.nodes().forEach(node -> bed.network().thaw(node.address()));
        harness.dataPlaneFaults().ifPresent(BackendHarness.DataPlaneFaults::thaw);
        harness.dataPlaneFaults().ifPresent(BackendHarness.DataPlaneFaults::heal);
    }

    /** Lets late what was held up: most of it when its transfer is long over. */
    void openGates() {
        List<Gate> held = List.copyOf(gates);
        gates.clear();
        held.forEach(Gate::open);
    }

    /** Nothing more goes wrong; what was held up still is. */
    void clear() {
        bed.wire().clear();
        bed.nodes().forEach(node -> node.faults().clear());
        thaw();
    }
}

package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.spi.TransferErrorCode;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FaultPlanTest {
    private final FaultPlan plan = FaultPlan.seeded(42);

    @Test
    void emptyPlanLetsEverythingPass() {
        assertThat(plan.next("submit")).isEqualTo(Action.PASS);
    }

    @Test
    void actionHappensAtItsOccurrenceOfItsPointOnly() {
        plan.on("submit", 2, Action.DROP);
        assertThat(plan.next("finish")).isEqualTo(Action.PASS);
        assertThat(plan.next("submit")).isEqualTo(Action.PASS);
        assertThat(plan.next("submit")).isEqualTo(Action.DROP);
        assertThat(plan.next("submit")).isEqualTo(Action.PASS);
        assertThat(plan.occurrences("submit")).isEqualTo(3);
    }

    @Test
    void occurrencesCountFromWhenTheActionWasAdded() {
        plan.onNext("a", Action.DROP);
        plan.next("b");
        plan.next("b");
        plan.onNext("b", Action.DUPLICATE);
        assertThat(plan.next("b")).isEqualTo(Action.DUPLICATE);
    }

    @Test
    void alwaysHoldsUntilCleared() {
        plan.always("register", Action.refuse(TransferErrorCode.RESOURCE_EXHAUSTED));
        assertThat(plan.next("register")).isEqualTo(new FaultPlan.Refuse(TransferErrorCode.RESOURCE_EXHAUSTED));
        assertThat(plan.next("register")).isEqualTo(new FaultPlan.Refuse(TransferErrorCode.RESOURCE_EXHAUSTED));
        plan.clear();
        assertThat(plan.next("register")).isEqualTo(Action.PASS);
    }

    @Test
    void sameSeedDrawsTheSameFaultsAndAnotherSeedOthers() {
        assertThat(drawn(1)).isEqualTo(drawn(1)).isNotEqualTo(drawn(2));
        assertThat(drawn(1).stream().filter(Action.DROP::equals).count()).isBetween(200L, 400L);
    }

    private static List<Action> drawn(long seed) {
        FaultPlan plan = FaultPlan.seeded(seed).sometimes("copy", 0.3, Action.DROP);
        return IntStream.range(0, 1000).mapToObj(i -> plan.next("copy")).toList();
    }

    @Test
    void whatHappenedIsCountedByItsKind() {
        plan.onNext("a", Action.DROP).onNext("b", Action.DROP).onNext("c", Action.DUPLICATE);
        List.of("a", "b", "c", "c").forEach(plan::next);
        assertThat(plan.taken(FaultPlan.Drop.class)).isEqualTo(2);
        assertThat(plan.taken(FaultPlan.Duplicate.class)).isEqualTo(1);
        assertThat(plan.taken(FaultPlan.Pass.class)).isZero();
    }

    @Test
    void planSaysItsSeedAndRules() {
        plan.on("submit", 3, Action.HALF);
        assertThat(plan.toString()).contains("seed 42", "submit", "0.5");
    }

    @Test
    void occurrenceZeroIsRefused() {
        assertThatThrownBy(() -> plan.on("submit", 0, Action.DROP)).hasMessageContaining("count from 1");
    }
}

package io.kvferry.spi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class MemoryGateTest {
    private final AtomicInteger quiesced = new AtomicInteger();
    private final MemoryGate gate = new MemoryGate(quiesced::incrementAndGet);

    @Test
    void aSealedGateLetsNobodyInAndTellsWhenTheLastHasLeft() {
        assertThat(gate.enter()).isTrue();
        assertThat(gate.enter()).isTrue();
        gate.leave();
        gate.seal();
        assertThat(gate.isSealed()).isTrue();
        assertThat(gate.isEmpty()).isFalse();
        assertThat(gate.enter()).isFalse();
        assertThat(gate.finish()).isEqualTo(Quiescence.QUARANTINED);
        assertThat(gate.finish()).isEqualTo(Quiescence.QUARANTINED);
        assertThat(quiesced).hasValue(0);
        gate.leave();
        assertThat(quiesced).hasValue(1);
        assertThat(gate.isEmpty()).isTrue();
        assertThat(gate.finish()).isEqualTo(Quiescence.QUIESCENT);
        assertThat(quiesced).hasValue(1);
    }

    @Test
    void anEmptyGateIsQuiescentAtOnceAndCallsNobody() {
        assertThat(gate.enter()).isTrue();
        gate.leave();
        assertThat(gate.isSealed()).isFalse();
        assertThat(gate.finish()).isEqualTo(Quiescence.QUIESCENT);
        assertThat(gate.enter()).isFalse();
        assertThat(quiesced).hasValue(0);
    }
}

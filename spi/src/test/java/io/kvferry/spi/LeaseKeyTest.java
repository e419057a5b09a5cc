package io.kvferry.spi;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LeaseKeyTest {
    @Test
    void opensToItsOwnSecretAlone() {
        LeaseKey key = LeaseKey.random(7);
        assertThat(key.epoch()).isEqualTo(7);
        assertThat(key.matches(key.high(), key.low())).isTrue();
        for (int bit = 0; bit < Long.SIZE; bit++) {
            assertThat(key.matches(key.high() ^ 1L << bit, key.low())).isFalse();
            assertThat(key.matches(key.high(), key.low() ^ 1L << bit)).isFalse();
        }
    }

    @Test
    void isNewEachTime() {
        assertThat(LeaseKey.random(1)).isNotEqualTo(LeaseKey.random(1));
    }

    @Test
    void isNotShown() {
        assertThat(new LeaseKey(0x1234567890abcdefL, 0x0fedcba987654321L, 2).toString())
                .doesNotContainIgnoringCase("1234567890abcdef")
                .doesNotContain("1311768467294899695")
                .contains("epoch=2");
    }
}

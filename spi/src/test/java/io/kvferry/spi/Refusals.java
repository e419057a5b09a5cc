package io.kvferry.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Asserts that a call is refused with a code. */
final class Refusals {
    private Refusals() {}

    static void assertRefused(TransferErrorCode code, ThrowingCallable call) {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.code()).isEqualTo(code));
    }
}

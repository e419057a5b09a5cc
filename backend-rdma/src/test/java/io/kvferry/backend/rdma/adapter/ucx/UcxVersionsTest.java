package io.kvferry.backend.rdma.adapter.ucx;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UcxVersionsTest {
    @ParameterizedTest
    @CsvSource({
        "1.15.0, 13, true",
        "1.14.100, 13, true",
        "1.15.0, 19, true",
        "1.15.0, 12, false",
        "1.12.1, 13, false",
        "1.16.0, 13, false",
        "1.18.1, 18, true",
        "1.18.1, 19, true",
        "1.19.1-rc2, 19, true",
        "1.19.1-rc2, 18, false",
        "2.0.0, 19, false",
        "nonsense, 19, false"
    })
    void pairsThatFailAreRefused(String jucx, int ucpMinor, boolean works) {
        String mismatch = new UcxVersions(jucx, 1, ucpMinor, 0).mismatch();
        if (works) {
            assertThat(mismatch).isNull();
        } else {
            assertThat(mismatch).contains(jucx).contains("needs");
        }
    }
}

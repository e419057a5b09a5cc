package io.kvferry.backend.rdma.adapter.posix;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.junit.jupiter.api.Test;

class LockedMemoryTest {
    private static final long PAGE = 4096;

    @Test
    void whatFitsBelowTheLimitIsTaken() {
        LockedMemory memory = new LockedMemory(10 * PAGE, 8 * PAGE, false);
        assertThatCode(() -> memory.require(0x1000, 2 * PAGE)).doesNotThrowAnyException();
    }

    @Test
    void eachPageThatIsTouchedCounts() {
        LockedMemory memory = new LockedMemory(10 * PAGE, 8 * PAGE, false);
        assertRefused(memory, 0x1fff, PAGE + 2);
        assertThatCode(() -> memory.require(0x1fff, 2)).doesNotThrowAnyException();
    }

    @Test
    void theRefusalSaysWhatIsLockedTheLimitAndHowToRaiseIt() {
        assertThat(assertRefused(new LockedMemory(8L << 20, 4L << 20, false), 0, 5L << 20))
                .contains("5242880 bytes")
                .contains("8388608 bytes (RLIMIT_MEMLOCK)")
                .contains("locked 4194304")
                .contains("ulimit -l unlimited")
                .contains("LimitMEMLOCK=infinity")
                .contains("--ulimit memlock=-1");
    }

    @Test
    void alreadyBeyondTheLimitNothingMoreIsTaken() {
        assertRefused(new LockedMemory(PAGE, 8 * PAGE, false), 0, 1);
    }

    @Test
    void withoutALimitAnyAmountIsTaken() {
        assertThatCode(() -> new LockedMemory(-1, 0, false).require(0, 1L << 50))
                .doesNotThrowAnyException();
        assertThatCode(() -> new LockedMemory(PAGE, 0, true).require(0, 1L << 50))
                .doesNotThrowAnyException();
    }

    @Test
    void thisProcessIsRead() {
        LockedMemory memory = LockedMemory.read();
        assertThat(memory.lockedBytes()).isNotNegative();
        assertThat(memory.toString()).isNotEmpty();
    }

    private static String assertRefused(LockedMemory memory, long address, long bytes) {
        TransferException refusal = catchThrowableOfType(TransferException.class, () -> memory.require(address, bytes));
        assertThat(refusal).isNotNull();
        assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
        return refusal.error().detail();
    }
}

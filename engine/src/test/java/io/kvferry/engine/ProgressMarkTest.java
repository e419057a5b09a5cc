package io.kvferry.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressMarkTest {
    private final AtomicLong nanos = new AtomicLong(7);
    private final ProgressMark mark = new ProgressMark(nanos::get);

    @Test
    void quietIsTheTimeSinceSomethingWasLastSeenToMove() {
        assertThat(mark.quietNanos(status(TransferState.PREPARED, 0))).isZero();
        nanos.addAndGet(10);
        assertThat(mark.quietNanos(status(TransferState.SUBMITTED, 0))).isEqualTo(10);
        nanos.addAndGet(10);
        assertThat(mark.quietNanos(status(TransferState.IN_FLIGHT, 1))).isZero();
        nanos.addAndGet(5);
        assertThat(mark.quietNanos(status(TransferState.IN_FLIGHT, 1))).isEqualTo(5);
        assertThat(mark.quietNanos(status(TransferState.QUARANTINED, 1))).isZero();
    }

    @Test
    void theStageIsWhereItFailedOrWhatItWaitsFor() {
        assertThat(ProgressMark.stage(status(TransferState.PREPARED, 0))).isEqualTo(Stage.SUBMIT);
        assertThat(ProgressMark.stage(status(TransferState.IN_FLIGHT, 1))).isEqualTo(Stage.TRANSFER);
        assertThat(ProgressMark.stage(status(TransferState.QUARANTINED, 1))).isEqualTo(Stage.FINISH);
        TransferError error = TransferError.of(TransferErrorCode.PEER_LOST, Stage.HELLO, "gone");
        assertThat(ProgressMark.stage(new TransferStatus(TransferState.FAILED, 0, 9, 0, 1, error)))
                .isEqualTo(Stage.HELLO);
    }

    private static TransferStatus status(TransferState state, long bytes) {
        return new TransferStatus(state, bytes, 9, 0, 1, null);
    }
}

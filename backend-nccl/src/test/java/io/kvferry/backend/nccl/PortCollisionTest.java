package io.kvferry.backend.nccl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.junit.jupiter.api.Test;

/** NCCL's own ports are the kernel's choice; the one port that is configured collides when the engine opens, and not later. */
class PortCollisionTest {
    private static TransferEngine open(int port) {
        KvFerryConfig.Builder config = KvFerryConfig.builder().set("kvferry.backend", "nccl");
        Emulator.config().forEach(config::set);
        return TransferEngine.open(
                config.set("kvferry.peer.port", Integer.toString(port)).build());
    }

    @Test
    void secondEngineOnOnePortIsRefusedWhenItOpens() {
        try (TransferEngine first = open(0)) {
            int taken = first.address().port();
            TransferException refusal = catchThrowableOfType(TransferException.class, () -> open(taken));
            assertThat(refusal.code()).isEqualTo(TransferErrorCode.CONNECTION_FAILED);
            assertThat(refusal).hasMessageContaining("kvferry.peer.port").hasMessageContaining(Integer.toString(taken));
        }
    }
}

package io.kvferry.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Adapters between two processes, which this one outlives whatever a library does to them. */
final class TwoProcessTest {
    TwoProcessTest() {}

    @Test
    void fourMebibytesCrossOverVerbs() throws IOException, InterruptedException {
        assertMoves(List.of("verbs"));
    }

    /** UCX over the same device, wired up by its connection manager: over worker addresses it aborts on soft-RoCE. */
    @Test
    void fourMebibytesCrossOverUcxOnVerbs() throws IOException, InterruptedException {
        assertMoves(List.of("ucx", "wireup=socket", "transports=rc_verbs", "devices=rxe0:1"));
    }

    private static void assertMoves(List<String> library) throws IOException, InterruptedException {
        Process initiator = PeerProcess.start("initiator", library, Redirect.INHERIT);
        try {
            assertThat(initiator.waitFor(3, TimeUnit.MINUTES)).isTrue();
            assertThat(initiator.exitValue()).isZero();
        } finally {
            initiator.destroyForcibly();
        }
    }
}

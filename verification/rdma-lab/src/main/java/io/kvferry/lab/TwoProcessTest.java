package io.kvferry.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
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

    /** In a process without CAP_IPC_LOCK, as most are: refused ahead of the device, with what to change. */
    @Test
    void aRegionBeyondTheLimitIsRefusedWithTheRemedy() throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                "bash",
                "-c",
                "ulimit -l 1024 && exec setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock \"$@\"",
                "limited"));
        command.addAll(PeerProcess.command("initiator", List.of("verbs")));
        Process limited = new ProcessBuilder(command).redirectErrorStream(true).start();
        try {
            String said = new String(limited.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(limited.waitFor(3, TimeUnit.MINUTES)).isTrue();
            assertThat(said)
                    .contains("RESOURCE_EXHAUSTED")
                    .contains("a region of 4194304 bytes cannot be registered")
                    .contains("may lock 1048576 bytes (RLIMIT_MEMLOCK)")
                    .contains("ulimit -l unlimited");
        } finally {
            limited.destroyForcibly();
        }
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

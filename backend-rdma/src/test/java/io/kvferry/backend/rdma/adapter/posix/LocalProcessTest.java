package io.kvferry.backend.rdma.adapter.posix;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class LocalProcessTest {
    private final LocalProcess self = LocalProcess.self();

    @Test
    void thisProcessIsBesideItselfAndRuns() {
        assertThat(self.isBeside(LocalProcess.self())).isTrue();
        assertThat(self.hasEnded()).isFalse();
    }

    @Test
    void anotherMachineIsNotBeside() {
        assertThat(self.isBeside(new LocalProcess(self.machine() + 1, self.namespace(), self.pid(), self.started())))
                .isFalse();
        assertThat(self.isBeside(new LocalProcess(self.machine(), self.namespace() + 1, self.pid(), self.started())))
                .isFalse();
    }

    @Test
    void anIdThatIsUsedAgainIsAnotherProcess() {
        assertThat(new LocalProcess(self.machine(), self.namespace(), self.pid(), self.started() - 1).hasEnded())
                .isTrue();
    }

    @Test
    void aProcessThatHasEndedIsMissed() throws Exception {
        Process child = new ProcessBuilder("sleep", "60").start();
        String stat = Files.readString(Path.of("/proc/" + child.pid() + "/stat"), StandardCharsets.US_ASCII);
        long started = Long.parseLong(stat.split(" ", -1)[21]);
        LocalProcess other = new LocalProcess(self.machine(), self.namespace(), child.pid(), started);
        assertThat(other.hasEnded()).isFalse();
        child.destroyForcibly();
        assertThat(child.waitFor()).isNotZero();
        assertThat(other.hasEnded()).isTrue();
    }

    @Test
    void itSurvivesTheWire() {
        ByteBuffer bytes = ByteBuffer.allocate(LocalProcess.BYTES);
        assertThat(LocalProcess.get(self.put(bytes).flip())).isEqualTo(self);
    }
}

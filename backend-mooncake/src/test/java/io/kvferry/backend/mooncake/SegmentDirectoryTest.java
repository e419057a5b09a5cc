package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SegmentDirectoryTest {
    private static final long BASE = 0xffff_ffff_ffff_0000L;

    private final byte[] remote = new byte[4096];

    private ScriptedTarget target() throws Exception {
        ScriptedTarget target = new ScriptedTarget(wire -> {});
        target.does(target.memory(remote, BASE, true));
        return target;
    }

    @Test
    void aSegmentIsAskedForAtEveryPrepareUnlessItMayBeOlder() throws Exception {
        try (ScriptedTarget target = target();
                BackendNode<WireBackend> node = BackendNode.wire(BackendConfig.DEFAULTS);
                BackendNode<WireBackend> trusting = BackendNode.wire(
                        BackendConfig.DEFAULTS.with(MooncakeConfigKeys.SEGMENT_MAX_AGE, Duration.ofHours(1)))) {
            node.backend.segment(target.name());
            node.backend.segment(target.name());
            assertThat(target.handshakes).hasSize(2);
            trusting.backend.segment(target.name());
            trusting.backend.segment(target.name());
            assertThat(target.handshakes).hasSize(3);
        }
    }

    @Test
    void aTransferThatFailsMakesTheNextOneAskAgain() throws Exception {
        try (ScriptedTarget target = target();
                BackendNode<WireBackend> node = BackendNode.wire(
                        BackendConfig.DEFAULTS.with(MooncakeConfigKeys.SEGMENT_MAX_AGE, Duration.ofHours(1)))) {
            BlockList blocks = BackendNode.blocks(node.memory(4096, 3), 4096);
            node.start(Operation.WRITE, target.name(), blocks, BASE).ending().awaitCompleted();
            target.restartData(); // the data port that is remembered is gone
            target.says(target.segment(2, "\"addr\":18446744073709486080,\"length\":65536", ""));
            try {
                node.start(Operation.WRITE, target.name(), blocks, BASE)
                        .ending()
                        .awaitFailed();
            } catch (TransferException unreachable) {
                assertThat(unreachable.code()).isEqualTo(TransferErrorCode.CONNECTION_FAILED);
            }
            node.start(Operation.WRITE, target.name(), blocks, BASE).ending().awaitCompleted();
            assertThat(target.handshakes).hasSize(2);
        }
    }

    @Test
    void segmentsAreBounded() throws Exception {
        List<ScriptedTarget> targets = new ArrayList<>();
        try (BackendNode<WireBackend> node = BackendNode.wire(BackendConfig.DEFAULTS
                .with(MooncakeConfigKeys.MAX_SEGMENTS, 2)
                .with(MooncakeConfigKeys.SEGMENT_MAX_AGE, Duration.ofHours(1)))) {
            for (int i = 0; i < 4; i++) {
                targets.add(target());
                node.backend.segment(targets.getLast().name());
            }
            node.backend.segment(targets.getLast().name());
            assertThat(targets.getLast().handshakes).hasSize(1);
            node.backend.segment(targets.getFirst().name());
            assertThat(targets.getFirst().handshakes).hasSize(2);
        } finally {
            for (ScriptedTarget target : targets) {
                target.close();
            }
        }
    }
}

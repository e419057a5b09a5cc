package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerConfigKeys;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.node.KvNode;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What a node says when it starts. */
class NodeCommandTest {
    private static final String[] LAYOUT = {
        "kvferry.kv.layers=2", "kvferry.kv.kv-heads=2", "kvferry.kv.head-dim=64", "kvferry.kv.pool-size=1MiB"
    };

    @Test
    void aNodeOfAnotherChunkSizeIsRefusedAtItsStartWithTheKeyToChange() {
        try (Controller controller = Controller.open(BackendConfig.DEFAULTS.with(ControllerConfigKeys.PORT, 0));
                KvNode first = node(controller)) {
            assertThat(first.awaitRegistered(Deadline.after(20, TimeUnit.SECONDS)))
                    .isTrue();

            Cli second = Cli.run(
                    "node",
                    "--controllers",
                    controller.address().toString(),
                    "--set",
                    LAYOUT[0],
                    "--set",
                    LAYOUT[1],
                    "--set",
                    LAYOUT[2],
                    "--set",
                    LAYOUT[3],
                    "--set",
                    "kvferry.kv.chunk-tokens=8",
                    "--set",
                    "kvferry.node-id=second");

            assertThat(second.code()).isEqualTo(ExitCode.FAILED);
            assertThat(second.err())
                    .contains("INCOMPATIBLE_PEER", "8 tokens", "4 tokens", "node first", "kvferry.kv.chunk-tokens")
                    .hasLineCount(1);
            assertThat(second.out()).isEmpty();
        }
    }

    private static KvNode node(Controller controller) {
        KvFerryConfig.Builder config = KvFerryConfig.builder()
                .set("kvferry.node-id", "first")
                .set("kvferry.kv.chunk-tokens", "4")
                .set("kvferry.cluster.controllers", controller.address().toString());
        for (String setting : LAYOUT) {
            config.set(setting.split("=")[0], setting.split("=")[1]);
        }
        return KvNode.builder().config(config).open();
    }
}

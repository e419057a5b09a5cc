package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.cli.message.Fields;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server with a transfer in hand of which nothing moves, and every way to be told so. */
class InspectCommandTest {
    private static final int BYTES = 64 << 10;

    @Test
    void aServerSaysWhatItHasInHandAndByItselfWhatStandsStill() throws Exception {
        try (RunningCommand server = RunningCommand.start(List.of(
                        "serve",
                        "--bench",
                        "--listen",
                        "127.0.0.1:0",
                        "--http",
                        "127.0.0.1:0",
                        "--set",
                        "kvferry.kv.stall-warning=100ms"));
                TransferEngine engine =
                        TransferEngine.open(KvFerryConfig.builder().build());
                Memory memory = engine.allocate(BYTES)) {
            PeerAddress target = PeerAddress.parse(server.await("ready "));
            String http = server.await("http ");
            TransferId id = lease(engine, target);
            TransferRequest request =
                    TransferRequest.read(id, target, BlockList.uniform(memory.region(), 0, 0, BYTES, 1));

            try (Transfer prepared = engine.prepare(request, soon())) {
                Cli lines = Cli.run("inspect", "--http", http);
                assertThat(lines.code()).as(lines.err()).isZero();
                assertThat(lines.out())
                        .startsWith("engine ")
                        .contains("transfer " + id, "side=TARGET", "peer=" + engine.identity(), "lease " + id);

                JsonNode transfer = JsonMapper.shared()
                        .readTree(Cli.run("inspect", "--json", "--http", http).out())
                        .at("/engine/transfers/0");
                assertThat(transfer.path("id").asString("")).isEqualTo(id.toString());
                assertThat(transfer.path("side").asString("")).isEqualTo("TARGET");
                assertThat(transfer.path("bytes_total").asLong(-1)).isEqualTo(BYTES);
                assertThat(transfer.path("age_ms").asLong(-1)).isNotNegative();

                String warning = server.await(line -> line.contains("nothing moves: transfer " + id));
                assertThat(warning).contains("WARN", "last-progress=");
                server.signal("USR1");
                server.await(line -> line.contains("inspect: transfer " + id));
                assertThat(prepared.status().bytesDone()).isZero();
            }
        }
    }

    private static TransferId lease(TransferEngine engine, PeerAddress target) {
        String session = Fields.read(engine.notify(
                        target,
                        "kvferry.bench/open",
                        Fields.NONE.with("memory", BYTES).payload(),
                        soon()))
                .text("session");
        Fields leased = Fields.read(engine.notify(
                target,
                "kvferry.bench/lease",
                Fields.NONE
                        .with("session", session)
                        .with("block", BYTES)
                        .with("count", 1)
                        .with("repeat", 1)
                        .with("offset", 0)
                        .with("standing", 0)
                        .with("write", 0)
                        .payload(),
                soon()));
        return TransferId.parse(leased.text("transfer.0"));
    }

    private static Deadline soon() {
        return Deadline.after(Duration.ofSeconds(30));
    }
}

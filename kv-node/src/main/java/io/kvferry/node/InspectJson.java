package io.kvferry.node;

import io.kvferry.control.cluster.ControllerStatus;
import io.kvferry.engine.EngineStatus;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferStatus;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** What a node has in hand, for programs: the same as the lines for people. Times are milliseconds, sizes bytes. */
final class InspectJson {
    private static final JsonFactory JSON = JsonFactory.builder().build();

    private final JsonGenerator json;

    private InspectJson(JsonGenerator json) {
        this.json = json;
    }

    /** Of an engine without a node. */
    static String of(EngineStatus engine) {
        return write(writer -> writer.engine(engine));
    }

    /** Of a node. */
    static String of(KvNodeStatus node, List<ControllerStatus> controllers, EngineStatus engine) {
        return write(writer -> {
            writer.node(node);
            writer.controllers(controllers);
            writer.engine(engine);
        });
    }

    private interface Content {
        void write(InspectJson writer);
    }

    private static String write(Content content) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), bytes)) {
            json.writeStartObject();
            content.write(new InspectJson(json));
            json.writeEndObject();
        }
        return bytes.toString(StandardCharsets.UTF_8) + "\n";
    }

    private void node(KvNodeStatus node) {
        json.writeName("node");
        json.writeStartObject();
        text("identity", node.identity());
        text("address", node.address());
        text("scheme", node.scheme().name());
        number("chunks", node.chunks());
        number("idle_chunks", node.idleChunks());
        number("pinned_chunks", node.pinnedChunks());
        number("slots", node.slots());
        number("free_slots", node.freeSlots());
        number("lent_leases", node.lentLeases());
        json.writeEndObject();
    }

    private void controllers(List<ControllerStatus> controllers) {
        json.writeName("controllers");
        json.writeStartArray();
        for (ControllerStatus controller : controllers) {
            json.writeStartObject();
            text("address", controller.address());
            flag("registered", controller.registered());
            flag("synced", controller.synced());
            controller.problem().ifPresent(problem -> text("problem", problem));
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private void engine(EngineStatus engine) {
        json.writeName("engine");
        json.writeStartObject();
        text("identity", engine.identity());
        number("memory_bytes", engine.memoryBytes());
        number("quarantined_transfers", engine.quarantinedTransfers());
        number("quarantined_bytes", engine.quarantinedBytes());
        number("tombstones", engine.tombstones());
        json.writeName("transfers");
        json.writeStartArray();
        engine.transfers().forEach(this::transfer);
        json.writeEndArray();
        json.writeName("leases");
        json.writeStartArray();
        engine.offers().forEach(this::lease);
        json.writeEndArray();
        json.writeName("quarantine");
        json.writeStartArray();
        for (String line : engine.quarantine()) {
            json.writeString(line);
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private void transfer(EngineStatus.Entry entry) {
        TransferStatus status = entry.status();
        json.writeStartObject();
        text("id", entry.id());
        number("attempt", entry.attempt());
        text("side", entry.side());
        text("operation", entry.operation());
        text("state", status.state());
        text("stage", entry.stage());
        text("peer", entry.peer());
        text("backend", entry.backend());
        text("lanes", entry.lanes());
        number("bytes_done", status.bytesDone());
        number("bytes_total", status.bytesTotal());
        number("blocks_done", status.blocksDone());
        number("blocks_total", status.blocksTotal());
        millis("age_ms", entry.ageNanos());
        millis("last_progress_ms", entry.quietNanos());
        millis("deadline_in_ms", entry.remainingNanos());
        text("memory", entry.memory());
        number("quarantined_bytes", entry.quarantinedBytes());
        TransferError error = status.error();
        if (error != null) {
            text("error", error);
        }
        json.writeEndObject();
    }

    private void lease(EngineStatus.Offer offer) {
        json.writeStartObject();
        text("id", offer.id());
        text("access", offer.access());
        text("only_for", offer.onlyFor());
        flag("standing", offer.standing());
        number("attempts", offer.attempts());
        number("blocks", offer.blocks());
        number("bytes", offer.bytes());
        millis("age_ms", offer.ageNanos());
        millis("deadline_in_ms", offer.remainingNanos());
        json.writeEndObject();
    }

    private void text(String name, Object value) {
        json.writeName(name);
        json.writeString(value.toString());
    }

    private void number(String name, long value) {
        json.writeName(name);
        json.writeNumber(value);
    }

    private void millis(String name, long nanos) {
        json.writeName(name);
        json.writeNumber(TimeUnit.NANOSECONDS.toMillis(nanos));
    }

    private void flag(String name, boolean value) {
        json.writeName(name);
        json.writeBoolean(value);
    }
}

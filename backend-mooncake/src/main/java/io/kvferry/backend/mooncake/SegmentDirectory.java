package io.kvferry.backend.mooncake;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TimedWait;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Finds the segments of foreign peers: by asking the peer, or a metadata server. Remembers a bounded number of them, none
 * longer than configured and none beyond a failure. Thread-safe; no lock is held while a peer is asked.
 */
final class SegmentDirectory {
    /**
     * A segment as it was found.
     *
     * @param host where its data plane is dialed
     */
    record Found(Segment segment, String host, long atNanos) {
        DataAddress dataAddress() {
            return new DataAddress(host, segment.dataPort(), segment.incarnation(), segment.protocolVersion() >= 2);
        }
    }

    private final WireScope scope;
    private final HandshakeClient handshake;
    private final @Nullable MetadataServerClient server;
    private final Supplier<byte[]> self;
    private final Map<String, Found> known = new LinkedHashMap<>(16, 0.75f, true);

    /** @param self our own segment, which a handshake begins with */
    SegmentDirectory(
            WireScope scope, HandshakeClient handshake, @Nullable MetadataServerClient server, Supplier<byte[]> self) {
        this.scope = scope;
        this.handshake = handshake;
        this.server = server;
        this.self = self;
    }

    /** Returns a segment; blocks until it is found. */
    Found open(String name, Deadline deadline) {
        synchronized (known) {
            Found before = known.get(name);
            if (before != null
                    && scope.ticker().nanos() - before.atNanos()
                            < scope.config().segmentMaxAge().toNanos()) {
                return before;
            }
        }
        Found found = server == null ? ask(name, deadline) : lookUp(server, name, deadline);
        synchronized (known) {
            known.put(name, found);
            var eldest = known.entrySet().iterator();
            while (known.size() > scope.config().maxSegments()) {
                eldest.next();
                eldest.remove();
            }
        }
        return found;
    }

    /** A transfer with the segment has failed: the next one asks again. */
    void forget(String name) {
        synchronized (known) {
            known.remove(name);
        }
    }

    int size() {
        synchronized (known) {
            return known.size();
        }
    }

    private Found ask(String name, Deadline deadline) {
        HostPort peer = HostPort.parse(name);
        if (peer.port() == 0) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.PREPARE,
                    "segment '" + name + "' is no host:port to ask; or set kvferry.mooncake.metadata to the server that"
                            + " knows it");
        }
        long asked = scope.ticker().nanos();
        byte[] reply = TimedWait.await(
                handshake.ask(peer, HandshakeFrame.METADATA, self.get()),
                deadline,
                scope.scheduler(),
                Stage.PREPARE,
                "opening segment " + name);
        Segment segment = Messages.segment(reply, "segment " + name);
        String host = segment.host();
        return new Found(segment, host.isEmpty() ? peer.host() : host, asked);
    }

    private Found lookUp(MetadataServerClient from, String name, Deadline deadline) {
        long asked = scope.ticker().nanos();
        byte[] json = from.get(MetadataServerClient.segmentKey(name), deadline).orElseThrow(() -> unknown(name));
        byte[] place = from.get(MetadataServerClient.serverKey(name), deadline).orElseThrow(() -> unknown(name));
        String host = Messages.strings(place, "rpc_meta of " + name).get("ip_or_host_name");
        if (host == null || host.isEmpty()) {
            throw Messages.malformed("rpc_meta of " + name, "lacks ip_or_host_name");
        }
        return new Found(Messages.segment(json, "segment " + name), host, asked);
    }

    private static TransferException unknown(String name) {
        return new TransferException(
                TransferErrorCode.NOT_FOUND,
                Stage.PREPARE,
                "no segment '" + name + "' at the metadata server; is its process up, and its name right?");
    }

    /** Tells a peer something, at most once; fails where the peer does not take it. */
    void notify(String name, String subject, String text, Deadline deadline) {
        HostPort peer = server == null ? HostPort.parse(name) : handshakeOf(server, name, deadline);
        byte[] reply = TimedWait.await(
                handshake.ask(
                        peer,
                        HandshakeFrame.NOTIFY,
                        Messages.encode(new TreeMap<>(Map.of("name", subject, "notify_msg", text)))),
                deadline,
                scope.scheduler(),
                Stage.FINISH,
                "notifying " + name);
        String answer = Messages.strings(reply, "reply of " + name).get("notify_msg");
        if (answer == null || answer.isEmpty()) {
            throw new TransferException(
                    TransferErrorCode.CONTROL_FAILED,
                    Stage.FINISH,
                    name + " refused the notification: " + new String(reply, StandardCharsets.UTF_8).strip());
        }
    }

    private static HostPort handshakeOf(MetadataServerClient from, String name, Deadline deadline) {
        byte[] place = from.get(MetadataServerClient.serverKey(name), deadline).orElseThrow(() -> unknown(name));
        Map<String, String> fields = Messages.strings(place, "rpc_meta of " + name);
        return HostPort.parse(fields.get("ip_or_host_name") + ":" + fields.get("rpc_port"));
    }
}

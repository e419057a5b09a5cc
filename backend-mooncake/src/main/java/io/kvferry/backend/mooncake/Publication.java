package io.kvferry.backend.mooncake;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Our own segment: what foreign peers may find, one buffer a block. Always made anew from what is live, so that nothing of
 * a former life is in it. Thread-safe; encoding is done once a change, when somebody asks.
 */
final class Publication {
    private static final Logger LOG = LoggerFactory.getLogger(Publication.class);
    private static final DateTimeFormatter TIMESTAMP = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSSSSS");

    private final String name;
    private final int dataPort;
    private final String incarnation;
    private final @Nullable MetadataServerClient server;
    private final byte[] place;
    private final Set<Window> windows = new LinkedHashSet<>();
    private byte @Nullable [] encoded;

    Publication(
            String name, int dataPort, String incarnation, HostPort handshake, @Nullable MetadataServerClient server) {
        this.name = name;
        this.dataPort = dataPort;
        this.incarnation = incarnation;
        this.server = server;
        this.place = Messages.encode(
                new TreeMap<>(Map.of("ip_or_host_name", handshake.host(), "rpc_port", handshake.port())));
    }

    String name() {
        return name;
    }

    /** Tells the metadata server, where there is one, who and where we are. */
    void announce(Deadline deadline) {
        if (server != null) {
            server.put(MetadataServerClient.serverKey(name), compact(place), deadline);
            server.put(MetadataServerClient.segmentKey(name), compact(encoded()), deadline);
        }
    }

    void add(Window window, Deadline deadline) {
        synchronized (windows) {
            windows.add(window);
            encoded = null;
        }
        if (server != null) {
            server.put(MetadataServerClient.segmentKey(name), compact(encoded()), deadline);
        }
    }

    /** Leaves a window out. A metadata server hears of it soon; until then who asks for the window is refused. */
    void remove(Window window, Deadline deadline) {
        boolean removed;
        synchronized (windows) {
            removed = windows.remove(window);
            encoded = removed ? null : encoded;
        }
        if (removed && server != null) {
            Thread.ofVirtual()
                    .start(() -> quietly(
                            () -> server.put(MetadataServerClient.segmentKey(name), compact(encoded()), deadline)));
        }
    }

    /** Takes our names back from the metadata server. */
    void withdraw(Deadline deadline) {
        if (server != null) {
            quietly(() -> server.delete(MetadataServerClient.serverKey(name), deadline));
            quietly(() -> server.delete(MetadataServerClient.segmentKey(name), deadline));
            server.close();
        }
    }

    private static void quietly(Runnable call) {
        try {
            call.run();
        } catch (TransferException unreachable) {
            LOG.warn("the metadata server was not told: {}", unreachable.getMessage());
        }
    }

    /** The segment as JSON. */
    byte[] encoded() {
        synchronized (windows) {
            byte[] known = encoded;
            if (known == null) {
                known = Messages.encode(
                        new Segment(name, dataPort, 2, incarnation, buffers()),
                        LocalDateTime.now(ZoneId.systemDefault()).format(TIMESTAMP));
                encoded = known;
            }
            return known;
        }
    }

    private List<SegmentBuffer> buffers() {
        List<SegmentBuffer> buffers = new ArrayList<>();
        for (Window window : windows) {
            for (int i = 0; i < window.transfer().blocks().size(); i++) {
                buffers.add(new SegmentBuffer(
                        window.base() + window.offsetOf(i),
                        window.transfer().blocks().length(i)));
            }
        }
        return buffers;
    }

    private static byte[] compact(byte[] json) {
        return new String(json, StandardCharsets.UTF_8).strip().getBytes(StandardCharsets.UTF_8);
    }
}

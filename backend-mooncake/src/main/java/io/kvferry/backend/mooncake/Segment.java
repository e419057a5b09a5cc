package io.kvferry.backend.mooncake;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a peer says of itself: where its data plane is, and which memory it offers. Immutable.
 *
 * @param name in a handshake, host and port where it is dialed for the next one
 * @param dataPort where its data plane listens
 * @param protocolVersion 2 where requests are acknowledged; 1 before v0.3.12
 * @param incarnation what tells this life of the peer from another, as far as it says
 * @param buffers what it offers
 */
record Segment(String name, int dataPort, int protocolVersion, String incarnation, List<SegmentBuffer> buffers) {
    Segment {
        buffers = List.copyOf(buffers);
    }

    /** The buffers by address, to look ranges up. */
    Ranges ranges() {
        Ranges ranges = new Ranges();
        buffers.forEach(ranges::add);
        return ranges;
    }

    /** Where blocks are that lie one behind the other in a buffer. */
    WireDescriptor.Addresses addresses(WireDescriptor.InBuffer place, BlockList blocks) {
        if (place.buffer() >= buffers.size()) {
            throw new TransferException(
                    TransferErrorCode.NOT_FOUND,
                    Stage.PREPARE,
                    "segment " + name + " offers " + buffers.size() + " buffers, none is number " + place.buffer());
        }
        long[] addresses = new long[blocks.size()];
        long next = buffers.get(place.buffer()).address() + place.offset();
        for (int i = 0; i < addresses.length; i++) {
            addresses[i] = next;
            next += blocks.length(i);
        }
        return new WireDescriptor.Addresses(addresses, "", "");
    }

    /** Host part of a name of the form {@code host:port}; the whole name where it has no port. */
    String host() {
        return HostPort.parse(name).host();
    }

    /** Buffers by unsigned address. Confined to one thread. */
    static final class Ranges {
        private final TreeMap<Long, SegmentBuffer> byAddress = new TreeMap<>(Long::compareUnsigned);

        private void add(SegmentBuffer buffer) {
            byAddress.put(buffer.address(), buffer);
        }

        /** The buffer that a range is in, whole; or null. */
        @Nullable
        SegmentBuffer find(long address, long bytes) {
            var below = byAddress.floorEntry(address);
            return below != null && below.getValue().contains(address, bytes) ? below.getValue() : null;
        }
    }
}

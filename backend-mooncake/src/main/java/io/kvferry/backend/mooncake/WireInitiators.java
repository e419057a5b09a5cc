package io.kvferry.backend.mooncake;

import io.kvferry.netty.HostMemory;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Prepares transfers of this side: finds the target and where its blocks are, checks both, and opens connections. Thread-safe;
 * prepare blocks its caller.
 */
final class WireInitiators {
    private static final Logger LOG = LoggerFactory.getLogger(WireInitiators.class);

    private final WireScope scope;
    private final LanePool pool;
    private final SegmentDirectory segments;
    private final TransferSet transfers;

    WireInitiators(WireScope scope, LanePool pool, SegmentDirectory segments) {
        this.scope = scope;
        this.pool = pool;
        this.segments = segments;
        this.transfers = new TransferSet(scope.config().maxTransfers());
    }

    Set<WireTransfer> matching(Predicate<WireTransfer> which) {
        return transfers.matching(which);
    }

    /** @param memories of the plan's regions */
    InitiatorTransfer prepare(InitiatorPlan plan, WireDescriptor offered, List<HostMemory> memories, Deadline until) {
        WireEndpoint peer = WireEndpoint.decode(plan.peerEndpoint());
        return switch (offered) {
            case WireDescriptor.Lease lease -> {
                check(plan, peer, lease);
                RemoteBlocks remote = RemoteBlocks.Lease.of(lease.base(), plan.blocks());
                yield prepare(plan, memories, remote, address(peer), plan.observer(), until);
            }
            case WireDescriptor.Addresses foreign -> {
                SegmentDirectory.Found found = segments.open(peer.segment(), until);
                yield prepareForeign(plan, memories, peer.segment(), found, foreign, until);
            }
            case WireDescriptor.InBuffer place -> {
                SegmentDirectory.Found found = segments.open(peer.segment(), until);
                var foreign = found.segment().addresses(place, plan.blocks());
                yield prepareForeign(plan, memories, peer.segment(), found, foreign, until);
            }
            case WireDescriptor.Native other ->
                throw new TransferException(
                        TransferErrorCode.INCOMPATIBLE_PEER,
                        Stage.PREPARE,
                        "the peer runs kvferry.mooncake.engine=native, and this node the wire engine; set both alike");
        };
    }

    private InitiatorTransfer prepareForeign(
            InitiatorPlan plan,
            List<HostMemory> memories,
            String segment,
            SegmentDirectory.Found found,
            WireDescriptor.Addresses offered,
            Deadline until) {
        SegmentBuffer[] buffers = buffers(plan, found.segment(), offered);
        Runnable complete = offered.subject().isEmpty() ? () -> {} : () -> notify(segment, offered);
        TransferObserver observer =
                new NotifyingObserver(plan.observer(), plan.blocks().size(), complete, () -> segments.forget(segment));
        RemoteBlocks remote = new RemoteBlocks.Scattered(offered.addresses(), plan.blocks(), buffers);
        try {
            return prepare(plan, memories, remote, found.dataAddress(), observer, until);
        } catch (TransferException unreachable) {
            segments.forget(segment);
            throw unreachable;
        }
    }

    /** Not on the event loop, which the handshake itself needs. */
    private void notify(String segment, WireDescriptor.Addresses offered) {
        Deadline end = Deadline.after(scope.config().handshakeTimeout(), scope.ticker());
        Thread.ofVirtual().start(() -> {
            try {
                segments.notify(segment, offered.subject(), offered.text(), end);
            } catch (TransferException unheard) {
                LOG.warn("{} was not notified: {}", segment, unheard.getMessage());
            }
        });
    }

    private InitiatorTransfer prepare(
            InitiatorPlan plan,
            List<HostMemory> memories,
            RemoteBlocks remote,
            DataAddress address,
            TransferObserver observer,
            Deadline until) {
        LanePool.Use used = pool.use(address, until);
        try {
            WireTransfer transfer = transfers.add(
                    Stage.PREPARE,
                    released -> new WireTransfer(
                            plan.id(),
                            plan.attempt(),
                            plan.operation(),
                            plan.peer(),
                            plan.blocks(),
                            memories,
                            used.lanes(),
                            new BlockTally(Side.INITIATOR, plan.blocks(), observer, released)));
            return new WireInitiator(transfer, remote, scope.config().stripeBytes(), () -> pool.release(used.group()));
        } catch (TransferException full) {
            pool.release(used.group());
            throw full;
        }
    }

    private static DataAddress address(WireEndpoint peer) {
        return new DataAddress(
                HostPort.parse(peer.segment()).host(), peer.dataPort(), Long.toHexString(peer.incarnation()), true);
    }

    /** The buffer that each block is in; every block is in one, whole. */
    private static SegmentBuffer[] buffers(InitiatorPlan plan, Segment segment, WireDescriptor.Addresses offered) {
        BlockList blocks = plan.blocks();
        long[] addresses = offered.addresses();
        if (addresses.length != blocks.size()) {
            throw new TransferException(
                    TransferErrorCode.BUFFER_MISMATCH,
                    Stage.PREPARE,
                    addresses.length + " addresses for " + blocks.size() + " blocks");
        }
        Segment.Ranges ranges = segment.ranges();
        SegmentBuffer[] buffers = new SegmentBuffer[addresses.length];
        for (int i = 0; i < addresses.length; i++) {
            SegmentBuffer around = ranges.find(addresses[i], blocks.length(i));
            if (around == null) {
                throw new TransferException(
                        TransferErrorCode.ACCESS_DENIED,
                        Stage.PREPARE,
                        "block " + blocks.key(i) + " [0x" + Long.toHexString(addresses[i]) + " +" + blocks.length(i)
                                + "] is in none of the " + segment.buffers().size() + " buffers that segment "
                                + segment.name() + " offers");
            }
            buffers[i] = around;
        }
        return buffers;
    }

    private static void check(InitiatorPlan plan, WireEndpoint peer, WireDescriptor.Lease offered) {
        if (offered.incarnation() != peer.incarnation()) {
            throw new TransferException(
                    TransferErrorCode.PEER_RESTARTED,
                    Stage.PREPARE,
                    "the descriptor comes from another instance than the endpoint " + peer.segment()
                            + "; meet the peer again");
        }
        if (offered.blocks() != plan.blocks().size()
                || offered.bytes() != plan.blocks().totalBytes()) {
            throw new TransferException(
                    TransferErrorCode.BUFFER_MISMATCH,
                    Stage.PREPARE,
                    "the target leased " + offered.blocks() + " blocks of " + offered.bytes()
                            + " bytes, the request has " + plan.blocks().size() + " of "
                            + plan.blocks().totalBytes());
        }
    }
}

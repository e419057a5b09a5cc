package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterInfo;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One device: its queue pairs, what they share, and how the owner thread waits for them.
 *
 * <p>Waiting: a completion queue notifies once after it was armed, so {@link #await} arms those that are not and returns,
 * and sleeps only when called again with nothing to arm: what completed in between has been seen by then.
 */
final class VerbsAdapter implements RdmaAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(VerbsAdapter.class);

    static final int MAX_OPERATIONS = 64;

    /** What a flush reads: one word of the peer's. */
    static final int FLUSH_BYTES = Long.BYTES;

    private static final long MAX_OPERATION_BYTES = 1L << 30;

    private final VerbsDevice device;
    private final Gid gid;
    private final QueuePairSettings settings;
    private final Isolation isolation;
    private final Ticker ticker;
    private final Duration flushTimeout;
    private final RdmaAdapterInfo info;
    private final SecureRandom random = new SecureRandom();
    private final Arena arena = Arena.ofShared();
    private final VerbsRegion flushCell;
    private final long flushAddress;
    private final SendBatch requests;
    private final MemorySegment completions = QueuePair.allocateCompletions(arena);
    private final CompletionWait wait;
    private final Queue<VerbsConnection> arrivals = new ConcurrentLinkedQueue<>();

    // confined to the owner thread
    private final List<VerbsConnection> connections = new ArrayList<>();
    private boolean closed;

    VerbsAdapter(VerbsDevice device, Gid gid, BackendConfig config, Ticker ticker) {
        this.device = device;
        this.gid = gid;
        this.settings = QueuePairSettings.of(config, device.limits());
        this.isolation = config.get(VerbsConfigKeys.ISOLATION);
        this.flushTimeout = config.get(VerbsConfigKeys.FLUSH_TIMEOUT);
        this.ticker = ticker;
        this.requests = new SendBatch(arena, MAX_OPERATIONS + 1, settings.maxSlices());
        this.info = new RdmaAdapterInfo(
                VerbsAdapterProvider.NAME,
                device.describe() + ", from " + gid,
                isolation,
                MAX_OPERATIONS,
                Math.min(MAX_OPERATION_BYTES, device.portState().maxMessageBytes()));
        MemorySegment cell = arena.allocate(FLUSH_BYTES, Long.BYTES);
        this.flushAddress = cell.address();
        try {
            this.flushCell = VerbsRegion.register(device, flushAddress, FLUSH_BYTES, Abi.ACCESS_REMOTE_READ);
            try {
                this.wait = new CompletionWait(device);
            } catch (RuntimeException e) {
                flushCell.close();
                throw e;
            }
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public RdmaAdapterInfo info() {
        return info;
    }

    @Override
    public byte[] address() {
        return ownAddress().encode();
    }

    private VerbsAddress ownAddress() {
        return new VerbsAddress(device.portState().ethernet(), gid.bytes());
    }

    @Override
    public RdmaMemory register(MemoryRegion region, Deadline deadline) {
        return new VerbsMemory(device, region, isolation);
    }

    @Override
    public RdmaConnection connect(byte[] address, RdmaEvents events) {
        ownAddress().checkReaches(address);
        VerbsConnection connection = create(events);
        arrive(connection);
        return connection;
    }

    @Override
    public RdmaConnection accept(byte[] hello, RdmaEvents events) {
        VerbsHello theirs = VerbsHello.decode(hello);
        VerbsConnection connection = create(events);
        try {
            connection.join(theirs);
        } catch (NativeFailure e) {
            connection.release();
            throw e.as(
                    TransferErrorCode.CONNECTION_FAILED,
                    Stage.PREPARE,
                    "is there a route from " + gid + " to " + theirs.where() + "?");
        }
        arrive(connection);
        return connection;
    }

    private VerbsConnection create(RdmaEvents events) {
        MessageBuffers messages = new MessageBuffers(device);
        try {
            QueuePair pair = new QueuePair(device, settings, wait.channel());
            return new VerbsConnection(this, pair, messages, random.nextInt(VerbsHello.MAX_24_BITS + 1), events);
        } catch (NativeFailure e) {
            messages.close();
            throw e.as(
                    TransferErrorCode.CONNECTION_FAILED,
                    Stage.PREPARE,
                    device.name() + " has at most " + device.limits().maxQueuePairs() + " queue pairs");
        }
    }

    private void arrive(VerbsConnection connection) {
        arrivals.add(connection);
        wake();
    }

    @Override
    public boolean progress() {
        boolean worked = adopt();
        // from the end: a connection that is done removes itself
        for (int i = connections.size() - 1; i >= 0; i--) {
            worked |= connections.get(i).progress();
        }
        return worked;
    }

    private boolean adopt() {
        VerbsConnection arrival = arrivals.poll();
        boolean adopted = arrival != null;
        while (arrival != null) {
            connections.add(arrival);
            arrival = arrivals.poll();
        }
        return adopted;
    }

    @Override
    public void await(long maxNanos) {
        boolean newlyArmed = false;
        for (VerbsConnection connection : connections) {
            newlyArmed |= connection.pair().arm();
        }
        if (!newlyArmed) {
            wait.sleep(maxNanos, this::notified, this::happened);
        }
    }

    private void notified(long completionQueue) {
        for (VerbsConnection connection : connections) {
            if (connection.pair().completionQueueAddress() == completionQueue) {
                connection.pair().disarmed();
            }
        }
    }

    private void happened(DeviceEvent event) {
        for (VerbsConnection connection : connections) {
            if (event.concerns(connection.pair())) {
                connection.fail(TransferErrorCode.TRANSFER_FAILED, device.name() + ": " + event.description());
            }
        }
    }

    @Override
    public void wake() {
        wait.wake();
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        adopt();
        try {
            List.copyOf(connections).forEach(VerbsConnection::release);
            wait.close();
            flushCell.close();
            device.close();
            arena.close();
        } catch (NativeFailure e) {
            LOG.error("{} stays open until this process ends: {}", device.name(), e.getMessage());
        }
    }

    /** What the peer of a new queue pair must know. */
    VerbsHello hello(int number, int firstPacket) {
        return new VerbsHello(
                number,
                firstPacket,
                device.portState().mtu(),
                device.portState().lid(),
                gid.bytes(),
                flushAddress,
                flushCell.remoteKey());
    }

    Gid gid() {
        return gid;
    }

    /** Where requests are written before they are posted. */
    SendBatch requests() {
        return requests;
    }

    MemorySegment completions() {
        return completions;
    }

    long maxOperationBytes() {
        return info.maxOperationBytes();
    }

    Deadline flushDeadline() {
        return Deadline.after(flushTimeout, ticker);
    }

    String describeStatus(int status) {
        return device.verbs().describeStatus(status);
    }

    void forget(VerbsConnection connection) {
        connections.remove(connection);
    }
}

package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.IbvMr;
import com.ibm.disni.verbs.RdmaCm;
import com.ibm.disni.verbs.RdmaCmId;
import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterInfo;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.posix.WaitSet;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One device and its listener: the connections over it, and how the owner thread waits for them. */
final class DisniAdapter implements RdmaAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(DisniAdapter.class);

    static final int MAX_OPERATIONS = 64;

    /** What a flush reads: one word of the peer's. */
    static final int FLUSH_BYTES = Long.BYTES;

    private static final int TURNS_PER_LOOK = 64;

    private final DisniDevice device;
    private final DisniSettings settings;
    private final DisniSwitchboard switchboard;
    private final RdmaAdapterInfo info;
    private final Arena arena = Arena.ofShared();
    private final IbvMr flushCell;
    private final WaitSet waits = new WaitSet();
    private final Queue<DisniConnection> arrivals = new ConcurrentLinkedQueue<>();

    /** The halves that wait for their initiator. */
    private final Map<DisniToken, DisniConnection> expected = new ConcurrentHashMap<>();

    // owner thread
    private final List<DisniConnection> connections = new ArrayList<>();
    private int turns;
    private boolean closed;

    private DisniAdapter(DisniDevice device, DisniSettings settings) {
        this.device = device;
        this.settings = settings;
        this.switchboard = new DisniSwitchboard(this, device);
        this.info = new RdmaAdapterInfo(
                DisniAdapterProvider.NAME,
                "DiSNI 2.1, listening on " + device.address(),
                Isolation.REGION,
                MAX_OPERATIONS,
                DisniPieces.BYTES);
        this.flushCell = device.register(
                arena.allocate(FLUSH_BYTES, Long.BYTES).address(), FLUSH_BYTES, IbvMr.IBV_ACCESS_REMOTE_READ);
    }

    /**
     * Opens the device of the address that is configured.
     *
     * @throws TransferException BACKEND_UNAVAILABLE where there is none
     */
    static DisniAdapter open(RdmaCm manager, BackendConfig config, BackendEnvironment environment) {
        String address = config.get(DisniConfigKeys.ADDRESS);
        InetSocketAddress wanted = new InetSocketAddress(
                address.isEmpty() ? environment.bindHost() : address, config.get(DisniConfigKeys.PORT));
        DisniDevice device = DisniDevice.open(manager, wanted);
        try {
            return new DisniAdapter(device, DisniSettings.of(config, environment.ticker()));
        } catch (RuntimeException e) {
            device.close();
            throw e;
        }
    }

    @Override
    public RdmaAdapterInfo info() {
        return info;
    }

    @Override
    public byte[] address() {
        return DisniAddress.encode(device.address());
    }

    @Override
    public RdmaMemory register(MemoryRegion region, Deadline deadline) {
        return new DisniMemory(device, region);
    }

    @Override
    public RdmaConnection connect(byte[] address, RdmaEvents events) {
        return arrive(new DisniConnection(this, DisniToken.random(), DisniAddress.decode(address), events));
    }

    @Override
    public RdmaConnection accept(byte[] hello, RdmaEvents events) {
        DisniToken token = DisniHello.decode(hello).token();
        DisniConnection connection = new DisniConnection(this, token, null, events);
        if (expected.putIfAbsent(token, connection) != null) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the peer uses one connection twice");
        }
        return arrive(connection);
    }

    private DisniConnection arrive(DisniConnection connection) {
        arrivals.add(connection);
        wake();
        return connection;
    }

    @Override
    public boolean progress() {
        boolean worked = adopt();
        worked |= switchboard.progress();
        // from the end: a connection that is done removes itself
        for (int i = connections.size() - 1; i >= 0; i--) {
            worked |= connections.get(i).progress();
        }
        // looking costs a system call
        if (!worked || ++turns % TURNS_PER_LOOK == 0) {
            worked |= switchboard.takeEvents();
        }
        return worked;
    }

    private boolean adopt() {
        boolean adopted = false;
        for (DisniConnection arrival = arrivals.poll(); arrival != null; arrival = arrivals.poll()) {
            connections.add(arrival);
            adopted = true;
        }
        return adopted;
    }

    @Override
    public void await(long maxNanos) {
        waits.clear();
        int events = waits.add(device.eventFd());
        List<DisniQueuePair> pairs = new ArrayList<>(connections.size());
        boolean newlyArmed = false;
        for (DisniStranger stranger : switchboard.strangers()) {
            newlyArmed |= watch(stranger.pair(), pairs);
        }
        for (DisniConnection connection : connections) {
            DisniQueuePair pair = connection.pair();
            if (pair != null) {
                newlyArmed |= watch(pair, pairs);
            }
        }
        if (newlyArmed) {
            return; // what completed before is to be seen first
        }
        waits.await(maxNanos);
        for (int i = 0; i < pairs.size(); i++) {
            if (waits.isReadable(events + 1 + i)) {
                pairs.get(i).completions().takeNotification();
            }
        }
    }

    private boolean watch(DisniQueuePair pair, List<DisniQueuePair> pairs) {
        waits.add(pair.completions().fd());
        pairs.add(pair);
        return pair.completions().arm();
    }

    @Override
    public void wake() {
        waits.wake();
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        adopt();
        List.copyOf(connections).forEach(DisniConnection::release);
        switchboard.close();
        waits.close();
        try {
            DisniDevice.deregister(flushCell);
            device.close();
            arena.close();
        } catch (TransferException e) {
            LOG.error("DiSNI stays open until this process ends: {}", e.getMessage());
        }
    }

    DisniDevice device() {
        return device;
    }

    DisniHello hello(DisniToken token) {
        return new DisniHello(token, flushCell.getAddr(), flushCell.getRkey());
    }

    DisniSettings settings() {
        return settings;
    }

    DisniSwitchboard switchboard() {
        return switchboard;
    }

    DisniQueuePair newPair(RdmaCmId id) throws IOException {
        return new DisniQueuePair(device, id, settings.sendDepth());
    }

    /** The half that a first message names, which waits no longer; or null. */
    @Nullable
    DisniConnection expected(byte[] message) {
        if (message.length < DisniToken.BYTES) {
            return null;
        }
        DisniConnection half = expected.remove(DisniToken.get(ByteBuffer.wrap(message)));
        return half == null || !half.isExpecting() ? null : half;
    }

    void forget(DisniConnection connection) {
        connections.remove(connection);
        expected.remove(connection.token(), connection);
    }
}

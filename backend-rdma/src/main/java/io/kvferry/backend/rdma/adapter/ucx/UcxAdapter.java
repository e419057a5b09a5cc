package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterInfo;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.posix.LocalProcess;
import io.kvferry.backend.rdma.adapter.posix.WaitSet;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;
import org.openucx.jucx.UcxException;
import org.openucx.jucx.ucp.UcpWorker;

/**
 * A UCX context. Each connection has a worker of its own, so that destroying the worker is its fence: UCX can cancel no
 * operation, and a peer's bytes land as long as anything here makes progress for them.
 */
final class UcxAdapter implements RdmaAdapter {
    static final String PROVIDER = "ucx";
    private static final int MAX_OPERATIONS = 64;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final RdmaAdapterInfo info;
    private final UcxWireup wireup;
    private final boolean peerErrors;
    private final Duration closeTimeout;
    private final Ticker ticker;
    private final LocalProcess self;
    private final UcxContext context;
    private final @Nullable UcxListener listener;
    private final byte[] address;
    private final WaitSet waits;
    private final UcxConnections connections = new UcxConnections();

    // owner thread
    private final ArrayDeque<Runnable> events = new ArrayDeque<>();
    private boolean closed;

    private UcxAdapter(UcxVersions versions, BackendConfig config, BackendEnvironment environment, Closing opened) {
        this.wireup = config.get(UcxConfigKeys.WIREUP);
        this.peerErrors = config.get(UcxConfigKeys.PEER_ERRORS);
        // where UCX watches peers it takes no shared memory, through which a process could reach into another
        this.self = wireup == UcxWireup.ADDRESS && !peerErrors ? LocalProcess.self() : LocalProcess.UNKNOWN;
        this.closeTimeout = config.get(UcxConfigKeys.CLOSE_TIMEOUT);
        this.ticker = environment.ticker();
        UcxDevices devices = UcxDevices.of(config, environment);
        this.context = new UcxContext(config, devices);
        opened.add(context::close);
        this.listener = wireup == UcxWireup.SOCKET ? listen(config, environment, opened) : null;
        InetSocketAddress listening = listener == null ? null : listener.address();
        this.address = listening == null
                ? new UcxAddress(wireup, 0, "").encode()
                : new UcxAddress(wireup, listening.getPort(), environment.advertisedHost()).encode();
        this.waits = new WaitSet();
        opened.add(waits::close);
        String transports = UcxTransports.of(config).names();
        this.info = new RdmaAdapterInfo(
                PROVIDER,
                versions + ", transports " + (transports.isEmpty() ? "of UCX_TLS" : transports) + ", " + devices
                        + (listening == null ? ", no listener" : ", listening on " + listening),
                Isolation.NONE,
                MAX_OPERATIONS,
                Long.MAX_VALUE,
                transports.equals(UcxTransports.TCP));
    }

    private UcxListener listen(BackendConfig config, BackendEnvironment environment, Closing opened) {
        UcpWorker worker = context.newWorker(0);
        opened.add(worker::close);
        UcxListener made = new UcxListener(this, worker, config.get(UcxConfigKeys.PORT), environment);
        opened.add(made::stop);
        return made;
    }

    static UcxAdapter open(UcxVersions versions, BackendConfig config, BackendEnvironment environment) {
        Closing opened = new Closing();
        try {
            return new UcxAdapter(versions, config, environment, opened);
        } catch (UcxException e) {
            opened.close();
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OPEN,
                    UcxStatus.detail(
                            "opening UCX with kvferry.rdma.ucx.transports='" + config.get(UcxConfigKeys.TRANSPORTS)
                                    + "', kvferry.rdma.ucx.devices='" + config.get(UcxConfigKeys.DEVICES)
                                    + "' on " + environment.bindHost() + ":" + config.get(UcxConfigKeys.PORT),
                            e),
                    e);
        } catch (RuntimeException | Error e) {
            opened.close();
            throw e;
        }
    }

    /** What was opened so far, closed in reverse. */
    private static final class Closing {
        private final ArrayDeque<Runnable> steps = new ArrayDeque<>();

        private void add(Runnable step) {
            steps.addFirst(step);
        }

        private void close() {
            steps.forEach(Runnable::run);
        }
    }

    @Override
    public RdmaAdapterInfo info() {
        return info;
    }

    @Override
    public byte[] address() {
        return address.clone();
    }

    @Override
    public RdmaMemory register(MemoryRegion region, Deadline deadline) {
        return context.register(region);
    }

    @Override
    public RdmaConnection connect(byte[] peerAddress, RdmaEvents itsEvents) {
        UcxAddress peer = UcxAddress.decode(peerAddress, wireup);
        return arrive(open(itsEvents, RANDOM.nextLong(), peer, null));
    }

    @Override
    public RdmaConnection accept(byte[] hello, RdmaEvents itsEvents) {
        UcxHello initiator = UcxHello.decode(hello, wireup);
        UcxConnection connection = open(itsEvents, initiator.token(), null, initiator);
        if (listener != null && !listener.expect(connection)) {
            connection.discard();
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the peer uses one connection twice");
        }
        return arrive(connection);
    }

    private UcxConnection open(
            RdmaEvents itsEvents, long token, @Nullable UcxAddress peer, @Nullable UcxHello initiator) {
        UcpWorker worker = null;
        try {
            worker = context.newWorker(token);
            byte[] where = wireup == UcxWireup.ADDRESS ? addressOf(worker) : new byte[0];
            if (initiator != null && where.length > 0) {
                initiator.requireFormatOf(where);
            }
            UcxConnection connection =
                    new UcxConnection(this, itsEvents, worker, new UcxHello(token, self, where), peer, initiator);
            worker = null;
            return connection;
        } catch (UcxException e) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    UcxStatus.detail("making a worker", e)
                            + "; each connection has one and takes file descriptors: raise `ulimit -n`, or lower"
                            + " kvferry.rdma.max-connections",
                    e);
        } finally {
            if (worker != null) {
                context.destroy(worker);
            }
        }
    }

    private static byte[] addressOf(UcpWorker worker) {
        ByteBuffer address = worker.getAddress();
        byte[] bytes = new byte[address.remaining()];
        address.get(bytes);
        return bytes;
    }

    private UcxConnection arrive(UcxConnection connection) {
        connections.add(connection);
        wake();
        return connection;
    }

    UcxContext context() {
        return context;
    }

    UcxWireup wireup() {
        return wireup;
    }

    boolean watchesPeers() {
        return peerErrors;
    }

    Deadline closeDeadline() {
        return Deadline.after(closeTimeout, ticker);
    }

    /** The connection is not waited for any more. */
    void forget(UcxConnection connection) {
        if (listener != null) {
            listener.forget(connection);
        }
    }

    void deliver(Runnable event) {
        events.add(event);
    }

    @Override
    public boolean progress() {
        boolean worked = listener != null && UcxConnections.progress(listener.worker());
        worked |= connections.progress();
        for (Runnable event = events.poll(); event != null; event = events.poll()) {
            worked = true;
            event.run();
        }
        return worked;
    }

    @Override
    public void await(long maxNanos) {
        waits.clear();
        boolean idle = (listener == null || UcxConnections.watch(waits, listener.worker())) && connections.watch(waits);
        // one that waits for a process that has ended keeps its worker busy
        connections.awaited(!idle || waits.await(maxNanos));
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
        if (listener != null) {
            listener.close();
        }
        if (connections.isEmpty()) {
            context.close(); // which takes no worker with it: what is left uses it until the process ends
        }
        waits.close();
    }
}

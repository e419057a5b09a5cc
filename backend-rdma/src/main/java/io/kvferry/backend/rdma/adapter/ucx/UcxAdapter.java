package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterInfo;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.openucx.jucx.UcxException;
import org.openucx.jucx.ucp.UcpConnectionRequest;
import org.openucx.jucx.ucp.UcpContext;
import org.openucx.jucx.ucp.UcpListener;
import org.openucx.jucx.ucp.UcpListenerParams;
import org.openucx.jucx.ucp.UcpMemMapParams;
import org.openucx.jucx.ucp.UcpParams;
import org.openucx.jucx.ucp.UcpWorker;
import org.openucx.jucx.ucp.UcpWorkerParams;

/**
 * A UCX context with a listener. Each connection has a worker of its own, so that destroying the worker is its fence: UCX
 * can cancel no operation, and a peer's bytes land as long as anything here makes progress for them.
 *
 * <p>A peer shows the token of a connection that was agreed over peer control when it connects; others are turned away.
 */
final class UcxAdapter implements RdmaAdapter {
    static final String PROVIDER = "ucx";
    private static final int ADDRESS_MAGIC = 0x55435832;
    private static final int HELLO_MAGIC = 0x55435833;
    private static final int MAX_OPERATIONS = 64;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final RdmaAdapterInfo info;
    private final boolean peerErrors;
    private final UcpContext context;
    private final UcpWorker lobby;
    private final UcpListener listener;
    private final byte[] address;
    private final Object library = new Object();
    private final Map<Long, UcxConnection> expected = new ConcurrentHashMap<>();
    private final Sleep sleep;

    // owner thread
    private final List<UcxConnection> live = new ArrayList<>();
    private final ArrayDeque<Runnable> events = new ArrayDeque<>();
    private boolean closed;

    private UcxAdapter(UcxVersions versions, BackendConfig config, BackendEnvironment environment, Closing opened) {
        this.peerErrors = config.get(UcxConfigKeys.PEER_ERRORS);
        this.context = new UcpContext(parameters(config));
        opened.add(context::close);
        this.lobby = context.newWorker(new UcpWorkerParams());
        opened.add(lobby::close);
        InetSocketAddress bind = new InetSocketAddress(environment.bindHost(), config.get(UcxConfigKeys.PORT));
        this.listener =
                lobby.newListener(new UcpListenerParams().setSockAddr(bind).setConnectionHandler(this::arrived));
        opened.add(listener::close);
        this.sleep = new Sleep();
        this.address =
                encode(environment.advertisedHost(), listener.getAddress().getPort());
        String transports = config.get(UcxConfigKeys.TRANSPORTS);
        this.info = new RdmaAdapterInfo(
                PROVIDER,
                versions + ", transports " + (transports.isEmpty() ? "of UCX's choice" : transports) + ", listening on "
                        + listener.getAddress(),
                Isolation.NONE,
                MAX_OPERATIONS,
                Long.MAX_VALUE);
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
                            e.getStatus(),
                            String.valueOf(e.getMessage())),
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

    private static UcpParams parameters(BackendConfig config) {
        UcpParams parameters = new UcpParams()
                .requestRmaFeature()
                .requestAmFeature()
                .requestWakeupFeature()
                .setMtWorkersShared(true);
        if (!config.get(UcxConfigKeys.TRANSPORTS).isEmpty()) {
            parameters.setConfig("TLS", config.get(UcxConfigKeys.TRANSPORTS));
        }
        if (!config.get(UcxConfigKeys.DEVICES).isEmpty()) {
            parameters.setConfig("NET_DEVICES", config.get(UcxConfigKeys.DEVICES));
        }
        return parameters;
    }

    private static byte[] encode(String host, int port) {
        byte[] name = host.getBytes(StandardCharsets.UTF_8);
        return SealedBytes.seal(
                ADDRESS_MAGIC,
                ByteBuffer.allocate(2 + name.length)
                        .putShort((short) port)
                        .put(name)
                        .flip());
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
        try {
            synchronized (library) {
                return new UcxMemory(
                        region,
                        context.memoryMap(new UcpMemMapParams()
                                .setAddress(region.address())
                                .setLength(region.sizeBytes())),
                        library);
            }
        } catch (UcxException e) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.REGISTER,
                    UcxStatus.detail("registering " + region, e.getStatus(), String.valueOf(e.getMessage()))
                            + "; over RDMA registered memory is locked: raise the limit, ulimit -l or LimitMEMLOCK=",
                    e);
        }
    }

    @Override
    public RdmaConnection connect(byte[] peerAddress, RdmaEvents itsEvents) {
        ByteBuffer bytes = SealedBytes.open(ADDRESS_MAGIC, peerAddress, "an address");
        if (bytes.remaining() < 3) {
            throw new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "an address without host");
        }
        int port = bytes.getShort() & 0xFFFF;
        String host = StandardCharsets.UTF_8.decode(bytes).toString();
        long token = RANDOM.nextLong();
        return new UcxConnection(this, itsEvents, token, hello(token), new Dial(host, port));
    }

    /** Where an initiator connects to. */
    record Dial(String host, int port) {}

    @Override
    public RdmaConnection accept(byte[] hello, RdmaEvents itsEvents) {
        long token = tokenOf(hello);
        UcxConnection connection = new UcxConnection(this, itsEvents, token, hello(token), null);
        if (expected.putIfAbsent(token, connection) != null) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the peer uses one connection twice");
        }
        return connection;
    }

    private static byte[] hello(long token) {
        return SealedBytes.seal(
                HELLO_MAGIC, ByteBuffer.allocate(8).putLong(token).flip());
    }

    static long tokenOf(byte[] hello) {
        ByteBuffer bytes = SealedBytes.open(HELLO_MAGIC, hello, "a hello");
        if (bytes.remaining() < 8) {
            throw new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "a hello without token");
        }
        return bytes.getLong();
    }

    /** Called by UCX inside progress: must not throw. */
    private void arrived(UcpConnectionRequest request) {
        try {
            UcxConnection connection = expected.remove(request.getClientId());
            if (connection == null) {
                request.reject();
            } else {
                events.add(() -> connection.arrived(request));
            }
        } catch (RuntimeException e) {
            // the peer sees that it is not answered
            events.add(() -> {});
        }
    }

    void forget(long token) {
        expected.remove(token);
    }

    boolean watchesPeers() {
        return peerErrors;
    }

    UcpWorker newWorker(@Nullable Long token) {
        synchronized (library) {
            UcpWorkerParams parameters = new UcpWorkerParams();
            if (token != null) {
                parameters.setClientId(token);
            }
            return context.newWorker(parameters);
        }
    }

    void destroy(UcpWorker worker) {
        synchronized (library) {
            worker.close();
        }
    }

    void add(UcxConnection connection) {
        live.add(connection);
    }

    void deliver(Runnable event) {
        events.add(event);
    }

    @Override
    public boolean progress() {
        boolean worked = progress(lobby);
        for (int i = live.size() - 1; i >= 0; i--) {
            UcxConnection connection = live.get(i);
            worked |= connection.progress();
            if (connection.isDestroyed()) {
                live.remove(i);
            }
        }
        for (Runnable event = events.poll(); event != null; event = events.poll()) {
            worked = true;
            event.run();
        }
        return worked;
    }

    static boolean progress(UcpWorker worker) {
        try {
            return worker.progress() != 0;
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void await(long maxNanos) {
        if (!arm(lobby)) {
            return;
        }
        sleep.clear();
        sleep.add(lobby.getEventFD());
        for (UcxConnection connection : live) {
            UcpWorker worker = connection.worker();
            if (worker == null) {
                continue;
            }
            if (!arm(worker)) {
                return;
            }
            sleep.add(worker.getEventFD());
        }
        sleep.await(maxNanos);
    }

    private static boolean arm(UcpWorker worker) {
        try {
            worker.arm();
            return true;
        } catch (UcxException e) {
            if (e.getStatus() == UcxStatus.BUSY) {
                return false;
            }
            throw e;
        }
    }

    @Override
    public void wake() {
        lobby.signal();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            listener.close();
            lobby.close();
            context.close();
            sleep.close();
        }
    }
}

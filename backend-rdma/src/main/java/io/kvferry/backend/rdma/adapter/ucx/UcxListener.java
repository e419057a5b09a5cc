package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.spi.BackendEnvironment;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.openucx.jucx.ucp.UcpConnectionRequest;
import org.openucx.jucx.ucp.UcpEndpointParams;
import org.openucx.jucx.ucp.UcpListener;
import org.openucx.jucx.ucp.UcpListenerParams;
import org.openucx.jucx.ucp.UcpWorker;

/**
 * Where initiators arrive that connect through the device's connection manager. Each shows the token of a connection that
 * was agreed over peer control; others are turned away. Owner thread, except where it says.
 */
final class UcxListener {
    private final UcxAdapter adapter;
    private final UcpWorker worker;
    private final UcpListener listener;
    private final Map<Long, UcxConnection> expected = new ConcurrentHashMap<>();

    /** Made on the thread that opens the adapter. */
    UcxListener(UcxAdapter adapter, UcpWorker worker, int port, BackendEnvironment environment) {
        this.adapter = adapter;
        this.worker = worker;
        this.listener = worker.newListener(new UcpListenerParams()
                .setSockAddr(new InetSocketAddress(environment.bindHost(), port))
                .setConnectionHandler(this::arrived));
    }

    UcpWorker worker() {
        return worker;
    }

    InetSocketAddress address() {
        return listener.getAddress();
    }

    /** Any thread. Returns false if the token is taken. */
    boolean expect(UcxConnection connection) {
        return expected.putIfAbsent(connection.token(), connection) == null;
    }

    void forget(UcxConnection connection) {
        expected.remove(connection.token(), connection);
    }

    /** Called by UCX inside progress: must not throw. */
    private void arrived(UcpConnectionRequest request) {
        try {
            UcxConnection connection = expected.remove(request.getClientId());
            if (connection == null) {
                request.reject();
            } else {
                adapter.deliver(() -> {
                    if (connection.isOver()) {
                        request.reject();
                    } else {
                        connection.arrived(new UcpEndpointParams().setConnectionRequest(request));
                    }
                });
            }
        } catch (RuntimeException e) {
            // the peer sees that it is not answered
            adapter.deliver(() -> {});
        }
    }

    void stop() {
        listener.close();
    }

    void close() {
        stop();
        worker.close();
    }
}

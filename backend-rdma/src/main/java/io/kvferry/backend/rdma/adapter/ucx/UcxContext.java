package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.posix.LockedMemory;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.openucx.jucx.UcxException;
import org.openucx.jucx.ucp.UcpContext;
import org.openucx.jucx.ucp.UcpMemMapParams;
import org.openucx.jucx.ucp.UcpMemory;
import org.openucx.jucx.ucp.UcpParams;
import org.openucx.jucx.ucp.UcpWorker;
import org.openucx.jucx.ucp.UcpWorkerParams;

/** What workers and registrations are made of. Thread-safe: makes and unmakes one at a time. */
final class UcxContext {
    private final Object lock = new Object();
    private final UcpContext library;

    UcxContext(BackendConfig config, UcxDevices devices) {
        UcpParams parameters = new UcpParams()
                .requestRmaFeature()
                .requestAmFeature()
                .requestWakeupFeature()
                .setMtWorkersShared(true)
                .setConfig("SOCKADDR_TLS_PRIORITY", listensOverTcp(config) ? "tcp" : "rdmacm");
        UcxTransports transports = UcxTransports.of(config);
        if (!transports.names().isEmpty()) {
            parameters.setConfig("TLS", transports.names());
        }
        if (!devices.names().isEmpty()) {
            parameters.setConfig("NET_DEVICES", devices.names());
        }
        this.library = new UcpContext(parameters);
    }

    /** Whether TCP's connection manager is asked for, by two keys: its listener ends the process over garbage. */
    private static boolean listensOverTcp(BackendConfig config) {
        return config.get(UcxConfigKeys.WIREUP) == UcxWireup.SOCKET
                && UcxTransports.of(config).names().equals("tcp");
    }

    UcxMemory register(MemoryRegion region) {
        try {
            synchronized (lock) {
                UcpMemory memory = library.memoryMap(
                        new UcpMemMapParams().setAddress(region.address()).setLength(region.sizeBytes()));
                return new UcxMemory(region, memory, this);
            }
        } catch (UcxException e) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.REGISTER,
                    UcxStatus.detail("registering " + region, e) + "; over RDMA registered memory is locked: "
                            + LockedMemory.read().explain(),
                    e);
        }
    }

    void deregister(UcpMemory memory) {
        synchronized (lock) {
            memory.deregister();
        }
    }

    /** Makes a worker that shows a token to listeners. */
    UcpWorker newWorker(long token) {
        synchronized (lock) {
            return library.newWorker(new UcpWorkerParams().setClientId(token));
        }
    }

    void destroy(UcpWorker worker) {
        synchronized (lock) {
            worker.close();
        }
    }

    /** After everything that was made of it. */
    void close() {
        library.close();
    }
}

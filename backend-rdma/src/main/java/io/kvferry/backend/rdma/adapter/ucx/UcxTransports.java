package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;

/**
 * What UCX may use. TCP is taken only by its name: libucx answers a put over TCP, and ends the process if the connection
 * breaks before it has. Immutable.
 *
 * @param names as in UCX_TLS; empty where that is set and decides
 */
record UcxTransports(String names) {
    /** What breaks, for those who ask for it. */
    static final String TCP_WARNING =
            "UCX over TCP ends this process if a peer's connection breaks while it writes here"
                    + " (seen with libucp 1.13.1): use it with peers that end in good order, or kvferry.backend = tcp";

    /** Messages alone: a put is one, and so is a get and its answer. */
    static final String TCP = "tcp";

    private static final String ALL_BUT_TCP = "^tcp";
    private static final Path DEVICES = Path.of("/sys/class/infiniband");

    static UcxTransports of(BackendConfig config) {
        String configured = config.get(UcxConfigKeys.TRANSPORTS);
        if (!configured.isEmpty()) {
            return new UcxTransports(configured);
        }
        return new UcxTransports(System.getenv("UCX_TLS") == null ? ALL_BUT_TCP : "");
    }

    boolean namesTcp() {
        return Arrays.asList(names.split(",", -1)).contains(TCP);
    }

    /**
     * Refuses to open where nothing is left.
     *
     * @throws TransferException BACKEND_UNAVAILABLE, with what to set
     */
    void require() {
        if (names.equals(ALL_BUT_TCP) && !hasDevice()) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OPEN,
                    "this machine has no RDMA device, and UCX takes neither TCP nor memory shared with other processes unasked;"
                            + " set " + UcxConfigKeys.TRANSPORTS.name() + "=posix,cma and "
                            + UcxConfigKeys.PEER_ERRORS.name() + "=false for peers on this machine, or "
                            + UcxConfigKeys.TRANSPORTS.name() + "=tcp. " + TCP_WARNING);
        }
    }

    private static boolean hasDevice() {
        try (Stream<Path> devices = Files.list(DEVICES)) {
            return devices.findAny().isPresent();
        } catch (IOException e) {
            return false;
        }
    }
}

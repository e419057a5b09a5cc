package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetAddress;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which entry of a port's table packets are sent from. A port has several: RoCE v1 beside v2, link-local beside IPv4.
 */
final class GidChoice {
    private GidChoice() {}

    /**
     * Chooses.
     *
     * @param gids the entries that are not empty
     * @param index the configured one, or -1 to choose
     * @param local the address this node is bound to, or null where it is bound to none in particular
     * @throws TransferException BACKEND_UNAVAILABLE where none fits
     */
    static Gid choose(List<Gid> gids, int index, @Nullable InetAddress local) {
        List<Gid> fit = index < 0
                ? gids
                : gids.stream().filter(gid -> gid.index() == index).toList();
        return fit.stream()
                .max(Comparator.comparingInt((Gid gid) -> gid.address().equals(local) ? 1 : 0)
                        .thenComparingInt(gid -> gid.type().equals(Gid.ROCE_V2) ? 1 : 0)
                        .thenComparingInt(GidChoice::reach)
                        .thenComparing(Gid::index, Comparator.reverseOrder()))
                .orElseThrow(() -> new TransferException(
                        TransferErrorCode.BACKEND_UNAVAILABLE,
                        Stage.OPEN,
                        "no GID fits " + VerbsConfigKeys.GID_INDEX.name() + "=" + index + "; the port has " + gids));
    }

    /** How far packets get: routed addresses farther than link-local ones. */
    private static int reach(Gid gid) {
        if (gid.isLinkLocal()) {
            return 0;
        }
        return gid.isIpv4() ? 2 : 1;
    }
}

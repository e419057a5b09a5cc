package io.kvferry.netty;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.CompletableFuture;

/**
 * Finds the addresses of hosts.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class Hosts {
    private Hosts() {}

    /**
     * Finds the address of a host. A name service may be slow, and no event loop waits for it.
     *
     * @param host a name or an address
     * @param remedy what to do about a name that has none
     * @return the address, or CONNECTION_FAILED with the remedy
     */
    public static CompletableFuture<InetAddress> resolve(String host, String remedy) {
        try {
            return CompletableFuture.completedFuture(InetAddress.ofLiteral(host));
        } catch (IllegalArgumentException name) {
            CompletableFuture<InetAddress> result = new CompletableFuture<>();
            Thread.ofVirtual().start(() -> {
                try {
                    result.complete(InetAddress.getByName(host));
                } catch (UnknownHostException unknown) {
                    result.completeExceptionally(new TransferException(
                            TransferErrorCode.CONNECTION_FAILED,
                            Stage.PREPARE,
                            "no address for " + host + "; " + remedy,
                            unknown));
                }
            });
            return result;
        }
    }
}

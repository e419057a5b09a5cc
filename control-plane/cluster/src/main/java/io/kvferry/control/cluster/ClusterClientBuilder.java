package io.kvferry.control.cluster;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Collects what a {@link ClusterClient} needs.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it.
 *
 * @since 0.1.0
 */
public final class ClusterClientBuilder {
    BackendConfig config = BackendConfig.DEFAULTS;
    private List<PeerAddress> controllers = List.of();

    @Nullable
    NodeRegistration registration;

    OrderHandler orders = (order, _) -> OrderResult.failed(
            TransferErrorCode.UNSUPPORTED,
            "this node takes no orders such as " + order.action().name());
    Supplier<NodeStats> stats = () -> NodeStats.NONE;
    Ticker ticker = Ticker.system();

    @Nullable
    Scheduler scheduler;

    ClusterClientBuilder() {}

    /**
     * Sets the configuration.
     *
     * @param values values for {@link ClusterConfigKeys}
     * @return this
     */
    public ClusterClientBuilder config(BackendConfig values) {
        config = values;
        return this;
    }

    /**
     * Sets where the controllers are, instead of {@code kvferry.cluster.controllers}.
     *
     * @param addresses at least one
     * @return this
     */
    public ClusterClientBuilder controllers(List<PeerAddress> addresses) {
        controllers = List.copyOf(addresses);
        return this;
    }

    /**
     * Has the client register a node. Without it, it only asks.
     *
     * @param node who it is
     * @return this
     */
    public ClusterClientBuilder registration(NodeRegistration node) {
        registration = node;
        return this;
    }

    /**
     * Sets who carries orders out; else they are answered UNSUPPORTED.
     *
     * @param handler called on a virtual thread for each order
     * @return this
     */
    public ClusterClientBuilder orders(OrderHandler handler) {
        orders = handler;
        return this;
    }

    /**
     * Sets what the node tells of itself with each keepalive.
     *
     * @param source called on the timer's thread: short, without waiting
     * @return this
     */
    public ClusterClientBuilder stats(Supplier<NodeStats> source) {
        stats = source;
        return this;
    }

    /**
     * Puts the client on another clock than the machine's.
     *
     * @param clock the clock
     * @param timers runs things when deadlines of that clock pass; not closed with the client
     * @return this
     */
    public ClusterClientBuilder clock(Ticker clock, Scheduler timers) {
        ticker = clock;
        scheduler = timers;
        return this;
    }

    /**
     * Opens the client. Returns at once; connecting goes on by itself.
     *
     * @return the client
     * @throws IllegalArgumentException if an address of the configuration is none
     */
    public ClusterClient open() {
        return new ClusterClient(this, controllers());
    }

    private List<PeerAddress> controllers() {
        List<PeerAddress> addresses = controllers.isEmpty()
                ? config.get(ClusterConfigKeys.CONTROLLERS).stream()
                        .map(PeerAddress::parse)
                        .toList()
                : controllers;
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("kvferry.cluster.controllers is empty: name at least one controller");
        }
        return addresses;
    }
}

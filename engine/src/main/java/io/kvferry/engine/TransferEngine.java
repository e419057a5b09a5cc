package io.kvferry.engine;

import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.ForeignAudience;
import io.kvferry.spi.ForeignTarget;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves blocks of registered memory between this process and its peers, over whichever backend both have.
 *
 * <p>A target {@linkplain #offer offers} memory; an initiator {@linkplain #prepare prepares} a transfer against the offer,
 * submits it, watches it and finishes it. Every engine is both.
 *
 * <p><b>Life cycle:</b> {@link #open} either returns a working engine or has released everything; {@link #close()} ends in
 * bounded time and says what it had to leave behind.
 *
 * <p><b>Threads:</b> Thread-safe. Methods that take a {@link Deadline} may block until it, but for {@link
 * #offer(LeaseRequest, Deadline)}; virtual threads are welcome. Those that make or register memory may block for as long as
 * a backend needs, up to {@code kvferry.close-timeout}.
 *
 * <p><b>Failure:</b> besides what each method names, all that start something are SHUTTING_DOWN once the engine is being
 * closed, and INVALID_REQUEST for a deadline on another clock than {@link #ticker()}.
 *
 * @since 0.1.0
 */
public final class TransferEngine implements AutoCloseable {
    /** What peers are told of this software. */
    static final String SOFTWARE = "kvferry "
            + Objects.requireNonNullElse(TransferEngine.class.getPackage().getImplementationVersion(), "development");

    private static final Logger LOG = LoggerFactory.getLogger(TransferEngine.class);

    private final EngineParts parts;
    private final EngineClosing closing;

    private TransferEngine(EngineParts parts) {
        this.parts = parts;
        this.closing = new EngineClosing(parts);
        LOG.info("engine {} listens on {}", parts.context().self(), parts.address());
    }

    /**
     * Opens an engine over the backends and the peer control on the class path.
     *
     * @param config its configuration
     * @return the engine; the caller closes it
     * @throws TransferException as {@link Builder#open()}
     */
    public static TransferEngine open(KvFerryConfig config) {
        return builder().config(config).open();
    }

    /**
     * Starts to put an engine together.
     *
     * @return a builder with an empty configuration and the machine's clock
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Returns who this process is to its peers.
     *
     * @return node id and boot id
     */
    public PeerIdentity identity() {
        return parts.context().self();
    }

    /**
     * Returns where peers reach this engine.
     *
     * @return the address of its peer control
     */
    public PeerAddress address() {
        return parts.address();
    }

    /**
     * Returns the clock that all deadlines given to this engine must be on.
     *
     * @return the clock
     */
    public Ticker ticker() {
        return parts.context().ticker();
    }

    /**
     * Returns what runs things when deadlines on that clock pass, for applications with deadlines of their own.
     *
     * @return the scheduler; its tasks must not block
     */
    public Scheduler scheduler() {
        return parts.context().scheduler();
    }

    /**
     * Returns the backends on the class path: first those that are open, in order of preference, then the others.
     *
     * @return name, availability and, where open, what each can do
     */
    public List<BackendStatus> backends() {
        return parts.backends().statuses();
    }

    /**
     * Allocates host memory and registers it.
     *
     * @param sizeBytes at least 1; zeroed
     * @return the memory, freed when it is closed
     * @throws TransferException INVALID_REQUEST for a size below 1; RESOURCE_EXHAUSTED where there is no such memory;
     *     UNSUPPORTED where no open backend moves host memory
     */
    public Memory allocate(long sizeBytes) {
        closing.checkOpen(Stage.REGISTER);
        return parts.memory().allocate(sizeBytes);
    }

    /**
     * Allocates memory of a GPU and registers it. It is freed when it is closed.
     *
     * @param device the ordinal, from 0
     * @param sizeBytes at least 1
     * @return the memory
     * @throws TransferException RESOURCE_EXHAUSTED where the device has no room; INVALID_REQUEST for no such device;
     *     UNSUPPORTED where no open backend allocates device memory
     */
    public Memory allocate(int device, long sizeBytes) {
        closing.checkOpen(Stage.REGISTER);
        return parts.memory().allocate(device, sizeBytes);
    }

    /**
     * Registers memory that the caller keeps, and keeps mapped until the returned memory has been closed.
     *
     * @param region the memory; a region that is registered already is shared
     * @return its registration; the caller closes it
     * @throws TransferException UNSUPPORTED where no open backend moves its kind; RESOURCE_EXHAUSTED where the region is
     *     being closed and still in use; what a backend refused with
     */
    public Memory register(MemoryRegion region) {
        closing.checkOpen(Stage.REGISTER);
        return parts.memory().register(region, null);
    }

    /**
     * Registers memory together with the arena that owns it, which from now on the engine alone closes. Where this method
     * fails, the arena stays the caller's.
     *
     * @param arena a shared arena, closed with the memory; a global or automatic one is left to itself
     * @param segment allocated from it
     * @return the memory
     * @throws TransferException as {@link #register}; INVALID_REQUEST for a heap or confined segment; ALREADY_EXISTS
     *     where the region is registered
     */
    public Memory adopt(Arena arena, MemorySegment segment) {
        closing.checkOpen(Stage.REGISTER);
        return parts.memory().register(MemoryRegion.host(segment), arena::close);
    }

    /**
     * Offers memory to a transfer. Does not block.
     *
     * @param request which blocks, which access, to whom
     * @param deadline when the lease ends
     * @return the lease; the caller closes it
     * @throws TransferException ALREADY_EXISTS where the id is offered; MEMORY_NOT_REGISTERED; RESOURCE_EXHAUSTED where too
     *     much is offered or in quarantine; INVALID_REQUEST for a deadline that has passed
     */
    public Lease offer(LeaseRequest request, Deadline deadline) {
        closing.checkOpen(Stage.OFFER);
        return parts.leases().offer(request, deadline);
    }

    /**
     * Offers memory to initiators that know no peer control. It is within their reach when this returns, until the lease
     * ends, which nobody but its deadline and its owner bring about: it ends LEASE_ENDED or CANCELLED, not COMPLETED.
     *
     * @param request which blocks, which access
     * @param audience as its backend names it
     * @param deadline when the lease ends
     * @return the lease; the caller closes it
     * @throws TransferException BACKEND_UNAVAILABLE where that backend is not open; otherwise as {@link
     *     #offer(LeaseRequest, Deadline)}
     */
    public Lease offer(LeaseRequest request, ForeignAudience audience, Deadline deadline) {
        ListenerThread.refuse("TransferEngine.offer");
        closing.checkOpen(Stage.OFFER);
        return parts.foreignOffers().offer(request, audience, deadline);
    }

    /**
     * Prepares a transfer: meets the peer, chooses the backend, matches the blocks, connects. Everything that can fail
     * before a byte moves fails here.
     *
     * @param request what to move
     * @param deadline until when to wait
     * @return the transfer, ready to submit; the caller closes it
     * @throws TransferException NOT_FOUND where the offer did not come; LEASE_ENDED; ALREADY_EXISTS where that attempt is in
     *     hand or the lease in use; BUFFER_MISMATCH naming the keys; ACCESS_DENIED; INCOMPATIBLE_PEER; PEER_RESTARTED;
     *     NOT_QUIESCENT; CANCELLED for an attempt that is over, or when the thread is interrupted; CONNECTION_FAILED;
     *     CONTROL_FAILED; PROTOCOL_ERROR; DEADLINE_EXCEEDED; MEMORY_NOT_REGISTERED; RESOURCE_EXHAUSTED; UNSUPPORTED;
     *     BACKEND_UNAVAILABLE where the request names a backend that is not open; INVALID_REQUEST from a listener, or for
     *     more or larger blocks than the backend takes
     */
    public Transfer prepare(TransferRequest request, Deadline deadline) {
        ListenerThread.refuse("TransferEngine.prepare");
        closing.checkOpen(Stage.PREPARE);
        return parts.initiator().prepare(request, null, deadline);
    }

    /**
     * Prepares a transfer with a target that knows no peer control. There is no lease, nobody is told how it ends, and the
     * backend's own evidence is all the evidence there is.
     *
     * @param request what to move; its peer is not asked, and it cannot ask for confirmation
     * @param target as its backend names it
     * @param deadline until when to wait
     * @return the transfer, ready to submit; the caller closes it
     * @throws TransferException BACKEND_UNAVAILABLE where that backend is not open; UNSUPPORTED; otherwise as {@link
     *     #prepare(TransferRequest, Deadline)}
     */
    public Transfer prepare(TransferRequest request, ForeignTarget target, Deadline deadline) {
        ListenerThread.refuse("TransferEngine.prepare");
        closing.checkOpen(Stage.PREPARE);
        return parts.initiator().prepare(request, target, deadline);
    }

    /**
     * Sends a message to the application at a peer and waits for its answer.
     *
     * @param peer where its peer control listens
     * @param topic which handler, 1 to 128 characters
     * @param payload the body
     * @param deadline until when to wait
     * @return the answer
     * @throws TransferException NOT_FOUND where nobody handles the topic; what the handler refused with; CONTROL_FAILED;
     *     DEADLINE_EXCEEDED; INVALID_REQUEST from a listener
     */
    public Payload notify(PeerAddress peer, String topic, Payload payload, Deadline deadline) {
        ListenerThread.refuse("TransferEngine.notify");
        closing.checkOpen(Stage.TRANSFER);
        return parts.notices().ask(peer, topic, payload, deadline);
    }

    /**
     * Answers messages on a topic. What peers without peer control tell comes on topic {@code foreign:} and the name of the
     * backend that they reach; their identity is an address that nothing proves, and they get no answer's body.
     *
     * @param topic 1 to 128 characters
     * @param handler called on the engine's executor
     * @throws TransferException ALREADY_EXISTS where the topic has a handler
     */
    public void onNotify(String topic, NotifyHandler handler) {
        parts.notices().answer(topic, handler);
    }

    /**
     * Returns what is in hand. Does not block; looks at each transfer and lease, so it is for people and monitors.
     *
     * @return a snapshot
     */
    public EngineStatus status() {
        return parts.status();
    }

    /** Closes with {@code kvferry.close-timeout}. What had to be left behind is logged. */
    @Override
    public void close() {
        CloseReport report =
                close(parts.context().after(parts.context().settings().get(EngineConfigKeys.CLOSE_TIMEOUT)));
        report.abandoned().forEach(line -> LOG.warn("left behind: {}", line));
    }

    /**
     * Refuses everything new, ends leases and transfers, waits for their memory to become quiescent, and releases
     * everything. Idempotent.
     *
     * @param deadline until when to wait
     * @return what had to be left behind: memory in quarantine stays mapped until the process ends
     * @throws TransferException INVALID_REQUEST when called from a listener
     */
    public CloseReport close(Deadline deadline) {
        ListenerThread.refuse("TransferEngine.close");
        return closing.close(deadline);
    }

    /** Puts an engine together. Confined to the thread that uses it. */
    public static final class Builder {
        private KvFerryConfig config = KvFerryConfig.builder().build();
        private Ticker ticker = Ticker.system();
        private @Nullable Scheduler scheduler;
        private final List<TransferListener> listeners = new ArrayList<>();

        private Builder() {}

        /**
         * Sets the configuration.
         *
         * @param newConfig the configuration
         * @return this
         */
        public Builder config(KvFerryConfig newConfig) {
            config = newConfig;
            return this;
        }

        /**
         * Runs on another clock.
         *
         * @param newTicker the clock
         * @param newScheduler runs tasks on that clock; stays the caller's
         * @return this
         */
        public Builder ticker(Ticker newTicker, Scheduler newScheduler) {
            ticker = newTicker;
            scheduler = newScheduler;
            return this;
        }

        /**
         * Listens to every transfer and lease.
         *
         * @param listener called on the engine's executor
         * @return this
         */
        public Builder listener(TransferListener listener) {
            listeners.add(listener);
            return this;
        }

        /**
         * Opens the engine.
         *
         * @return the engine; the caller closes it
         * @throws TransferException BACKEND_UNAVAILABLE with reason and remedy for a backend that is missing or cannot run
         *     here; INVALID_REQUEST for a contradictory configuration; CONNECTION_FAILED where an address is in use;
         *     DEADLINE_EXCEEDED
         */
        public TransferEngine open() {
            return new TransferEngine(EngineParts.open(config, ticker, scheduler, List.copyOf(listeners)));
        }
    }
}

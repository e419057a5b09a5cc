package io.kvferry.engine;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.DeviceMemory;
import io.kvferry.spi.ForeignAudience;
import io.kvferry.spi.ForeignTarget;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
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
 * <p><b>Threads:</b> Thread-safe. Methods that take a {@link Deadline} may block until it; virtual threads are welcome.
 *
 * @since 0.1.0
 */
public final class TransferEngine implements AutoCloseable {
    /** What peers are told of this software. */
    static final String SOFTWARE = "kvferry "
            + Objects.requireNonNullElse(TransferEngine.class.getPackage().getImplementationVersion(), "development");

    private static final Logger LOG = LoggerFactory.getLogger(TransferEngine.class);

    private final EngineContext context;
    private final ExecutorService executor;
    private final @Nullable SystemScheduler ownScheduler;
    private final Backends backends;
    private final MemoryRegistry memory;
    private final Quarantine quarantine;
    private final LeaseTable leases;
    private final Initiator initiator;
    private final PeerControl peerControl;
    private final EnginePeerService service;
    private final PeerAddress address;
    private final Object closeLock = new Object();
    private volatile boolean closing;
    private @Nullable CompletableFuture<CloseReport> closed;

    private TransferEngine(Builder builder) {
        BackendConfig settings = builder.config.values();
        PeerIdentity self = identity(settings);
        List<TransferListener> listeners = List.copyOf(builder.listeners);
        Ticker ticker = builder.ticker;
        Scheduler given = builder.scheduler;
        this.ownScheduler = given == null ? new SystemScheduler(ticker, "kvferry-timer") : null;
        Scheduler scheduler = given != null ? given : Objects.requireNonNull(ownScheduler);
        this.executor = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("kvferry-engine-", 0).factory());
        this.context =
                new EngineContext(self, settings, ticker, scheduler, this::execute, new Waits(ticker, scheduler));
        this.quarantine = new Quarantine(settings.get(EngineConfigKeys.MAX_QUARANTINED));
        BackendEnvironment environment = environment(context);
        Backends openBackends = null;
        PeerControl openControl = null;
        try {
            Providers providers = builder.config.providers();
            openBackends = Backends.open(providers.backends(), context, environment);
            this.backends = openBackends;
            openControl = control(providers, settings, environment);
            this.peerControl = openControl;
            this.memory = new MemoryRegistry(context, backends);
            Peers peers = new Peers(context, peerControl, backends);
            this.leases = new LeaseTable(context, backends, memory, quarantine, listeners);
            this.initiator = new Initiator(context, backends, memory, quarantine, peers, peerControl, listeners);
            this.service = new EnginePeerService(context, peers, leases);
            backends.open().forEach(open -> open.backend().listen(service.foreign(open.name())));
            this.address = peerControl.start(service, context.after(settings.get(EngineConfigKeys.OPEN_TIMEOUT)));
        } catch (RuntimeException | Error e) {
            giveUp(openBackends, openControl);
            throw Failures.of(e, Stage.OPEN);
        }
        LOG.info("engine {} listens on {}", context.self(), address);
    }

    /** Runs a task; one that comes after close, such as a late proof of quiescence, runs where it came up. */
    private void execute(Runnable task) {
        try {
            executor.execute(task);
        } catch (RejectedExecutionException e) {
            task.run();
        }
    }

    private static PeerIdentity identity(BackendConfig settings) {
        long bootId = new SecureRandom().nextLong();
        String node = settings.get(EngineConfigKeys.NODE_ID);
        try {
            return new PeerIdentity(node.isEmpty() ? "node-" + Long.toHexString(bootId) : node, bootId);
        } catch (IllegalArgumentException e) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    "kvferry.node-id = " + node + ": " + e.getMessage(),
                    e);
        }
    }

    private static BackendEnvironment environment(EngineContext context) {
        String bind = context.settings().get(EngineConfigKeys.BIND_HOST);
        String advertised = context.settings().get(EngineConfigKeys.ADVERTISED_HOST);
        return new BackendEnvironment(
                context.self(), context.ticker(), context.scheduler(), bind, advertised.isEmpty() ? bind : advertised);
    }

    private static PeerControl control(Providers providers, BackendConfig settings, BackendEnvironment environment) {
        String name = settings.get(EngineConfigKeys.PEER_CONTROL);
        PeerControlProvider provider = providers.peerControls().get(name);
        if (provider == null) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OPEN,
                    "kvferry.peer-control names '" + name + "', on the class path are "
                            + providers.peerControls().keySet()
                            + ": add the artifact io.kvferry:kvferry-control-peer or change the key");
        }
        return provider.open(settings, environment);
    }

    private void giveUp(@Nullable Backends openBackends, @Nullable PeerControl openControl) {
        Deadline deadline = context.after(context.settings().get(EngineConfigKeys.CLOSE_TIMEOUT));
        ClosingSteps steps = new ClosingSteps();
        if (openControl != null) {
            steps.run("peer control", () -> openControl.close(deadline));
        }
        if (openBackends != null) {
            steps.run("backends", () -> openBackends.close(deadline));
        }
        steps.run("threads", () -> stopThreads(deadline));
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
        return context.self();
    }

    /**
     * Returns where peers reach this engine.
     *
     * @return the address of its peer control
     */
    public PeerAddress address() {
        return address;
    }

    /**
     * Returns the clock that all deadlines given to this engine must be on.
     *
     * @return the clock
     */
    public Ticker ticker() {
        return context.ticker();
    }

    /**
     * Returns what runs things when deadlines on that clock pass, for applications with deadlines of their own.
     *
     * @return the scheduler; its tasks must not block
     */
    public Scheduler scheduler() {
        return context.scheduler();
    }

    /**
     * Returns the backends on the class path: first those that are open, in order of preference, then the others.
     *
     * @return name, availability and, where open, what each can do
     */
    public List<BackendStatus> backends() {
        return backends.statuses();
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
        if (sizeBytes < 1) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST, Stage.REGISTER, "cannot allocate " + sizeBytes + " bytes");
        }
        Arena arena = Arena.ofShared();
        try {
            return adopt(arena, arena.allocate(sizeBytes, 4096));
        } catch (OutOfMemoryError e) {
            arena.close();
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.REGISTER,
                    "no " + sizeBytes + " bytes of native memory; see -XX:MaxDirectMemorySize and the machine's limit",
                    e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
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
        checkOpen(Stage.REGISTER);
        DeviceMemory port = memory.port(MemoryKind.CUDA);
        MemoryRegion region = port.allocate(device, sizeBytes);
        try {
            return memory.register(region, () -> port.free(region));
        } catch (RuntimeException e) {
            port.free(region);
            throw e;
        }
    }

    /**
     * Registers memory that the caller keeps, and keeps mapped until the returned memory has been closed.
     *
     * @param region the memory; a region that is registered already is shared
     * @return its registration
     * @throws TransferException UNSUPPORTED where no open backend moves its kind; what a backend refused with
     */
    public Memory register(MemoryRegion region) {
        checkOpen(Stage.REGISTER);
        return memory.register(region, null);
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
        checkOpen(Stage.REGISTER);
        return memory.register(MemoryRegion.host(segment), arena::close);
    }

    /**
     * Offers memory to a transfer.
     *
     * @param request which blocks, which access, to whom
     * @param deadline when the lease ends
     * @return the lease; the caller closes it
     * @throws TransferException ALREADY_EXISTS where the id is offered; MEMORY_NOT_REGISTERED; RESOURCE_EXHAUSTED where too
     *     much is offered or in quarantine; INVALID_REQUEST for a deadline that has passed
     */
    public Lease offer(LeaseRequest request, Deadline deadline) {
        checkOpen(Stage.OFFER);
        return leases.offer(request, deadline);
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
        checkOpen(Stage.OFFER);
        return ForeignTargets.offer(context, backends, leases, request, audience, deadline);
    }

    /**
     * Prepares a transfer: meets the peer, chooses the backend, matches the blocks, connects. Everything that can fail
     * before a byte moves fails here.
     *
     * @param request what to move
     * @param deadline until when to wait
     * @return the transfer, ready to submit; the caller closes it
     * @throws TransferException NOT_FOUND where the offer did not come; BUFFER_MISMATCH naming the keys; ACCESS_DENIED;
     *     INCOMPATIBLE_PEER; NOT_QUIESCENT; CANCELLED for an attempt that is over; CONNECTION_FAILED; CONTROL_FAILED;
     *     DEADLINE_EXCEEDED; MEMORY_NOT_REGISTERED; RESOURCE_EXHAUSTED; UNSUPPORTED; INVALID_REQUEST from a listener
     */
    public Transfer prepare(TransferRequest request, Deadline deadline) {
        ListenerThread.refuse("TransferEngine.prepare");
        checkOpen(Stage.PREPARE);
        return initiator.prepare(request, null, deadline);
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
        checkOpen(Stage.PREPARE);
        return initiator.prepare(request, target, deadline);
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
        checkOpen(Stage.TRANSFER);
        checkTopic(topic);
        PeerReply.Notified reply = context.waits()
                .get(
                        peerControl.call(peer, new PeerRequest.Notify(context.self(), topic, payload), deadline),
                        deadline,
                        Stage.TRANSFER,
                        "the answer on topic " + topic + " from ",
                        peer);
        return reply.payload();
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
        checkTopic(topic);
        service.onNotify(topic, handler);
    }

    private static void checkTopic(String topic) {
        if (topic.isEmpty() || topic.length() > 128) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.TRANSFER,
                    "a topic has 1 to 128 characters, got " + topic.length());
        }
    }

    private void checkOpen(Stage stage) {
        if (closing) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "this engine is closed");
        }
    }

    /**
     * Returns what is in hand.
     *
     * @return a snapshot
     */
    public EngineStatus status() {
        List<EngineStatus.Entry> entries = new ArrayList<>();
        initiator.inHand().forEach(transfer -> entries.add(transfer.entry()));
        Collection<Lease> offered = leases.all();
        for (Lease lease : offered) {
            lease.attempts().forEach(attempt -> entries.add(attempt.entry()));
        }
        List<Memory> memories = memory.all();
        return new EngineStatus(
                context.self(),
                entries,
                offered.stream().map(Lease::offer).toList(),
                memories.size(),
                memories.stream().mapToLong(each -> each.region().sizeBytes()).sum(),
                quarantine.size(),
                quarantine.bytes(),
                quarantine.describe(),
                leases.tombstones().size(),
                leases.waitingPrepares());
    }

    /** Closes with {@code kvferry.close-timeout}. What had to be left behind is logged. */
    @Override
    public void close() {
        CloseReport report = close(context.after(context.settings().get(EngineConfigKeys.CLOSE_TIMEOUT)));
        report.abandoned().forEach(line -> LOG.warn("left behind: {}", line));
    }

    /**
     * Refuses everything new, ends leases and transfers, waits for their memory to become quiescent, and releases
     * everything. Idempotent.
     *
     * @param deadline until when to wait
     * @return what had to be left behind: memory in quarantine stays mapped until the process ends
     */
    public CloseReport close(Deadline deadline) {
        ListenerThread.refuse("TransferEngine.close");
        context.waits().checkClock(deadline);
        CompletableFuture<CloseReport> mine = new CompletableFuture<>();
        CompletableFuture<CloseReport> other;
        synchronized (closeLock) {
            other = closed;
            closing = true;
            if (other == null) {
                closed = mine;
            }
        }
        if (other != null) {
            return context.waits().until(other, deadline, Stage.CLOSE)
                    ? other.join()
                    : new CloseReport(List.of("another thread is closing this engine still"));
        }
        try {
            mine.complete(closeOnce(deadline));
        } finally {
            mine.complete(new CloseReport(List.of("closing did not end in good order; the log says why")));
            stopThreads(deadline);
        }
        return mine.join();
    }

    private CloseReport closeOnce(Deadline deadline) {
        ClosingSteps steps = new ClosingSteps();
        steps.run("leases and transfers", () -> endAll(deadline));
        steps.run(
                "quarantine",
                () -> quarantine
                        .whenQuiescent()
                        .forEach(quiet -> context.waits().until(quiet, deadline, Stage.CLOSE)));
        steps.run("notices to targets", () -> initiator.awaitFinishes(deadline));
        steps.run("memory", () -> closeMemory(steps, deadline));
        quarantine.describe().forEach(steps::abandon);
        steps.run("peer control", () -> peerControl.close(deadline));
        steps.run(
                "backends",
                () -> backends.close(deadline)
                        .forEach(report -> report.abandoned().forEach(steps::abandon)));
        return steps.report();
    }

    private void endAll(Deadline deadline) {
        CompletableFuture<Void> leasesEnded = leases.close();
        CompletableFuture<Void> transfersEnded = initiator.close();
        context.waits().until(CompletableFuture.allOf(leasesEnded, transfersEnded), deadline, Stage.CLOSE);
    }

    private void closeMemory(ClosingSteps steps, Deadline deadline) {
        memory.close();
        for (Memory each : memory.all()) {
            if (!each.closeForGood(deadline)) {
                steps.abandon(each + "; it stays mapped");
            }
        }
    }

    private void stopThreads(Deadline deadline) {
        context.waits().endClose();
        executor.shutdown();
        SystemScheduler own = ownScheduler;
        if (own != null) {
            own.close();
            own.awaitEnd(deadline);
        }
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
            return new TransferEngine(this);
        }
    }
}

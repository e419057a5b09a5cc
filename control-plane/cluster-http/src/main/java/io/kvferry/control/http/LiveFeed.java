package io.kvferry.control.http;

import io.kvferry.control.cluster.ControllerEvent;
import io.kvferry.control.cluster.ControllerView;
import io.kvferry.control.cluster.EventSubscription;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Tells listeners what there is, each second what has become of it, and each event as it happens.
 *
 * <p><b>Threads:</b> Thread-safe. One virtual thread takes the controller's events, the scheduler has the clock looked at; each
 * look is made once for all who listen, and none without.
 */
final class LiveFeed implements EventFeed, AutoCloseable {
    private static final Duration PULSE = Duration.ofSeconds(1);
    private static final int KEPT_EVENTS = 100;
    private static final int WAITING_EVENTS = 1000;

    private final ControllerAccess controller;
    private final Traffic traffic;
    private final Scheduler scheduler;
    private final Ticker ticker;
    private final InstantSource wallClock;
    private final EventSubscription events;
    private final Thread taker;
    private final Set<Listener> listeners = ConcurrentHashMap.newKeySet();
    /** Guarded by itself. */
    private final ArrayDeque<EventJson> recent = new ArrayDeque<>();

    private volatile boolean closed;

    LiveFeed(
            ControllerAccess controller,
            Traffic traffic,
            Scheduler scheduler,
            Ticker ticker,
            InstantSource wallClock) {
        this.controller = controller;
        this.traffic = traffic;
        this.scheduler = scheduler;
        this.ticker = ticker;
        this.wallClock = wallClock;
        this.events = controller.subscribe(WAITING_EVENTS);
        this.taker = Thread.ofVirtual().name("kvferry-http-events").unstarted(this::takeEvents);
    }

    void start() {
        taker.start();
        pulse();
    }

    OverviewJson overview() {
        return OverviewJson.of(controller.view(), traffic.latest());
    }

    @Override
    public Runnable subscribe(Listener listener) {
        OverviewJson now = overview();
        synchronized (recent) {
            listener.event("hello", Json.bytes(new HelloJson(now, traffic.history(), List.copyOf(recent))));
            listeners.add(listener);
        }
        return () -> listeners.remove(listener);
    }

    /** The scheduler's thread must not be kept. */
    private void pulse() {
        if (!closed) {
            var ignored = Thread.ofVirtual().name("kvferry-http-pulse").start(this::look);
        }
    }

    private void look() {
        try {
            ControllerView view = controller.view();
            Sample sample = traffic.add(view, ticker.nanos(), wallClock.millis());
            if (!listeners.isEmpty()) {
                tell("overview", OverviewJson.of(view, sample));
            }
        } finally {
            again();
        }
    }

    private void again() {
        try {
            var ignored = scheduler.schedule(Deadline.after(PULSE, ticker), this::pulse);
        } catch (TransferException e) {
            // the controller closes, and with it this
        }
    }

    private void takeEvents() {
        while (!closed && !events.isClosed()) {
            Optional<ControllerEvent> next = events.take(Deadline.after(PULSE));
            if (next.isPresent()) {
                happened(next.get());
            }
        }
    }

    private void happened(ControllerEvent event) {
        EventJson told = new EventJson(
                event.sequence(), wallClock.millis(), event.kind().name(), event.subject(), event.detail());
        synchronized (recent) {
            recent.addLast(told);
            if (recent.size() > KEPT_EVENTS) {
                recent.removeFirst();
            }
            // under the lock, so that who comes now hears of it once
            tell("happened", told);
        }
    }

    private void tell(String name, Object value) {
        byte[] json = Json.bytes(value);
        listeners.forEach(listener -> listener.event(name, json));
    }

    @Override
    public void close() {
        closed = true;
        events.close();
        listeners.clear();
    }

    /** The first thing that a listener hears. */
    record HelloJson(OverviewJson overview, List<Sample> samples, List<EventJson> events) {}

    /** Something that happened. */
    record EventJson(long sequence, long unixMillis, String kind, String subject, String detail) {}
}

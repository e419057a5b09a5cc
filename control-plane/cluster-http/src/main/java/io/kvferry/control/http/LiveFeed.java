package io.kvferry.control.http;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerEvent;
import io.kvferry.control.cluster.ControllerView;
import io.kvferry.control.cluster.EventSubscription;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells listeners what there is, each second what has become of it, and each event as it happens.
 *
 * <p><b>Threads:</b> Thread-safe. One virtual thread takes the controller's events and makes the looks: one for all who listen.
 */
final class LiveFeed implements EventFeed, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LiveFeed.class);
    private static final Duration PULSE = Duration.ofSeconds(1);
    private static final int KEPT_EVENTS = 100;
    private static final int WAITING_EVENTS = 1000;

    private final Controller controller;
    private final Traffic traffic;
    private final InstantSource wallClock;
    private final EventSubscription events;
    private final Set<Listener> listeners = ConcurrentHashMap.newKeySet();
    /** Guarded by itself. */
    private final ArrayDeque<EventJson> recent = new ArrayDeque<>();

    LiveFeed(Controller controller, Traffic traffic, InstantSource wallClock) {
        this.controller = controller;
        this.traffic = traffic;
        this.wallClock = wallClock;
        this.events = controller.subscribe(WAITING_EVENTS);
    }

    void start() {
        var ignored = Thread.ofVirtual().name("kvferry-http-live").start(this::run);
    }

    private void run() {
        Deadline nextLook = Deadline.after(Duration.ZERO);
        while (!events.isClosed()) {
            try {
                if (nextLook.isExpired()) {
                    nextLook = Deadline.after(PULSE);
                    look();
                }
                events.take(nextLook).ifPresent(this::happened);
            } catch (RuntimeException e) {
                LOG.error("the dashboard misses something", e);
            }
        }
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

    private void look() {
        ControllerView view = controller.view();
        Sample sample = traffic.add(view, Ticker.system().nanos(), wallClock.millis());
        if (!listeners.isEmpty()) {
            tell("overview", OverviewJson.of(view, sample));
        }
    }

    private void happened(ControllerEvent event) {
        EventJson told = EventJson.of(event, wallClock.millis());
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
        events.close();
        listeners.clear();
    }

    /** The first thing that a listener hears. */
    record HelloJson(OverviewJson overview, List<Sample> samples, List<EventJson> events) {}
}

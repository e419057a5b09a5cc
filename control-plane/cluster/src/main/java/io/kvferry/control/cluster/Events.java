package io.kvferry.control.cluster;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands events out to subscriptions, in one order for all.
 *
 * <p><b>Threads:</b> Thread-safe; nothing blocks.
 */
final class Events {
    private static final Logger LOG = LoggerFactory.getLogger(Events.class);
    private static final int MAX_SUBSCRIPTIONS = 256;

    private final Object lock = new Object();
    // both guarded by lock
    private final List<EventSubscription> subscriptions = new ArrayList<>();
    private long lastSequence;

    void publish(ControllerEvent.Kind kind, String subject, String detail) {
        publish(kind, subject, detail, Optional.empty());
    }

    /** A node has registered. */
    void registered(NodeRegistration node) {
        String detail = (node.software().isEmpty() ? "" : node.software() + ", ")
                + node.scheme().name() + ", " + node.scheme().chunkTokens() + " tokens a chunk";
        publish(ControllerEvent.Kind.NODE_REGISTERED, node.identity().nodeId(), detail, Optional.of(node));
    }

    private void publish(
            ControllerEvent.Kind kind, String subject, String detail, Optional<NodeRegistration> registration) {
        LOG.debug("{} {} {}", kind, subject, detail);
        synchronized (lock) {
            ControllerEvent event = new ControllerEvent(++lastSequence, kind, subject, detail, registration);
            for (EventSubscription subscription : subscriptions) {
                subscription.offer(event);
            }
        }
    }

    EventSubscription subscribe(int capacity) {
        synchronized (lock) {
            if (subscriptions.size() >= MAX_SUBSCRIPTIONS) {
                throw new TransferException(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        Stage.OPEN,
                        "event subscriptions=" + MAX_SUBSCRIPTIONS + " are open; close one");
            }
            EventSubscription subscription = new EventSubscription(this, capacity);
            subscriptions.add(subscription);
            return subscription;
        }
    }

    void remove(EventSubscription subscription) {
        synchronized (lock) {
            subscriptions.remove(subscription);
        }
    }

    void close() {
        List<EventSubscription> open;
        synchronized (lock) {
            open = List.copyOf(subscriptions);
        }
        open.forEach(EventSubscription::close);
    }
}

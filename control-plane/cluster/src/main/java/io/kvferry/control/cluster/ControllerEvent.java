package io.kvferry.control.cluster;

import java.util.Objects;
import java.util.Optional;

/**
 * Something that happened in the cluster, as one controller saw it.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param sequence its number, from 1, without gaps at one controller
 * @param kind what happened
 * @param subject id of the node or the order that it happened to
 * @param detail one line for a person; may be empty
 * @param registration of {@link Kind#NODE_REGISTERED}: what the node said of itself; of others empty
 * @since 0.1.0
 */
public record ControllerEvent(
        long sequence, Kind kind, String subject, String detail, Optional<NodeRegistration> registration) {
    /** Checks that nothing is missing. */
    public ControllerEvent {
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(subject, "subject");
        Objects.requireNonNull(detail, "detail");
        Objects.requireNonNull(registration, "registration");
    }

    /** What happened. The numbers are those of the wire and never change. */
    public enum Kind {
        /** A node has registered. */
        NODE_REGISTERED(1),
        /** A node was not heard of for half its lease. */
        NODE_SUSPECT(2),
        /** A suspect node was heard of again. */
        NODE_RECOVERED(3),
        /** A node's process was replaced by a newer one of its id. */
        NODE_REPLACED(4),
        /** A node is gone. */
        NODE_GONE(5),
        /** The index of a node was found wrong or missing, and the node was asked for all it holds. */
        SYNC_REQUESTED(6),
        /** A node has told all it holds. */
        SYNC_FINISHED(7),
        /** An order was taken. */
        ORDER_ACCEPTED(8),
        /** Every node of an order has a result. */
        ORDER_FINISHED(9),
        /** An order of a controller that is gone was taken over. */
        ORDER_ADOPTED(10);

        private final int number;

        Kind(int number) {
            this.number = number;
        }

        /**
         * Returns the kind's number on the wire.
         *
         * @return from 1
         */
        public int number() {
            return number;
        }
    }
}

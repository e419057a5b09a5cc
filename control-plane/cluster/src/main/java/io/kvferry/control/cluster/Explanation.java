package io.kvferry.control.cluster;

import java.util.Objects;

/**
 * Why a look-up found what it found.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param reason why the prefix is not longer
 * @param prefixChunks how many chunks the look-up finds
 * @param firstMissing position of the first chunk that it does not find; the number of keys if it finds all
 * @param detail one line for a person, with the nodes and schemes that are there
 * @since 0.1.0
 */
public record Explanation(Reason reason, int prefixChunks, int firstMissing, String detail) {
    /** Checks that nothing is missing. */
    public Explanation {
        Objects.requireNonNull(reason, "reason");
        Objects.requireNonNull(detail, "detail");
    }

    /** Why a prefix is not longer. The numbers are those of the wire and never change. */
    public enum Reason {
        /** All chunks were found. */
        ALL_FOUND(1),
        /** No node is registered. */
        NO_NODE(2),
        /** Nodes are registered, but under other key schemes. */
        OTHER_SCHEME(3),
        /** The keys have another length than those of their scheme. */
        OTHER_KEY_LENGTH(4),
        /** Only nodes that were not heard of lately hold the first missing chunk. */
        SUSPECT_HOLDERS(5),
        /** Only the node that asks holds the first missing chunk. */
        EXCLUDED_HOLDER(6),
        /** Nobody is known to hold the first missing chunk, and not every node has told what it holds. */
        INDEX_INCOMPLETE(7),
        /** Nobody holds the first missing chunk. */
        NOT_HELD(8);

        private final int number;

        Reason(int number) {
            this.number = number;
        }

        /**
         * Returns the reason's number on the wire.
         *
         * @return from 1
         */
        public int number() {
            return number;
        }
    }
}

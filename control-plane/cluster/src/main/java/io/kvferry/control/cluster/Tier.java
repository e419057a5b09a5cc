package io.kvferry.control.cluster;

import java.util.List;

/**
 * Where a holder keeps a chunk, fastest first. The numbers are those of the wire and never change.
 *
 * @since 0.1.0
 */
public enum Tier {
    /** Memory of an accelerator. */
    DEVICE(1),
    /** Main memory. */
    HOST(2),
    /** A disk of the node. */
    DISK(3),
    /** Storage that the node reaches over the network. */
    REMOTE(4);

    private static final List<Tier> ALL = List.of(values());

    private final int number;

    Tier(int number) {
        this.number = number;
    }

    /**
     * Returns the tier's number on every wire.
     *
     * @return from 1
     */
    public int number() {
        return number;
    }

    /** Finds the tier of a number that was checked before. */
    static Tier ofNumber(int number) {
        return ALL.get(number - 1);
    }

    static boolean isNumber(int number) {
        return number >= 1 && number <= ALL.size();
    }

    /** One bit for each tier, the fastest lowest. */
    int bit() {
        return 1 << (number - 1);
    }

    /** The fastest of a set of tiers that is not empty. */
    static Tier fastest(int bits) {
        return ofNumber(Integer.numberOfTrailingZeros(bits) + 1);
    }
}

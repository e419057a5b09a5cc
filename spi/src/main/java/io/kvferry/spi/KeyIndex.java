package io.kvferry.spi;

import java.util.Arrays;

/** Finds the position of a key; keys that rise, the common case, need no table. Immutable. */
final class KeyIndex {
    private final long[] keys;
    /** Open addressing over positions + 1; empty when the keys rise. */
    private final int[] slots;

    private KeyIndex(long[] keys, int[] slots) {
        this.keys = keys;
        this.slots = slots;
    }

    static KeyIndex of(long[] keys) {
        return new KeyIndex(keys, isRising(keys) ? new int[0] : table(keys));
    }

    private static boolean isRising(long[] keys) {
        for (int i = 1; i < keys.length; i++) {
            if (keys[i - 1] >= keys[i]) {
                return false;
            }
        }
        return true;
    }

    private static int[] table(long[] keys) {
        int[] slots = new int[Math.max(4, Integer.highestOneBit(keys.length) * 4)];
        for (int i = 0; i < keys.length; i++) {
            int slot = hash(keys[i]) & slots.length - 1;
            while (slots[slot] != 0) {
                if (keys[slots[slot] - 1] == keys[i]) {
                    throw new TransferException(
                            TransferErrorCode.INVALID_REQUEST,
                            Stage.PREPARE,
                            "block key " + keys[i] + " is used twice, at " + (slots[slot] - 1) + " and " + i);
                }
                slot = slot + 1 & slots.length - 1;
            }
            slots[slot] = i + 1;
        }
        return slots;
    }

    int position(long key) {
        if (slots.length == 0) {
            int found = Arrays.binarySearch(keys, key);
            return found >= 0 ? found : -1;
        }
        int slot = hash(key) & slots.length - 1;
        while (slots[slot] != 0) {
            if (keys[slots[slot] - 1] == key) {
                return slots[slot] - 1;
            }
            slot = slot + 1 & slots.length - 1;
        }
        return -1;
    }

    private static int hash(long key) {
        long mixed = key * 0x9E3779B97F4A7C15L;
        return (int) (mixed ^ mixed >>> 32);
    }
}

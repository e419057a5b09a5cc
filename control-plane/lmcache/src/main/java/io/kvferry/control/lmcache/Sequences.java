package io.kvferry.control.lmcache;

import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;

/** The numbers of the last operations that a worker told, place by place. Externally synchronized. */
final class Sequences {
    static final int MAX_LOCATIONS = 64;

    /** Nothing with a number was heard yet, or since the last full sync. */
    private static final long NOT_COUNTED = 0;

    private final Map<String, Long> last = new HashMap<>();

    /** Whether a place is known, or there is room for another. */
    boolean mayName(String location) {
        return last.containsKey(location) || last.size() < MAX_LOCATIONS;
    }

    /** Takes the next number. Returns the one before it if there is a gap between them. */
    OptionalLong gapBefore(String location, long sequence) {
        long before = last.getOrDefault(location, NOT_COUNTED);
        if (sequence == NOT_COUNTED) {
            last.putIfAbsent(location, NOT_COUNTED); // a generation that does not count
            return OptionalLong.empty();
        }
        last.put(location, sequence);
        return before == NOT_COUNTED || sequence == before + 1 ? OptionalLong.empty() : OptionalLong.of(before);
    }

    /** Whatever comes next is no gap. */
    void restart(String location) {
        last.put(location, NOT_COUNTED);
    }
}

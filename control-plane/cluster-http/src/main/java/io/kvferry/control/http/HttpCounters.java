package io.kvferry.control.http;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;

/** What the HTTP port has seen. Thread-safe. */
final class HttpCounters {
    private static final int CLASSES = 6;

    private final AtomicLongArray answers = new AtomicLongArray(CLASSES);
    private final AtomicInteger connections = new AtomicInteger();
    private final AtomicInteger streams = new AtomicInteger();

    void answered(int status) {
        answers.incrementAndGet(status / 100);
    }

    /** Answers by their class, such as {@code 4xx}. */
    Map<String, Long> answers() {
        Map<String, Long> counts = new TreeMap<>();
        for (int i = 2; i < CLASSES; i++) {
            counts.put(i + "xx", answers.get(i));
        }
        return counts;
    }

    AtomicInteger connections() {
        return connections;
    }

    AtomicInteger streams() {
        return streams;
    }
}

package io.kvferry.backend.nccl;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;

/** Streams and events: work in order, done by one thread that stands for the GPU. Thread-safe. */
final class FakeStreams {
    /** One thing on a stream. */
    interface Work {
        /** Goes on with it; returns true once it is done. Called by the GPU's thread. */
        boolean step();
    }

    private static final class Stream {
        final Queue<Work> queue = new ArrayDeque<>();
        boolean running;
        boolean destroyed;
    }

    private final Map<Long, Stream> streams = new HashMap<>();
    private final Set<Long> events = new HashSet<>();
    private final Map<Long, Integer> pending = new HashMap<>();
    private long last = 0x5000;
    private Runnable onWork = () -> {};

    /** Hears that there is something to do. */
    void onWork(Runnable wake) {
        onWork = wake;
    }

    /** Says that something may go on. */
    void wake() {
        onWork.run();
    }

    synchronized long create() {
        streams.put(++last, new Stream());
        return last;
    }

    synchronized void destroy(long stream) {
        Stream known = find(stream);
        known.destroyed = true;
        if (known.queue.isEmpty() && !known.running) {
            streams.remove(stream);
        }
    }

    private Stream find(long stream) {
        Stream known = streams.get(stream);
        if (known == null || known.destroyed) {
            throw new IllegalStateException("no such stream: " + stream);
        }
        return known;
    }

    synchronized void add(long stream, Work work) {
        find(stream).queue.add(work);
        wake();
    }

    synchronized boolean isIdle(long stream) {
        Stream known = find(stream);
        return known.queue.isEmpty() && !known.running;
    }

    synchronized long createEvent() {
        events.add(++last);
        return last;
    }

    synchronized void destroyEvent(long event) {
        if (!events.remove(event)) {
            throw new IllegalStateException("no such event: " + event);
        }
    }

    synchronized void record(long event, long stream) {
        if (!events.contains(event)) {
            throw new IllegalStateException("no such event: " + event);
        }
        pending.merge(event, 1, Integer::sum);
        find(stream).queue.add(() -> {
            synchronized (this) {
                pending.merge(event, -1, Integer::sum);
            }
            return true;
        });
        wake();
    }

    synchronized boolean hasHappened(long event) {
        if (!events.contains(event)) {
            throw new IllegalStateException("no such event: " + event);
        }
        return pending.getOrDefault(event, 0) == 0;
    }

    synchronized int openStreams() {
        return streams.size();
    }

    /** Lets the head of every stream go on; returns whether anything was done. */
    boolean step() {
        boolean moved = false;
        for (long id : ids()) {
            Work head = head(id);
            if (head != null) {
                boolean done = head.step();
                moved |= done;
                stepped(id, done);
            }
        }
        return moved;
    }

    private synchronized List<Long> ids() {
        return new ArrayList<>(streams.keySet());
    }

    private synchronized Work head(long id) {
        Stream stream = streams.get(id);
        if (stream == null) {
            return null;
        }
        Work head = stream.queue.peek();
        stream.running = head != null;
        return head;
    }

    private synchronized void stepped(long id, boolean done) {
        Stream stream = streams.get(id);
        stream.running = false;
        if (done) {
            stream.queue.remove();
        }
        if (stream.destroyed && stream.queue.isEmpty()) {
            streams.remove(id);
        }
    }
}

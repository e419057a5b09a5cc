package io.kvferry.backend.mooncake;

import io.kvferry.backend.mooncake.adapter.MooncakeAdapter;
import io.kvferry.backend.mooncake.adapter.MooncakeNotification;
import io.kvferry.backend.mooncake.adapter.MooncakeTaskState;
import io.kvferry.backend.mooncake.adapter.MooncakeTasks;
import io.kvferry.conformance.FaultPlan;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * A transfer engine as hostile as the real one: tasks move in any order and are reported late; a batch is BUSY until each of
 * its tasks was asked for in a terminal state, and then sometimes once more; segments are known for ever; WRITEs that are not
 * over TCP are reported before they are down, and only a READ behind them pushes them; a call that would end the process is
 * an {@link AssertionError}.
 *
 * <p>Asks a {@link FaultPlan} at {@code open}, {@code register}, {@code segment}, {@code submit}, {@code notify} (refuse), at
 * {@code task} (refuse fails it, drop leaves it waiting for ever) and at {@code free} (refuse is BUSY).
 */
final class FakeMooncakeAdapter implements MooncakeAdapter {
    private final FakeEngines engines;
    private final String name;
    private final boolean tcp;

    // all guarded by this
    private final TreeMap<Long, Long> registered = new TreeMap<>(Long::compareUnsigned);
    private final List<String> segments = new ArrayList<>();
    private final Map<Long, Batch> batches = new HashMap<>();
    private final Queue<Runnable> posted = new ArrayDeque<>();
    private long lastBatch = 0x7f0000000000L;
    private boolean closed;

    private final Queue<MooncakeNotification> notifications = new ConcurrentLinkedQueue<>();

    FakeMooncakeAdapter(FakeEngines engines, String name, boolean tcp) {
        this.engines = engines;
        this.name = name;
        this.tcp = tcp;
    }

    private static final class Task {
        private final Operation operation;
        private final String peer;
        private final long local;
        private final long remote;
        private final long bytes;
        private final FaultPlan.Action fault;
        private MooncakeTaskState state = MooncakeTaskState.UNDER_WAY;
        private int lag;
        private boolean wasSeen;

        private Task(
                Operation operation,
                String peer,
                long local,
                long remote,
                long bytes,
                FaultPlan.Action fault,
                int lag) {
            this.operation = operation;
            this.peer = peer;
            this.local = local;
            this.remote = remote;
            this.bytes = bytes;
            this.fault = fault;
            this.lag = lag;
        }
    }

    private static final class Batch {
        private final int capacity;
        private final List<Task> tasks = new ArrayList<>();

        private Batch(int capacity) {
            this.capacity = capacity;
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new AssertionError("the process would have crashed: " + name + " is used after it was destroyed");
        }
    }

    @Override
    public String segmentName() {
        return name;
    }

    @Override
    public boolean acknowledgesWrites() {
        return tcp;
    }

    @Override
    public synchronized void registerMemory(long address, long bytes) {
        requireOpen();
        engines.refuse("register", Stage.REGISTER);
        Map.Entry<Long, Long> below = registered.floorEntry(address + bytes - 1);
        if (below != null && below.getKey() + below.getValue() > address) {
            throw new TransferException(TransferErrorCode.ALREADY_EXISTS, Stage.REGISTER, "overlaps (-7)");
        }
        registered.put(address, bytes);
    }

    @Override
    public synchronized void unregisterMemory(long address) {
        requireOpen();
        if (registered.remove(address) == null) {
            throw new AssertionError("memory that is not registered is taken back");
        }
    }

    /** A range must be inside one buffer. */
    private synchronized boolean holds(long address, long bytes) {
        Map.Entry<Long, Long> below = registered.floorEntry(address);
        return !closed && below != null && address + bytes <= below.getKey() + below.getValue();
    }

    int registrations() {
        synchronized (this) {
            return registered.size();
        }
    }

    @Override
    public int openSegment(String peer, boolean fresh) {
        engines.refuse("segment", Stage.PREPARE);
        synchronized (this) {
            requireOpen();
            int known = segments.indexOf(peer);
            if (known >= 0 && !fresh) {
                return known + 1;
            }
            if (engines.find(peer) == null) {
                throw new TransferException(TransferErrorCode.CONNECTION_FAILED, Stage.PREPARE, "nobody is " + peer);
            }
            if (known >= 0) {
                return known + 1;
            }
            segments.add(peer);
            return segments.size();
        }
    }

    @Override
    public synchronized long allocateBatch(int tasks) {
        requireOpen();
        lastBatch += 64;
        batches.put(lastBatch, new Batch(tasks));
        return lastBatch;
    }

    @Override
    public synchronized void submit(long batch, MooncakeTasks tasks) {
        Batch into = inHand(batch);
        engines.refuse("submit", Stage.TRANSFER);
        if (into.tasks.size() + tasks.size() > into.capacity) {
            throw new AssertionError("more tasks than the batch has room for");
        }
        for (int i = 0; i < tasks.size(); i++) {
            into.tasks.add(new Task(
                    tasks.operation(),
                    segments.get(tasks.segment() - 1),
                    tasks.local(i),
                    tasks.remote(i),
                    tasks.bytes(i),
                    engines.faults().next("task"),
                    engines.random(3)));
        }
    }

    private Batch inHand(long batch) {
        requireOpen();
        Batch known = batches.get(batch);
        if (known == null) {
            throw new AssertionError("the process would have crashed: batch " + batch + " is not in hand");
        }
        return known;
    }

    @Override
    public MooncakeTaskState status(long batch, int task) {
        synchronized (this) {
            inHand(batch);
        }
        for (int i = 0; i < 8; i++) {
            step();
        }
        synchronized (this) {
            Task asked = inHand(batch).tasks.get(task);
            if (asked.state == MooncakeTaskState.UNDER_WAY || asked.lag-- > 0) {
                return MooncakeTaskState.UNDER_WAY;
            }
            asked.wasSeen = true;
            return asked.state;
        }
    }

    /** Moves a task on, any of them. */
    private void step() {
        Task moving;
        synchronized (this) {
            List<Task> left = batches.values().stream()
                    .flatMap(batch -> batch.tasks.stream())
                    .filter(task ->
                            task.state == MooncakeTaskState.UNDER_WAY && !(task.fault instanceof FaultPlan.Drop))
                    .toList();
            if (left.isEmpty() || engines.isFrozen()) {
                return;
            }
            moving = left.get(engines.random(left.size()));
        }
        MooncakeTaskState end = move(moving);
        synchronized (this) {
            moving.state = end;
        }
    }

    private MooncakeTaskState move(Task task) {
        FakeMooncakeAdapter peer = engines.find(task.peer);
        if (peer == null) {
            return MooncakeTaskState.FAILED;
        }
        if (task.operation == Operation.READ) {
            peer.push();
        }
        if (task.fault instanceof FaultPlan.Refuse || !holds(task.local, task.bytes)) {
            return MooncakeTaskState.FAILED;
        }
        return peer.exchange(task, tcp) ? MooncakeTaskState.COMPLETED : MooncakeTaskState.FAILED;
    }

    /** At the target: false where the memory is not, or not any more. */
    private synchronized boolean exchange(Task task, boolean atOnce) {
        if (!holds(task.remote, task.bytes)) {
            return false;
        }
        MemorySegment here = at(task.local, task.bytes);
        MemorySegment there = at(task.remote, task.bytes);
        if (task.operation == Operation.READ) {
            here.copyFrom(there);
        } else if (atOnce) {
            there.copyFrom(here);
        } else {
            byte[] onTheWay = here.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
            posted.add(() -> there.copyFrom(MemorySegment.ofArray(onTheWay)));
        }
        return true;
    }

    /** A READ pushes what was written before it. */
    private synchronized void push() {
        for (Runnable write = posted.poll(); write != null; write = posted.poll()) {
            write.run();
        }
    }

    private static MemorySegment at(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    @Override
    public synchronized boolean freeBatch(long batch) {
        Batch freed = inHand(batch);
        boolean busy = freed.tasks.stream().anyMatch(task -> !task.wasSeen);
        if (busy || engines.faults().next("free") instanceof FaultPlan.Refuse || engines.random(8) == 0) {
            return false;
        }
        batches.remove(batch);
        return true;
    }

    synchronized int batchesInHand() {
        return batches.size();
    }

    @Override
    public void notify(int segment, String subject, String text) {
        engines.refuse("notify", Stage.FINISH);
        FakeMooncakeAdapter peer;
        synchronized (this) {
            requireOpen();
            peer = engines.find(segments.get(segment - 1));
        }
        if (peer == null) {
            throw new TransferException(TransferErrorCode.CONTROL_FAILED, Stage.FINISH, "nobody listens");
        }
        peer.notifications.add(new MooncakeNotification(subject, text));
    }

    @Override
    public List<MooncakeNotification> notifications() {
        List<MooncakeNotification> taken = new ArrayList<>();
        for (@Nullable MooncakeNotification each = notifications.poll(); each != null; each = notifications.poll()) {
            taken.add(each);
        }
        return taken;
    }

    /** What had not moved never moves. */
    @Override
    public synchronized void close() {
        requireOpen();
        closed = true;
        batches.clear();
        posted.clear();
        registered.clear();
        engines.forget(name);
    }
}

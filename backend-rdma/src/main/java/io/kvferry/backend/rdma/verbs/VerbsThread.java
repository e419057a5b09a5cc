package io.kvferry.backend.rdma.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that makes native calls on a device's queue pairs. It runs the tasks it is handed, takes completions,
 * and sleeps in {@code poll} when there is neither; it looks for completions a little longer before it sleeps, since
 * waking it costs more than most requests take. Thread-safe, except for the methods that say otherwise.
 */
final class VerbsThread implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(VerbsThread.class);

    /** A notification that got lost in a driver costs this long, and no more. */
    private static final int LONGEST_SLEEP_MILLIS = 1000;

    private static final int LAST_QUEUE_PAIR_EVENT = 7;
    private static final int EVENT_COMMUNICATION_ESTABLISHED = 4;
    private static final int EVENT_DEVICE_FATAL = 8;
    private static final int EVENT_LAST_REQUEST_REACHED = 16;

    private final VerbsDevice device;
    private final Ticker ticker;
    private final long spinNanos;
    private final Queue<Runnable> tasks;
    private final AtomicBoolean sleeping = new AtomicBoolean();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment channel;
    private final int channelFd;
    private final int wakeUpFd;
    private final MemorySegment pollfds = arena.allocate(3 * Posix.POLLFD_BYTES, 8);
    private final MemorySegment captured = arena.allocate(Posix.CAPTURED);
    private final MemorySegment eventQueue = arena.allocate(ADDRESS);
    private final MemorySegment eventContext = arena.allocate(ADDRESS);
    private final MemorySegment asyncEvent = arena.allocate(Abi.EVENT_BYTES, 8);
    private final Thread thread;

    // confined to the thread
    private final List<QueuePair> pairs = new ArrayList<>();
    private final Map<Long, QueuePair> byCompletionQueue = new HashMap<>();
    private final Map<Long, QueuePair> byPair = new HashMap<>();
    private boolean stopping;

    VerbsThread(VerbsDevice device, Ticker ticker, long spinNanos, int taskQueueLength) {
        this.device = device;
        this.ticker = ticker;
        this.spinNanos = spinNanos;
        this.tasks = new ArrayBlockingQueue<>(taskQueueLength);
        this.channel = device.verbs().createChannel.make(device.context()).reinterpret(Abi.CHANNEL_BYTES);
        this.channelFd = channel.get(JAVA_INT, Abi.CHANNEL_FD);
        this.wakeUpFd = Posix.eventFd();
        Posix.nonBlocking(channelFd);
        Posix.nonBlocking(device.asyncFd());
        this.thread = Thread.ofPlatform().name("kvferry-verbs-" + device.name()).daemon().unstarted(this::run);
        thread.start();
    }

    /** Where completion queues of this thread notify. */
    MemorySegment channel() {
        return channel;
    }

    /**
     * Hands work to the thread.
     *
     * @throws TransferException RESOURCE_EXHAUSTED when it has too much already
     */
    void execute(Runnable task) {
        if (!tasks.offer(task)) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED, Stage.SUBMIT, "the RDMA thread has " + tasks.size() + " tasks waiting");
        }
        if (sleeping.get()) {
            Posix.signal(wakeUpFd);
        }
    }

    /** Looks after a queue pair from now on. On the thread only. */
    void add(QueuePair pair) {
        pairs.add(pair);
        byCompletionQueue.put(pair.completionQueueAddress(), pair);
        byPair.put(pair.pairAddress(), pair);
    }

    /** Forgets a queue pair, before it is closed. On the thread only. */
    void remove(QueuePair pair) {
        pairs.remove(pair);
        byCompletionQueue.remove(pair.completionQueueAddress());
        byPair.remove(pair.pairAddress());
    }

    private void run() {
        long idleSince = ticker.nanos();
        while (!stopping) {
            if (work()) {
                idleSince = ticker.nanos();
            } else if (ticker.nanos() - idleSince < spinNanos) {
                Thread.onSpinWait();
            } else {
                sleep();
                idleSince = ticker.nanos();
            }
        }
    }

    /** Runs tasks and takes completions; returns false where there was nothing to do. */
    private boolean work() {
        boolean worked = false;
        Runnable task = tasks.poll();
        while (task != null) {
            worked = true;
            runGuarded(task);
            task = tasks.poll();
        }
        // by index: an owner that hears of a completion may add and remove pairs
        for (int i = 0; i < pairs.size(); i++) {
            QueuePair pair = pairs.get(i);
            worked |= pair.poll() > 0;
        }
        return worked;
    }

    private static void runGuarded(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException e) {
            LOG.error("a task of the RDMA thread failed; the thread goes on", e);
        }
    }

    private void sleep() {
        sleeping.set(true);
        try {
            pairs.forEach(QueuePair::arm);
            // what came before the queues were armed, or before anybody knew that this thread sleeps, wakes nobody
            if (!work()) {
                Posix.await(pollfds, 0, wakeUpFd);
                Posix.await(pollfds, 1, channelFd);
                Posix.await(pollfds, 2, device.asyncFd());
                Posix.poll(pollfds, LONGEST_SLEEP_MILLIS, captured);
            }
        } finally {
            sleeping.set(false);
        }
        Posix.drain(wakeUpFd);
        takeNotifications();
        takeAsyncEvents();
    }

    private void takeNotifications() {
        NativeFunction get = device.verbs().getCqEvent;
        while ((int) get.ask(channel, eventQueue, eventContext) == 0) {
            MemorySegment queue = eventQueue.get(ADDRESS, 0);
            device.verbs().ackCqEvents.ask(queue, 1);
            QueuePair pair = byCompletionQueue.get(queue.address());
            if (pair != null) {
                pair.notified();
            }
        }
    }

    private void takeAsyncEvents() {
        NativeFunction get = device.verbs().getAsyncEvent;
        while ((int) get.ask(device.context(), asyncEvent) == 0) {
            long element = asyncEvent.get(ADDRESS, Abi.EVENT_ELEMENT).address();
            int type = asyncEvent.get(JAVA_INT, Abi.EVENT_TYPE);
            device.verbs().ackAsyncEvent.ask(asyncEvent);
            heard(type, element);
        }
    }

    private void heard(int type, long element) {
        String what = device.name() + ": " + device.verbs().describeEvent(type);
        if (type == EVENT_DEVICE_FATAL) {
            LOG.error("{}; every connection is given up", what);
            pairs.forEach(QueuePair::fail);
            return;
        }
        boolean ofPair = type <= LAST_QUEUE_PAIR_EVENT || type == EVENT_LAST_REQUEST_REACHED;
        QueuePair pair = ofPair ? byPair.get(element) : byCompletionQueue.get(element);
        if (pair == null || type == EVENT_COMMUNICATION_ESTABLISHED) {
            LOG.info("{}", what);
            return;
        }
        LOG.warn("{}, queue pair {}", what, pair.number());
        pair.fail();
    }

    boolean isCurrent() {
        return Thread.currentThread() == thread;
    }

    /** Ends the thread, once all queue pairs are gone, and frees what it waited with. */
    @Override
    public void close() {
        tasks.clear();
        execute(() -> stopping = true);
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        device.verbs().destroyChannel.call("", channel);
        Posix.close(wakeUpFd);
        arena.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}

package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sleeps until a completion queue notifies, the device reports something, or somebody wakes it. Confined to the owner
 * thread, except for {@link #wake}.
 */
@SuppressWarnings("restricted") // native calls are what this package is for
final class CompletionWait implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CompletionWait.class);

    private static final int WAKE_UP = 0;
    private static final int NOTIFICATION = 1;
    private static final int DEVICE = 2;

    private final VerbsDevice device;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment channel;
    private final int wakeUpFd;
    private final MemorySegment pollfds = arena.allocate(3 * Posix.POLLFD_BYTES, 8);
    private final MemorySegment captured = arena.allocate(Posix.CAPTURED);
    private final MemorySegment queue = arena.allocate(ADDRESS);
    private final MemorySegment context = arena.allocate(ADDRESS);
    private final MemorySegment event = arena.allocate(Abi.EVENT_BYTES, 8);

    /** Guards the descriptor that others write to against being closed, and then being another's, under them. */
    private final Object wakeLock = new Object();

    private boolean awake;
    private boolean closed;

    CompletionWait(VerbsDevice device) {
        this.device = device;
        try {
            this.channel = device.verbs().createChannel.make(device.context()).reinterpret(Abi.CHANNEL_BYTES);
        } catch (NativeFailure e) {
            arena.close();
            throw e;
        }
        int channelFd = channel.get(JAVA_INT, Abi.CHANNEL_FD);
        this.wakeUpFd = Posix.eventFd();
        Posix.nonBlocking(channelFd);
        Posix.nonBlocking(device.asyncFd());
        Posix.await(pollfds, WAKE_UP, wakeUpFd);
        Posix.await(pollfds, NOTIFICATION, channelFd);
        Posix.await(pollfds, DEVICE, device.asyncFd());
    }

    MemorySegment channel() {
        return channel;
    }

    /**
     * Sleeps.
     *
     * @param maxNanos the longest sleep, rounded up to a millisecond
     * @param notified hears the address of each completion queue that has notified
     * @param happened hears what the device reports
     */
    void sleep(long maxNanos, LongConsumer notified, Consumer<DeviceEvent> happened) {
        long millis = Math.clamp(TimeUnit.NANOSECONDS.toMillis(maxNanos + 999_999), 0, Integer.MAX_VALUE);
        Posix.poll(pollfds, (int) millis, captured);
        if (Posix.isReadable(pollfds, WAKE_UP)) {
            synchronized (wakeLock) {
                awake = false;
                Posix.drain(wakeUpFd);
            }
        }
        if (Posix.isReadable(pollfds, NOTIFICATION)) {
            takeNotifications(notified);
        }
        if (Posix.isReadable(pollfds, DEVICE)) {
            takeEvents(happened);
        }
    }

    private void takeNotifications(LongConsumer notified) {
        while ((int) device.verbs().getCqEvent.ask(channel, queue, context) == 0) {
            MemorySegment notifying = queue.get(ADDRESS, 0);
            device.verbs().ackCqEvents.ask(notifying, 1);
            notified.accept(notifying.address());
        }
    }

    private void takeEvents(Consumer<DeviceEvent> happened) {
        while ((int) device.verbs().getAsyncEvent.ask(device.context(), event) == 0) {
            int type = event.get(JAVA_INT, Abi.EVENT_TYPE);
            long element = event.get(ADDRESS, Abi.EVENT_ELEMENT).address();
            // acknowledged at once: until then the queue pair it is about cannot be destroyed
            device.verbs().ackAsyncEvent.ask(event);
            DeviceEvent heard = new DeviceEvent(type, element, device.verbs().describeEvent(type));
            LOG.info("{}: {}", device.name(), heard.description());
            happened.accept(heard);
        }
    }

    /** Ends the current or the next sleep. Any thread. */
    void wake() {
        synchronized (wakeLock) {
            if (!awake && !closed) {
                awake = true;
                Posix.signal(wakeUpFd);
            }
        }
    }

    @Override
    public void close() {
        synchronized (wakeLock) {
            closed = true;
            Posix.close(wakeUpFd);
        }
        device.verbs().destroyChannel.call("", channel);
        arena.close();
    }
}

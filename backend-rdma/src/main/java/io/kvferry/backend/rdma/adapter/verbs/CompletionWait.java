package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.kvferry.backend.rdma.adapter.posix.Posix;
import io.kvferry.backend.rdma.adapter.posix.WaitSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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

    private final VerbsDevice device;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment channel;
    private final WaitSet descriptors;
    private final int notification;
    private final int report;
    private final MemorySegment queue = arena.allocate(ADDRESS);
    private final MemorySegment context = arena.allocate(ADDRESS);
    private final MemorySegment event = arena.allocate(Abi.EVENT_BYTES, 8);

    CompletionWait(VerbsDevice device) {
        this.device = device;
        try {
            this.channel = device.verbs().createChannel.make(device.context()).reinterpret(Abi.CHANNEL_BYTES);
        } catch (NativeFailure e) {
            arena.close();
            throw e;
        }
        int channelFd = channel.get(JAVA_INT, Abi.CHANNEL_FD);
        Posix.nonBlocking(channelFd);
        Posix.nonBlocking(device.asyncFd());
        this.descriptors = new WaitSet();
        this.notification = descriptors.add(channelFd);
        this.report = descriptors.add(device.asyncFd());
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
        boolean ignored = descriptors.await(maxNanos);
        if (descriptors.isReadable(notification)) {
            takeNotifications(notified);
        }
        if (descriptors.isReadable(report)) {
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
        descriptors.wake();
    }

    @Override
    public void close() {
        descriptors.close();
        device.verbs().destroyChannel.call("", channel);
        arena.close();
    }
}

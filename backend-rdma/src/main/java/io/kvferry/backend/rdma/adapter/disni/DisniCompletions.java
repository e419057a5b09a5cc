package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.IbvCQ;
import com.ibm.disni.verbs.IbvCompChannel;
import com.ibm.disni.verbs.IbvWC;
import com.ibm.disni.verbs.SVCPollCq;
import com.ibm.disni.verbs.SVCReqNotify;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The completion queue of one queue pair, and the channel of its own by which it notifies: DiSNI does not say which queue of
 * a channel did. Confined to the owner thread.
 */
final class DisniCompletions {
    private static final Logger LOG = LoggerFactory.getLogger(DisniCompletions.class);
    private static final int POLLED_AT_ONCE = 32;

    private final IbvCompChannel channel;
    private final int fd;
    private final IbvCQ queue;
    private final IbvWC[] polled = new IbvWC[POLLED_AT_ONCE];
    private final SVCPollCq poll;
    private final SVCReqNotify requestNotification;
    private boolean armed;

    /**
     * Makes a queue.
     *
     * @param entries that it has room for
     * @throws IOException where the device has no more
     */
    DisniCompletions(DisniDevice device, int entries) throws IOException {
        channel = device.context().createCompChannel();
        fd = DisniDevice.completionFd(channel);
        try {
            queue = device.context().createCQ(channel, entries, 0);
        } catch (IOException e) {
            channel.destroyCompChannel();
            throw e;
        }
        for (int i = 0; i < polled.length; i++) {
            polled[i] = new IbvWC();
        }
        poll = queue.poll(polled, polled.length);
        requestNotification = queue.reqNotification(false);
    }

    IbvCQ queue() {
        return queue;
    }

    /** Becomes readable when it notifies. */
    int fd() {
        return fd;
    }

    /**
     * Takes completions that are there, for {@link #get}.
     *
     * @return how many
     * @throws IOException if the library cannot look
     */
    int poll() throws IOException {
        return poll.execute().getPolls();
    }

    IbvWC get(int index) {
        return polled[index];
    }

    /**
     * Asks for a notification when the next completion comes.
     *
     * @return false if it was asked for before; else what came in the meantime must be polled
     */
    boolean arm() {
        if (armed) {
            return false;
        }
        try {
            var ignored = requestNotification.execute();
            armed = true;
        } catch (IOException e) {
            LOG.warn("completion queue: {}", DisniDevice.text(e)); // the owner's longest sleep bounds the harm
        }
        return armed;
    }

    /** Takes the notification that has come, at once: until then the queue could not be destroyed. */
    void takeNotification() {
        try {
            if (channel.getCqEvent(queue, 0)) {
                queue.ackEvents(1);
                armed = false;
            }
        } catch (IOException e) {
            LOG.warn("completion queue: {}", DisniDevice.text(e));
        }
    }

    /**
     * Destroys it, once no queue pair uses it.
     *
     * @throws IOException if it was before
     */
    void close() throws IOException {
        var ignored = poll.free();
        if (queue.destroyCQ() != 0) {
            throw new IOException("the completion queue is in use");
        }
        channel.destroyCompChannel();
    }
}

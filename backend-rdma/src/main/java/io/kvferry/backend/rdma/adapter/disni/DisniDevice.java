package io.kvferry.backend.rdma.adapter.disni;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import com.ibm.disni.verbs.IbvContext;
import com.ibm.disni.verbs.IbvMr;
import com.ibm.disni.verbs.IbvPd;
import com.ibm.disni.verbs.RdmaCm;
import com.ibm.disni.verbs.RdmaCmEvent;
import com.ibm.disni.verbs.RdmaCmId;
import com.ibm.disni.verbs.RdmaEventChannel;
import com.ibm.disni.verbs.SVCRegMr;
import com.ibm.disni.verbs.impl.NatObject;
import io.kvferry.backend.rdma.adapter.posix.LockedMemory;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The device that an address belongs to, and the listener at that address. Opened by one thread; registration is
 * thread-safe, the rest is the owner thread's.
 */
@SuppressWarnings("restricted") // DiSNI keeps its file descriptors to itself, in the structs of C that it points to
final class DisniDevice {
    private static final Logger LOG = LoggerFactory.getLogger(DisniDevice.class);
    private static final int BACKLOG = 128;

    /** Where struct rdma_event_channel and struct ibv_comp_channel have their descriptor. */
    private static final long EVENT_CHANNEL_FD = 0;

    private static final long COMPLETION_CHANNEL_FD = 8;

    private final RdmaEventChannel channel;
    private final RdmaCmId listener;
    private final IbvContext context;
    private final IbvPd protectionDomain;
    private final InetSocketAddress address;

    private DisniDevice(
            RdmaEventChannel channel,
            RdmaCmId listener,
            IbvContext context,
            IbvPd protectionDomain,
            InetSocketAddress address) {
        this.channel = channel;
        this.listener = listener;
        this.context = context;
        this.protectionDomain = protectionDomain;
        this.address = address;
    }

    /**
     * Opens the device of an address and listens there.
     *
     * @throws TransferException BACKEND_UNAVAILABLE where no device has the address
     */
    static DisniDevice open(RdmaCm manager, InetSocketAddress wanted) {
        RdmaEventChannel channel = null;
        RdmaCmId listener = null;
        try {
            channel = manager.createEventChannel();
            listener = channel.createId(RdmaCm.RDMA_PS_TCP);
            IbvContext context = bind(listener, wanted);
            IbvPd domain = context.allocPd();
            listener.listen(BACKLOG);
            return new DisniDevice(channel, listener, context, domain, (InetSocketAddress) listener.getSource());
        } catch (IOException | RuntimeException e) {
            release(listener, channel);
            throw e instanceof TransferException known
                    ? known
                    : new TransferException(
                            TransferErrorCode.BACKEND_UNAVAILABLE, Stage.OPEN, "opening DiSNI at " + wanted, e);
        }
    }

    private static IbvContext bind(RdmaCmId id, InetSocketAddress wanted) {
        String fix = "; set " + DisniConfigKeys.ADDRESS.name()
                + " to the IPv4 address of a network interface that `rdma link` shows as active";
        if (!(wanted.getAddress() instanceof Inet4Address ip) || ip.isLoopbackAddress() || ip.isAnyLocalAddress()) {
            throw DisniLibrary.unavailable(wanted + " belongs to no RDMA device" + fix, null);
        }
        try {
            id.bindAddr(wanted);
            IbvContext context = id.getVerbs();
            if (context == null) {
                throw DisniLibrary.unavailable(wanted + " belongs to no RDMA device" + fix, null);
            }
            return context;
        } catch (IOException e) {
            throw DisniLibrary.unavailable("cannot listen on " + wanted + ": " + text(e) + fix, e);
        }
    }

    InetSocketAddress address() {
        return address;
    }

    RdmaCmId newId() throws IOException {
        return channel.createId(RdmaCm.RDMA_PS_TCP);
    }

    boolean isListener(@Nullable RdmaCmId id) {
        return listener.equals(id);
    }

    /** Whether a connection would leave through this device, whose memory alone is registered. */
    boolean carries(RdmaCmId id) throws IOException {
        IbvContext other = id.getVerbs();
        return other != null && ((NatObject) other).getObjId() == ((NatObject) context).getObjId();
    }

    IbvContext context() {
        return context;
    }

    IbvPd protectionDomain() {
        return protectionDomain;
    }

    /** The next event of the connection manager, acknowledged; null while there is none. */
    @Nullable
    RdmaCmEvent nextEvent() {
        try {
            return channel.getCmEvent(0);
        } catch (IOException e) {
            LOG.warn("connection manager: {}", text(e));
            return null;
        }
    }

    /** Becomes readable when there is an event. */
    int eventFd() {
        return descriptor(channel, EVENT_CHANNEL_FD);
    }

    /** Becomes readable when a completion queue of this channel notifies. */
    static int completionFd(Object completionChannel) {
        return descriptor(completionChannel, COMPLETION_CHANNEL_FD);
    }

    private static int descriptor(Object struct, long offset) {
        return MemorySegment.ofAddress(((NatObject) struct).getObjId())
                .reinterpret(offset + Integer.BYTES)
                .get(JAVA_INT, offset);
    }

    /**
     * Registers memory.
     *
     * @throws TransferException RESOURCE_EXHAUSTED where no more may be locked
     */
    IbvMr register(long from, int bytes, int access) {
        LockedMemory.read().require(from, bytes);
        try {
            SVCRegMr call = protectionDomain.regMr(from, bytes, access).execute();
            IbvMr registration = call.getMr();
            call.free();
            return registration;
        } catch (IOException e) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.REGISTER,
                    bytes + " bytes: " + text(e) + "; " + LockedMemory.read().explain(),
                    e);
        }
    }

    static void deregister(IbvMr registration) {
        try {
            registration.deregMr().execute().free();
        } catch (IOException e) {
            throw new TransferException(
                    TransferErrorCode.TRANSFER_FAILED, Stage.CLOSE, "deregistering memory: " + text(e), e);
        }
    }

    /** Releases all. What does not let itself be released stays until the process ends. */
    void close() {
        release(listener, null);
        try {
            int left = protectionDomain.deallocPd();
            if (left != 0) {
                LOG.error("DiSNI at {} stays open until this process ends: memory is registered still", address);
            }
        } catch (Exception e) { // what DiSNI declares
            LOG.error("DiSNI at {} stays open until this process ends: {}", address, e.getMessage());
        }
        release(null, channel);
    }

    private static void release(@Nullable RdmaCmId listener, @Nullable RdmaEventChannel channel) {
        try {
            if (listener != null) {
                listener.destroyId();
            }
            if (channel != null) {
                channel.destroyEventChannel();
            }
        } catch (IOException e) {
            LOG.warn("closing DiSNI: {}", text(e));
        }
    }

    /** What DiSNI says, which ends in a line break. */
    static String text(IOException e) {
        return String.valueOf(e.getMessage()).strip();
    }
}

package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * An opened RDMA device with one port of it and one protection domain: what queue pairs and regions are made of.
 * Thread-safe. Closed after all that was made of it.
 */
@SuppressWarnings("restricted") // native calls are what this package is for
final class VerbsDevice implements AutoCloseable {
    private static final Path SYSFS = Path.of("/sys/class/infiniband");

    private final IbVerbs verbs;
    private final String name;
    private final int port;
    private final MemorySegment context;
    private final MemorySegment protectionDomain;
    private final Limits limits;
    private final PortState portState;

    /**
     * What the device can do at most.
     *
     * @param firmware its version
     * @param maxRegionBytes bytes of one region
     * @param maxQueuePairs queue pairs at a time
     * @param maxRequests requests in a queue
     * @param maxSlices slices of local memory in one request
     * @param maxReadsServed reads of one peer that it serves at a time
     * @param maxReadsStarted reads to one peer that it has outstanding
     */
    record Limits(
            String firmware,
            long maxRegionBytes,
            int maxQueuePairs,
            int maxRequests,
            int maxSlices,
            int maxReadsServed,
            int maxReadsStarted) {}

    /**
     * What the port is at the moment of opening.
     *
     * @param active whether packets flow
     * @param mtu largest payload of a packet, as the enum of verbs has it: 1 is 256 bytes, 5 is 4096
     * @param gids size of its table
     * @param maxMessageBytes most bytes of one request
     * @param lid its local id, on InfiniBand
     * @param ethernet whether it is RoCE
     */
    record PortState(boolean active, int mtu, int gids, long maxMessageBytes, int lid, boolean ethernet) {
        int mtuBytes() {
            return 128 << mtu;
        }
    }

    private VerbsDevice(IbVerbs verbs, String name, int port, MemorySegment context, MemorySegment protectionDomain) {
        this.verbs = verbs;
        this.name = name;
        this.port = port;
        this.context = context;
        this.protectionDomain = protectionDomain;
        this.limits = queryLimits();
        this.portState = queryPort();
    }

    /** The names of all devices, in the library's order. */
    static List<String> names(IbVerbs verbs) {
        List<String> names = new ArrayList<>();
        eachDevice(verbs, (device, name) -> {
            names.add(name);
            return false;
        });
        return names;
    }

    /**
     * Opens a device.
     *
     * @param wanted its name, or empty for the first that has an active port of this number
     * @throws TransferException BACKEND_UNAVAILABLE where there is none such; the message names those there are
     */
    static VerbsDevice open(IbVerbs verbs, String wanted, int port) {
        List<String> seen = new ArrayList<>();
        List<VerbsDevice> opened = new ArrayList<>(1);
        eachDevice(verbs, (device, name) -> {
            if (!wanted.isEmpty() && !wanted.equals(name)) {
                seen.add(name);
                return false;
            }
            VerbsDevice candidate = open(verbs, device, name, port);
            if (candidate.portState.active()) {
                opened.add(candidate);
                return true;
            }
            seen.add(name + " (port " + port + " is not active)");
            candidate.close();
            return false;
        });
        if (opened.isEmpty()) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OPEN,
                    "no RDMA device " + (wanted.isEmpty() ? "" : wanted + " ") + "with an active port " + port
                            + "; there are " + seen);
        }
        return opened.getFirst();
    }

    private static VerbsDevice open(IbVerbs verbs, MemorySegment device, String name, int port) {
        MemorySegment context;
        try {
            context = verbs.openDevice.make(device).reinterpret(Abi.CONTEXT_BYTES);
        } catch (NativeFailure e) {
            throw e.as(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OPEN,
                    "device " + name + ": this process needs read and write access to /dev/infiniband/uverbs*");
        }
        try {
            MemorySegment protectionDomain = verbs.allocPd.make(context);
            try {
                return new VerbsDevice(verbs, name, port, context, protectionDomain);
            } catch (RuntimeException e) {
                verbs.deallocPd.call("", protectionDomain);
                throw e;
            }
        } catch (NativeFailure e) {
            verbs.closeDevice.call("", context);
            throw e.as(TransferErrorCode.BACKEND_UNAVAILABLE, Stage.OPEN, "device " + name + " port " + port);
        }
    }

    private interface DeviceVisitor {
        /** Returns true to stop. */
        boolean visit(MemorySegment device, String name);
    }

    private static void eachDevice(IbVerbs verbs, DeviceVisitor visitor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(JAVA_INT);
            MemorySegment list;
            try {
                list = verbs.getDeviceList.make(count);
            } catch (NativeFailure e) {
                throw e.as(
                        TransferErrorCode.BACKEND_UNAVAILABLE,
                        Stage.OPEN,
                        "the kernel has no RDMA; load ib_uverbs and the driver of the device");
            }
            try {
                int devices = count.get(JAVA_INT, 0);
                MemorySegment entries = list.reinterpret(devices * ADDRESS.byteSize());
                for (int i = 0; i < devices; i++) {
                    MemorySegment device = entries.getAtIndex(ADDRESS, i);
                    String name =
                            verbs.getDeviceName.make(device).reinterpret(64).getString(0);
                    if (visitor.visit(device, name)) {
                        return;
                    }
                }
            } finally {
                verbs.freeDeviceList.ask(list);
            }
        }
    }

    private Limits queryLimits() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attr = arena.allocate(Abi.DEVICE_ATTR_BYTES, 8);
            verbs.queryDevice.call(name, context, attr);
            return new Limits(
                    attr.asSlice(Abi.DEVICE_ATTR_FIRMWARE, Abi.FIRMWARE_BYTES).getString(0),
                    attr.get(JAVA_LONG, Abi.DEVICE_ATTR_MAX_MR_SIZE),
                    attr.get(JAVA_INT, Abi.DEVICE_ATTR_MAX_QP),
                    attr.get(JAVA_INT, Abi.DEVICE_ATTR_MAX_QP_WR),
                    attr.get(JAVA_INT, Abi.DEVICE_ATTR_MAX_SGE),
                    attr.get(JAVA_INT, Abi.DEVICE_ATTR_MAX_QP_RD_ATOM),
                    attr.get(JAVA_INT, Abi.DEVICE_ATTR_MAX_QP_INIT_RD_ATOM));
        }
    }

    private PortState queryPort() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attr = arena.allocate(Abi.PORT_ATTR_BYTES, 8);
            verbs.queryPort.call(name + " port " + port, context, (byte) port, attr);
            return new PortState(
                    attr.get(JAVA_INT, Abi.PORT_ATTR_STATE) == Abi.PORT_ACTIVE,
                    attr.get(JAVA_INT, Abi.PORT_ATTR_ACTIVE_MTU),
                    attr.get(JAVA_INT, Abi.PORT_ATTR_GIDS),
                    Integer.toUnsignedLong(attr.get(JAVA_INT, Abi.PORT_ATTR_MAX_MESSAGE)),
                    Short.toUnsignedInt(attr.get(JAVA_SHORT, Abi.PORT_ATTR_LID)),
                    attr.get(JAVA_BYTE, Abi.PORT_ATTR_LINK_LAYER) == Abi.LINK_LAYER_ETHERNET);
        }
    }

    /** The entries of the port's table that are not empty. */
    List<Gid> gids() {
        List<Gid> gids = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Abi.GID_BYTES, 8);
            for (int i = 0; i < portState.gids(); i++) {
                verbs.queryGid.call(name + " index " + i, context, (byte) port, i, bytes);
                Gid gid = new Gid(i, bytes.toArray(JAVA_BYTE), gidType(i));
                if (!gid.isEmpty()) {
                    gids.add(gid);
                }
            }
        }
        return gids;
    }

    private String gidType(int index) {
        Path file = SYSFS.resolve(name).resolve("ports/" + port + "/gid_attrs/types/" + index);
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            return ""; // an empty entry, or a kernel that does not tell
        }
    }

    /** One line for a person. */
    String describe() {
        return "libibverbs, " + name + " port " + port + ", firmware "
                + (limits.firmware().isEmpty() ? "unknown" : limits.firmware()) + ", "
                + (portState.ethernet() ? "Ethernet" : "InfiniBand") + ", packets of " + portState.mtuBytes()
                + " bytes";
    }

    IbVerbs verbs() {
        return verbs;
    }

    String name() {
        return name;
    }

    int port() {
        return port;
    }

    MemorySegment context() {
        return context;
    }

    MemorySegment protectionDomain() {
        return protectionDomain;
    }

    Limits limits() {
        return limits;
    }

    PortState portState() {
        return portState;
    }

    /** A function of the device that C calls inline. */
    MemorySegment function(long offset) {
        return context.get(ADDRESS, offset);
    }

    /** Becomes readable when something happened to the device or to one of its queue pairs. */
    int asyncFd() {
        return context.get(JAVA_INT, Abi.CONTEXT_ASYNC_FD);
    }

    @Override
    public void close() {
        verbs.deallocPd.call(name, protectionDomain);
        verbs.closeDevice.call(name, context);
    }
}

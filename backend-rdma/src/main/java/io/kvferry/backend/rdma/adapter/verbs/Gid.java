package io.kvferry.backend.rdma.adapter.verbs;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/**
 * Where packets for a port go: on Ethernet an IPv6 address, or an IPv4 address mapped into one. Immutable.
 *
 * @param index the place in the port's table
 * @param bytes sixteen bytes; belong to this object
 * @param type what the kernel says it is, such as {@code RoCE v2}; empty where it does not say
 */
@SuppressWarnings("ArrayRecordComponent") // never compared; the array is not handed out to be changed
record Gid(int index, byte[] bytes, String type) {
    static final String ROCE_V2 = "RoCE v2";

    private static final byte[] MAPPED_PREFIX = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1};

    boolean isEmpty() {
        return Arrays.equals(bytes, new byte[Abi.GID_BYTES]);
    }

    boolean isIpv4() {
        return Arrays.equals(bytes, 0, MAPPED_PREFIX.length, MAPPED_PREFIX, 0, MAPPED_PREFIX.length);
    }

    boolean isLinkLocal() {
        return bytes[0] == (byte) 0xfe && (bytes[1] & 0xc0) == 0x80;
    }

    /** The address that this one stands for. */
    InetAddress address() {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalStateException("a GID has " + Abi.GID_BYTES + " bytes, not " + bytes.length, e);
        }
    }

    @Override
    public String toString() {
        return address().getHostAddress() + (type.isEmpty() ? "" : ", " + type) + ", index " + index;
    }
}

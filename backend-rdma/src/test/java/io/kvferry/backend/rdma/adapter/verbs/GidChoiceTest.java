package io.kvferry.backend.rdma.adapter.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import org.junit.jupiter.api.Test;

class GidChoiceTest {
    private static final Gid LINK_LOCAL_V1 = gid(0, "fe80::1", "IB/RoCE v1");
    private static final Gid LINK_LOCAL = gid(1, "fe80::1", Gid.ROCE_V2);
    private static final Gid IPV4_V1 = gid(2, "::ffff:10.0.0.1", "IB/RoCE v1");
    private static final Gid IPV4 = gid(3, "::ffff:10.0.0.1", Gid.ROCE_V2);
    private static final Gid IPV6 = gid(4, "fd00::1", Gid.ROCE_V2);
    private static final Gid OTHER_IPV4 = gid(5, "::ffff:10.0.9.1", Gid.ROCE_V2);
    private static final List<Gid> ALL = List.of(LINK_LOCAL_V1, LINK_LOCAL, IPV4_V1, IPV4, IPV6, OTHER_IPV4);

    private static Gid gid(int index, String address, String type) {
        // InetAddress would make four bytes of a mapped address
        byte[] bytes = address.startsWith("::ffff:") ? mapped(address.substring(7)) : bytes(address);
        return new Gid(index, bytes, type);
    }

    private static byte[] mapped(String ipv4) {
        byte[] bytes = new byte[16];
        bytes[10] = -1;
        bytes[11] = -1;
        System.arraycopy(bytes(ipv4), 0, bytes, 12, 4);
        return bytes;
    }

    private static byte[] bytes(String literal) {
        try {
            return InetAddress.getByName(literal).getAddress();
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    private static Gid choose(List<Gid> gids, int index, String local) throws UnknownHostException {
        return GidChoice.choose(gids, index, local.isEmpty() ? null : InetAddress.getByName(local));
    }

    @Test
    void routedIpv4OfRoceV2IsTakenFirst() throws UnknownHostException {
        assertThat(choose(ALL, -1, "")).isSameAs(IPV4);
    }

    @Test
    void theAddressThatTheNodeIsBoundToComesBeforeAll() throws UnknownHostException {
        assertThat(choose(ALL, -1, "10.0.9.1")).isSameAs(OTHER_IPV4);
        assertThat(choose(ALL, -1, "fd00::1")).isSameAs(IPV6);
    }

    @Test
    void withoutIpv4TheRoutedIpv6IsTakenAndThenTheLinkLocalOne() throws UnknownHostException {
        assertThat(choose(List.of(LINK_LOCAL_V1, LINK_LOCAL, IPV6), -1, "")).isSameAs(IPV6);
        assertThat(choose(List.of(LINK_LOCAL_V1, LINK_LOCAL), -1, "")).isSameAs(LINK_LOCAL);
    }

    @Test
    void aConfiguredIndexIsTakenWhateverItIs() throws UnknownHostException {
        assertThat(choose(ALL, 2, "fd00::1")).isSameAs(IPV4_V1);
    }

    @Test
    void anIndexThatIsEmptyIsRefusedWithWhatThereIs() {
        assertThatThrownBy(() -> choose(ALL, 9, ""))
                .isInstanceOfSatisfying(
                        TransferException.class,
                        e -> assertThat(e.code()).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE))
                .hasMessageContaining("kvferry.rdma.verbs.gid-index=9")
                .hasMessageContaining("10.0.0.1");
    }
}

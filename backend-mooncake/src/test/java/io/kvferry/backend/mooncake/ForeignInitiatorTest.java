package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TargetTransfer;
import java.io.DataInputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Our target towards initiators that are not ours: byte for byte, and when they misbehave. */
@Timeout(60)
class ForeignInitiatorTest {
    private static final int BYTES = 1 << 16;
    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int V2 = 0x80;

    private BackendNode<WireBackend> node;
    private MemorySegment memory;
    private BlockList blocks;
    private Ending ending;
    private TargetTransfer lease;
    private Segment segment;

    @BeforeEach
    void open() throws Exception {
        node = BackendNode.wire(BackendConfig.DEFAULTS);
        memory = node.memory(BYTES, 3);
        blocks = BackendNode.blocks(memory, BYTES / 4);
        ending = new Ending(4);
        lease = node.offer(Operation.WRITE, blocks, ForeignPeers.anybodyToReadAndWrite(), ending);
        segment = segment();
    }

    @AfterEach
    void close() {
        lease.finish(BackendNode.soon());
        node.close();
    }

    private Segment segment() throws IOException {
        return Messages.segment(handshake("03 00 00 00 00 00 00 00 01 7b 7d"), "our segment");
    }

    /** Sends a frame and returns the JSON of the reply. */
    private byte[] handshake(String hex) throws IOException {
        byte[] reply = exchange(hex);
        return Arrays.copyOfRange(reply, 9, reply.length);
    }

    /** Sends bytes to the handshake port and returns all that comes until it closes its half. */
    private byte[] exchange(String hex) throws IOException {
        try (Socket socket = socket(HostPort.parse(node.backend.segmentName()).port())) {
            socket.getOutputStream().write(Hex.bytes(hex));
            return readToEnd(socket);
        }
    }

    private static Socket socket(int port) throws IOException {
        Socket socket = new Socket("127.0.0.1", port);
        socket.setSoTimeout(20_000);
        return socket;
    }

    private static byte[] readToEnd(Socket socket) throws IOException {
        try {
            return socket.getInputStream().readAllBytes();
        } catch (SocketException reset) {
            return new byte[0];
        }
    }

    private long base() {
        return segment.buffers().getFirst().address();
    }

    private static byte[] header(int opcode, long address, long size) {
        byte[] header = new byte[24];
        ByteBuffer.wrap(header)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(size)
                .putLong(address)
                .put((byte) opcode)
                .put("garbage".getBytes(StandardCharsets.US_ASCII)); // as native peers, which do not set their padding
        return header;
    }

    private Socket data() throws IOException {
        return socket(segment.dataPort());
    }

    private static String status(Socket socket) throws IOException {
        return Hex.of(socket.getInputStream().readNBytes(8));
    }

    @Test
    void foreign_probeIsAnsweredByTheGoldenBytes() throws IOException {
        byte[] reply = exchange("04 00 00 00 00 00 00 00 | 03 | 7b 7d 0a");
        assertThat(Hex.of(reply)).startsWith("16 00 00 00 00 00 00 00 03");
        assertThat(new String(reply, 9, reply.length - 9, StandardCharsets.UTF_8))
                .isEqualTo("{\"status\":\"success\"}\n");
    }

    @Test
    void foreign_segmentListsWhatIsOfferedToAnybodyBlockByBlock() {
        assertThat(segment.buffers()).hasSize(4).allMatch(buffer -> buffer.length() == BYTES / 4);
        assertThat(segment.name()).isEqualTo(node.backend.segmentName());
        assertThat(segment.protocolVersion()).isEqualTo(2);
        assertThat(segment.incarnation()).isNotEmpty();
        assertThat(base()).as("no address of the process leaves it").isNotEqualTo(memory.address());
    }

    @Test
    void foreign_segmentIsAnsweredWhateverTheRequestSaysOfItsSender() throws IOException {
        byte[] empty = exchange("05 00 00 00 00 00 00 00 01 6e 75 6c 6c"); // null
        assertThat(Messages.segment(Arrays.copyOfRange(empty, 9, empty.length), "ours"))
                .isEqualTo(segment);
    }

    @Test
    void foreign_messageWithoutTypeIsAnsweredWithoutTypeAndRefused() throws IOException {
        byte[] reply = exchange("03 00 00 00 00 00 00 00 7b 7d 0a");
        assertThat(new String(reply, 8, reply.length - 8, StandardCharsets.UTF_8))
                .startsWith("{\"local_nic_path\"");
        assertThat(Messages.strings(Arrays.copyOfRange(reply, 8, reply.length), "reply"))
                .containsKey("reply_msg");
    }

    @Test
    void foreign_notificationThatNobodyHearsIsRefused() throws IOException {
        byte[] json = handshake("1f 00 00 00 00 00 00 00 02" + hexOf("{\"name\":\"a\",\"notify_msg\":\"b\"}\n"));
        assertThat(Messages.strings(json, "reply")).containsEntry("notify_msg", "");
    }

    private static String hexOf(String text) {
        return Hex.of(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void foreign_handshakesThatMakeNoSenseAreClosedWithoutReply() throws IOException {
        for (String hex : List.of(
                "00 00 00 00 00 00 00 00",
                "00 00 00 08 00 00 00 00",
                "ff ff ff ff ff ff ff ff",
                "04 00 00 00 00 00 00 00 03 7b 7b 7b",
                hexOf("GET / HTTP/1.1\r\n\r\n"))) {
            assertThat(exchange(hex)).as(hex).isEmpty();
        }
        assertThat(node.backend.refused()).isEqualTo(5);
        assertThat(segment()).isEqualTo(segment);
    }

    @Test
    void foreign_silentHandshakesHoldUpNobody() throws IOException {
        List<Socket> silent = new ArrayList<>();
        try {
            for (int i = 0; i < 100; i++) {
                Socket socket =
                        socket(HostPort.parse(node.backend.segmentName()).port());
                socket.getOutputStream().write(new byte[i % 9]);
                silent.add(socket);
            }
            assertThat(segment()).isEqualTo(segment);
        } finally {
            for (Socket socket : silent) {
                socket.close();
            }
        }
    }

    @Test
    void foreign_writeAndReadOfBothGenerationsArePipelinedOnOneConnection() throws IOException {
        byte[] payload = node.memory(BYTES, 9).toArray(ValueLayout.JAVA_BYTE);
        try (Socket socket = data()) {
            var out = socket.getOutputStream();
            out.write(header(WRITE | V2, base(), BYTES));
            out.write(payload);
            out.write(header(READ | V2, base() + 100, 1000));
            out.write(header(WRITE, base() + 1, 3));
            out.write(new byte[] {1, 2, 3});
            out.write(header(READ, base(), 5));
            out.write(header(0x82, base(), 4)); // an opcode that nobody knows is a READ
            DataInputStream in = new DataInputStream(socket.getInputStream());
            assertThat(status(socket)).isEqualTo(ScriptedTarget.OK);
            assertThat(status(socket)).isEqualTo(ScriptedTarget.OK);
            assertThat(in.readNBytes(1000)).isEqualTo(Arrays.copyOfRange(payload, 100, 1100));
            assertThat(in.readNBytes(5)).containsExactly(payload[0], 1, 2, 3, payload[4]);
            assertThat(status(socket)).isEqualTo(ScriptedTarget.OK);
            assertThat(in.readNBytes(4)).containsExactly(payload[0], 1, 2, 3);
        }
        assertThat(memory.asSlice(4).mismatch(MemorySegment.ofArray(payload).asSlice(4)))
                .isEqualTo(-1);
    }

    @Test
    void foreign_requestsOutsideTheLeaseAreRejectedAndChangeNothing() throws IOException {
        byte[] before = memory.toArray(ValueLayout.JAVA_BYTE);
        for (long[] range : new long[][] {
            {0x1000, 16},
            {memory.address(), 16},
            {base() + BYTES - 10, 20},
            {base() - 1, 2},
            {base(), 0},
            {base(), BYTES + 1},
            {-1, 16},
            {base(), -16}
        }) {
            for (int opcode : new int[] {READ | V2, WRITE | V2}) {
                try (Socket socket = data()) {
                    socket.getOutputStream().write(header(opcode, range[0], range[1]));
                    assertThat(status(socket)).isEqualTo(ScriptedTarget.REJECTED);
                }
                try (Socket socket = data()) {
                    socket.getOutputStream().write(header(opcode & ~V2, range[0], range[1]));
                    assertThat(readToEnd(socket)).isEmpty();
                }
            }
        }
        assertThat(memory.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(before);
    }

    @Test
    void foreign_leaseThatHasEndedIsOutOfReachAndOutOfTheSegment() throws IOException {
        try (Socket socket = data()) {
            lease.seal();
            socket.getOutputStream().write(header(WRITE | V2, base(), 4));
            socket.getOutputStream().write(new byte[4]);
            assertThat(status(socket)).isEqualTo(ScriptedTarget.REJECTED);
        }
        assertThat(segment().buffers()).isEmpty();
    }

    @Test
    void foreign_leaseAllowsTheOperationOfItsPlanOnly() throws IOException {
        MemorySegment source = node.memory(4096, 5);
        TargetTransfer readable =
                node.offer(Operation.READ, BackendNode.blocks(source, 4096), ForeignPeers.anybody(), new Ending(1));
        long address = segment().buffers().get(4).address();
        try (Socket socket = data()) {
            socket.getOutputStream().write(header(WRITE | V2, address, 4));
            socket.getOutputStream().write(new byte[4]);
            socket.getOutputStream().write(header(READ | V2, address, 4));
            assertThat(status(socket)).isEqualTo(ScriptedTarget.REJECTED);
            assertThat(status(socket)).isEqualTo(ScriptedTarget.OK);
            assertThat(socket.getInputStream().readNBytes(4))
                    .isEqualTo(source.asSlice(0, 4).toArray(ValueLayout.JAVA_BYTE));
        }
        readable.finish(BackendNode.soon());
    }

    @Test
    void foreign_bodyThatStopsKeepsItsMemoryInQuarantineUntilItIsFenced() throws Exception {
        try (Socket socket = data()) {
            socket.getOutputStream().write(header(WRITE | V2, base(), BYTES));
            socket.getOutputStream().write(new byte[] {42});
            BackendNode.await(() -> memory.get(ValueLayout.JAVA_BYTE, 0) == 42);
            Quiescence answer = lease.finish(BackendNode.soon());
            node.backend.reset(new ResetScope.Instance(), BackendNode.soon());
            if (answer == Quiescence.QUARANTINED) {
                ending.awaitQuiesced();
            }
            assertThat(readToEnd(socket)).isEmpty();
        }
    }

    @Test
    void foreign_tenThousandBuffersArePublishedTogether() throws IOException {
        BlockList many = BackendNode.blocks(node.memory(10_000 * 64, 1), 64);
        TargetTransfer published = node.offer(Operation.READ, many, ForeignPeers.anybody(), new Ending(many.size()));
        assertThat(segment().buffers()).hasSize(10_004);
        published.finish(BackendNode.soon());
        assertThat(segment().buffers()).hasSize(4);
    }

    @Test
    void foreign_connectionPerRequestIsServedAsNativePeersWithoutPoolNeed() throws IOException {
        for (int i = 0; i < 200; i++) {
            try (Socket socket = data()) {
                socket.getOutputStream().write(header(READ | V2, base() + i, 1));
                assertThat(status(socket)).isEqualTo(ScriptedTarget.OK);
                assertThat(socket.getInputStream().read()).isEqualTo(memory.get(ValueLayout.JAVA_BYTE, i) & 0xFF);
            }
        }
    }
}

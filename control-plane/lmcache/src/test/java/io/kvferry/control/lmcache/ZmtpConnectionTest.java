package io.kvferry.control.lmcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ProtocolException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/** The client's side of ZMTP against bytes that are written out here, and against a library's sockets. */
@Timeout(180)
class ZmtpConnectionTest {
    private static final int MAX_FRAME = 100_000;
    private static final String GREETING = "ff00000000000000017f" + "0300" + "4e554c4c" + "00".repeat(48);
    private static final String READY_REP = "0419" + "055245414459" + "0b536f636b65742d54797065" + "00000003524550";

    private final ZmtpConnection connection = new ZmtpConnection(SocketType.REQ, MAX_FRAME);
    private ServerSocket server;
    private PeerAddress address;

    @BeforeEach
    void listen() throws IOException {
        server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        address = new PeerAddress("127.0.0.1", server.getLocalPort());
    }

    @AfterEach
    void close() throws IOException {
        connection.close();
        server.close();
    }

    private static Deadline patience() {
        return Deadline.after(Duration.ofSeconds(60));
    }

    private static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex.replace(" ", ""));
    }

    /** A peer that says all of it at once, whatever it is told, and returns its socket. */
    private Socket peer(byte[]... said) throws IOException {
        CompletableFuture<Socket> accepted = CompletableFuture.supplyAsync(() -> {
            try {
                Socket peer = server.accept();
                ByteArrayOutputStream all = new ByteArrayOutputStream();
                for (byte[] part : said) {
                    all.writeBytes(part);
                }
                peer.getOutputStream().write(all.toByteArray());
                return peer;
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        String type = connection.connect(address, patience());
        assertThat(type).isEqualTo("REP");
        return accepted.join();
    }

    @Test
    void bytesOfARequestAreThoseOfTheRfc() throws Exception {
        try (Socket peer = peer(bytes(GREETING), bytes(READY_REP), bytes("0100" + "00026f6b"))) {
            connection.send(new byte[0], "hi".getBytes(StandardCharsets.US_ASCII));

            String expected = GREETING.replace("ff00000000000000017f", "ff00000000000000007f") + "0419" + "055245414459"
                    + "0b536f636b65742d54797065" + "00000003524551" + "0100" + "00026869";
            assertThat(peer.getInputStream().readNBytes(expected.length() / 2))
                    .asHexString()
                    .isEqualToIgnoringCase(expected);
            assertThat(connection.receive(patience())).asString().isEqualTo("ok");
        }
    }

    @Test
    void longFramesGoBothWaysAndPingsAreAnswered() throws Exception {
        byte[] large = new byte[MAX_FRAME];
        large[MAX_FRAME - 1] = 7;
        byte[] head = ByteBuffer.allocate(9).put((byte) 2).putLong(MAX_FRAME).array();
        try (Socket peer = peer(
                bytes(GREETING), bytes(READY_REP), bytes("0409 0450494e47 000a 7879"), bytes("0100"), head, large)) {
            assertThat(connection.receive(patience())).isEqualTo(large);
            byte[] ignored = peer.getInputStream().readNBytes(64);
            assertThat(peer.getInputStream().readNBytes(9)).asHexString().isEqualToIgnoringCase("040704504f4e477879");

            connection.send(large);
            assertThat(peer.getInputStream().readNBytes(2 + 25)).hasSize(27);
            assertThat(peer.getInputStream().readNBytes(9)).isEqualTo(head);
            assertThat(peer.getInputStream().readNBytes(MAX_FRAME)).isEqualTo(large);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "00026f, hangs up",
        "0200000000000186a1, a frame of 100001 bytes",
        "02ffffffffffffffff, a frame of 18446744073709551615 bytes",
        "060000000000001001, a frame of 4097 bytes",
        "0502, none of ZeroMQ's",
        "4854, none of ZeroMQ's"
    })
    void framesThatAreNoneEndIt(String hex, String message) throws Exception {
        try (Socket peer = peer(bytes(GREETING), bytes(READY_REP), bytes(hex))) {
            peer.shutdownOutput();
            assertThatExceptionOfType(IOException.class)
                    .isThrownBy(() -> connection.receive(patience()))
                    .withMessageContaining(message)
                    .isInstanceOfAny(ProtocolException.class, EOFException.class);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "ff00000000000000017f0100, protocol 3",
        "485454502f312e3120343030, protocol 3",
        "ff00000000000000017f0300435552564500, mechanism CURVE"
    })
    void whoIsNoPeerIsRefused(String hex, String message) {
        byte[] greeting = bytes(hex + "00".repeat(64 - hex.length() / 2));
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> peer(greeting))
                .withMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource({
        "0406 054552524f52, refuses to talk",
        "0406 055245414459, what kind of socket",
        "0407 055245414459 0b, cut off",
        "0416 055245414459 0b536f636b65742d54797065 7fffffff, cut off",
        "0406 ff5245414459, cut off"
    })
    void handshakesThatAreNoneAreRefused(String hex, String message) {
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> peer(bytes(GREETING), bytes(hex)))
                .withMessageContaining(message);
    }

    @Test
    void whoSaysNothingIsWaitedForUntilTheDeadline() {
        assertThatExceptionOfType(SocketTimeoutException.class)
                .isThrownBy(() -> connection.connect(address, Deadline.after(Duration.ofMillis(100))));
    }

    @Test
    void closingEndsWhoWaits() throws Exception {
        try (Socket peer = peer(bytes(GREETING), bytes(READY_REP))) {
            CompletableFuture<Throwable> end = new CompletableFuture<>();
            Thread reader = Thread.ofVirtual().start(() -> {
                try {
                    byte[] unexpected = connection.receive(patience());
                    end.complete(new AssertionError("received " + unexpected.length));
                } catch (IOException e) {
                    end.complete(e);
                }
            });
            assertThat(peer.isConnected()).isTrue();
            connection.close();

            assertThat(end.get(60, TimeUnit.SECONDS)).isInstanceOf(SocketException.class);
            assertThat(reader.join(Duration.ofSeconds(60))).isTrue();
        }
    }

    @Test
    void aLibrarysSocketIsHeardAndAnswers() throws Exception {
        try (ZContext context = new ZContext()) {
            ZMQ.Socket replies = context.createSocket(SocketType.REP);
            int port = replies.bindToRandomPort("tcp://127.0.0.1");
            assertThat(connection.connect(new PeerAddress("127.0.0.1", port), patience()))
                    .isEqualTo("REP");
            for (int size : new int[] {1, 255, 256, MAX_FRAME}) {
                connection.send(new byte[0], new byte[size]);
                assertThat(replies.recv()).hasSize(size);
                assertThat(replies.send(new byte[size])).isTrue();
                assertThat(connection.receive(patience())).hasSize(size);
            }
        }
    }
}

package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.spi.TransferErrorCode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the proxy does to bytes between two plain sockets. */
class FaultProxyTest {
    private static final int TIMEOUT_MILLIS = 20_000;

    private final FaultPlan plan = FaultPlan.seeded(1);
    private final FakeTicker ticker = new FakeTicker();
    private ServerSocket listener;
    private FaultProxy proxy;
    private Socket client;
    private Socket server;

    @BeforeEach
    void listen() throws IOException {
        listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        listener.setSoTimeout(TIMEOUT_MILLIS);
        proxy = FaultProxy.to((InetSocketAddress) listener.getLocalSocketAddress(), plan, ticker);
    }

    private void connect() throws IOException {
        dial();
        server = listener.accept();
        server.setSoTimeout(TIMEOUT_MILLIS);
    }

    private void dial() throws IOException {
        client = new Socket(proxy.address().getAddress(), proxy.address().getPort());
        client.setSoTimeout(TIMEOUT_MILLIS);
    }

    @AfterEach
    void close() throws IOException {
        proxy.close();
        listener.close();
        if (client != null) {
            client.close();
        }
        if (server != null) {
            server.close();
        }
    }

    private static byte[] bytes(int count) {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) i;
        }
        return bytes;
    }

    private byte[] arrived(int count) throws IOException {
        return server.getInputStream().readNBytes(count);
    }

    @Test
    void withoutAFaultEverythingPassesBothWaysAndEndsInGoodOrder() throws IOException {
        connect();
        CompletableFuture<byte[]> there =
                Await.start(() -> server.getInputStream().readAllBytes());
        client.getOutputStream().write(bytes(500_000));
        client.shutdownOutput();
        assertThat(Await.get("what arrives", there)).isEqualTo(bytes(500_000));
        server.getOutputStream().write(bytes(10));
        server.close();
        assertThat(client.getInputStream().readAllBytes()).isEqualTo(bytes(10));
    }

    @Test
    void aByteIsInvertedWhereThePlanSaysSo() throws IOException {
        plan.on("socket.forth", 700, Action.CORRUPT);
        connect();
        client.getOutputStream().write(bytes(1000));
        byte[] expected = bytes(1000);
        expected[699] = (byte) ~expected[699];
        assertThat(arrived(1000)).isEqualTo(expected);
    }

    @Test
    void eachDirectionCountsItsOwnBytes() throws IOException {
        plan.on("socket.back", 2, Action.CORRUPT);
        connect();
        client.getOutputStream().write(bytes(10));
        assertThat(arrived(10)).isEqualTo(bytes(10));
        server.getOutputStream().write(bytes(3));
        assertThat(client.getInputStream().readNBytes(3)).containsExactly(0, ~1, 2);
    }

    @Test
    void aConnectionIsCutBeforeAByteInGoodOrder() throws IOException {
        plan.on("socket.forth", 501, Action.HALF);
        connect();
        client.getOutputStream().write(bytes(1000));
        assertThat(server.getInputStream().readAllBytes()).isEqualTo(Arrays.copyOf(bytes(1000), 500));
        assertThat(client.getInputStream().read()).isEqualTo(-1);
    }

    @Test
    void aDirectionIsClosedAndTheOtherGoesOn() throws IOException {
        plan.on("socket.forth", 11, Action.HALF_CLOSE);
        connect();
        client.getOutputStream().write(bytes(20));
        assertThat(server.getInputStream().readAllBytes()).isEqualTo(bytes(10));
        server.getOutputStream().write(7);
        assertThat(client.getInputStream().read()).isEqualTo(7);
    }

    @Test
    void aConnectionIsResetInsteadOfAByte() throws IOException {
        plan.on("socket.forth", 1, Action.DIE);
        connect();
        client.getOutputStream().write(1);
        assertThatThrownBy(() -> server.getInputStream().read()).isInstanceOf(SocketException.class);
        assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketException.class);
    }

    @Test
    void bytesAreSwallowedFromOneOn() throws IOException {
        plan.on("socket.forth", 6, Action.DROP);
        connect();
        client.getOutputStream().write(bytes(10));
        assertThat(arrived(5)).isEqualTo(bytes(5));
        client.shutdownOutput();
        server.getOutputStream().write(7);
        assertThat(client.getInputStream().read()).as("the other way goes on").isEqualTo(7);
        assertThat(server.getInputStream().available()).isZero();
    }

    @Test
    void bytesComeLaterOnTheClockOfTheTest() throws IOException {
        plan.on("socket.forth", 6, Action.delay(Duration.ofSeconds(3)));
        connect();
        client.getOutputStream().write(bytes(10));
        assertThat(arrived(5)).isEqualTo(bytes(5));
        Await.until("they wait", () -> ticker.pendingTasks() == 1);
        ticker.advance(Duration.ofSeconds(3));
        assertThat(arrived(5)).containsExactly(5, 6, 7, 8, 9);
    }

    @Test
    void bytesWaitForAGate() throws IOException {
        Gate gate = new Gate();
        plan.on("socket.forth", 1, Action.freeze(gate));
        connect();
        client.getOutputStream().write(bytes(10));
        gate.awaitArrival();
        gate.open();
        assertThat(arrived(10)).isEqualTo(bytes(10));
    }

    @Test
    void bytesTrickle() throws IOException {
        plan.on("socket.forth", 1, Action.throttle(1000));
        connect();
        client.getOutputStream().write(bytes(101));
        CompletableFuture<byte[]> all = Await.start(() -> arrived(101));
        for (int step = 0; step < 9; step++) {
            Await.until("the next ten wait", () -> ticker.pendingTasks() == 1);
            assertThat(all).isNotDone();
            ticker.advance(Duration.ofMillis(10));
        }
        assertThat(Await.get("all of them", all)).isEqualTo(bytes(101));
    }

    @Test
    void aConnectionIsRefusedOrNeverAnswered() throws IOException {
        plan.onNext("socket.connect", Action.refuse(TransferErrorCode.CONNECTION_FAILED));
        dial();
        assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketException.class);
        client.close();
        plan.onNext("socket.connect", Action.DROP);
        dial();
        client.getOutputStream().write(1);
        Await.until("it has come", () -> plan.occurrences("socket.connect") == 2);
        assertThat(plan.occurrences("socket.forth")).isZero();
    }

    @Test
    void theSameSeedDamagesTheSameBytes() {
        FaultPlan one = FaultPlan.seeded(5).sometimes("socket.forth", 0.01, Action.CORRUPT);
        FaultPlan other = FaultPlan.seeded(5).sometimes("socket.forth", 0.01, Action.CORRUPT);
        int damaged = 0;
        for (int left = 10_000; left > 0; ) {
            FaultRules.Hit hit = one.next("socket.forth", left);
            assertThat(other.next("socket.forth", left)).isEqualTo(hit);
            boolean passes = hit.action() instanceof FaultPlan.Pass;
            damaged += passes ? 0 : 1;
            left -= hit.untouched() + (passes ? 0 : 1);
        }
        assertThat(damaged).isBetween(40, 200);
    }
}

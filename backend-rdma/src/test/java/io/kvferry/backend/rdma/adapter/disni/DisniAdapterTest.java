package io.kvferry.backend.rdma.adapter.disni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.ArgumentMatchers.argThat;
import static org.mockito.ArgumentMatchers.eq;
import static org.mockito.Mockito.inOrder;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.never;
import static org.mockito.Mockito.times;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.verifyNoMoreInteractions;
import static org.mockito.Mockito.when;

import com.ibm.disni.verbs.IbvContext;
import com.ibm.disni.verbs.IbvSendWR;
import com.ibm.disni.verbs.IbvWC.IbvWcStatus;
import com.ibm.disni.verbs.RdmaCmEvent.EventType;
import com.ibm.disni.verbs.RdmaCmId;
import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.backend.rdma.adapter.disni.MockedDisni.Pair;
import io.kvferry.backend.rdma.adapter.disni.MockedDisni.Posted;
import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.mockito.ArgumentCaptor;
import org.mockito.InOrder;

/** The adapter's own logic over mocks of DiSNI's objects; nothing native runs here. */
class DisniAdapterTest {
    private static final InetSocketAddress THERE = new InetSocketAddress("10.77.0.2", 7002);
    private static final int SUCCESS = 0;
    private static final int FLUSHED = 5;
    private static final int DENIED = 10;

    private final FakeTicker ticker = new FakeTicker();
    private final RdmaEvents events = mock(RdmaEvents.class);
    private final Arena arena = Arena.ofShared();
    private MockedDisni disni;
    private DisniAdapter adapter;

    @BeforeEach
    void open() throws IOException {
        disni = new MockedDisni();
        adapter = open(BackendConfig.DEFAULTS.with(DisniConfigKeys.SEND_DEPTH, 194), "10.77.0.1");
    }

    @AfterEach
    void close() {
        arena.close();
    }

    private DisniAdapter open(BackendConfig config, String host) {
        return DisniAdapter.open(
                disni.manager,
                config,
                new BackendEnvironment(new PeerIdentity("here", 1), ticker, ticker.scheduler(), host, host));
    }

    private void turn() {
        while (adapter.progress()) {
            // until nothing happens
        }
    }

    private RdmaConnection dial() {
        RdmaConnection half = adapter.connect(DisniAddress.encode(THERE), events);
        DisniToken token = DisniHello.decode(half.hello()).token();
        half.establish(new DisniHello(token, 0xF1005, 77).encode());
        return half;
    }

    private RdmaCmId dialed() {
        return disni.ids.getLast();
    }

    private RdmaConnection connected() {
        RdmaConnection half = dial();
        disni.happens(EventType.RDMA_CM_EVENT_ADDR_RESOLVED, dialed());
        disni.happens(EventType.RDMA_CM_EVENT_ROUTE_RESOLVED, dialed());
        disni.happens(EventType.RDMA_CM_EVENT_ESTABLISHED, dialed());
        turn();
        disni.completes(pair(), SUCCESS); // the token
        turn();
        return half;
    }

    private Pair pair() {
        return disni.pairs.getLast();
    }

    private RdmaMemory memory() {
        return adapter.register(MemoryRegion.host(arena.allocate(65_536, 4096)), Deadline.after(Duration.ofSeconds(1)));
    }

    private static byte[] key(int... keys) {
        return DisniRemoteKey.encode(new DisniPieces(20_000, keys));
    }

    private static RdmaBatch batch(Operation operation, RdmaMemory memory, RdmaRemoteKey key, int size) {
        RdmaBatch batch = mock(RdmaBatch.class);
        when(batch.operation()).thenReturn(operation);
        when(batch.size()).thenReturn(size);
        when(batch.local(anyInt())).thenReturn(memory);
        when(batch.localAddress(anyInt())).thenAnswer(call -> 10_000L + call.<Integer>getArgument(0));
        when(batch.remote(anyInt())).thenReturn(key);
        when(batch.remoteAddress(anyInt())).thenAnswer(call -> 20_000L + call.<Integer>getArgument(0));
        when(batch.length(anyInt())).thenReturn(4096L);
        return batch;
    }

    @Test
    void anAddressOfNoDeviceIsRefusedWithTheKeyToSet() throws IOException {
        for (String host : List.of("127.0.0.1", "0.0.0.0", "::1")) {
            TransferException refusal =
                    catchThrowableOfType(TransferException.class, () -> open(BackendConfig.DEFAULTS, host));
            assertThat(refusal.code()).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE);
            assertThat(refusal).hasMessageContaining("kvferry.rdma.disni.address");
        }
        RdmaCmId ofNoDevice = mock(RdmaCmId.class);
        when(disni.channel.createId((short) 0x0106)).thenReturn(ofNoDevice);
        TransferException refusal =
                catchThrowableOfType(TransferException.class, () -> open(BackendConfig.DEFAULTS, "10.1.1.1"));
        assertThat(refusal.code()).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE);
        verify(ofNoDevice).destroyId();
    }

    @Test
    void itSaysWhereItListensAndWhatItIs() {
        assertThat(DisniAddress.decode(adapter.address())).isEqualTo(MockedDisni.HERE);
        assertThat(adapter.info().provider()).isEqualTo("disni");
        assertThat(adapter.info().isolation()).isEqualTo(Isolation.REGION);
    }

    @Test
    void aConnectionIsMadeWithRetriesAndBeginsWithItsToken() throws IOException {
        RdmaConnection half = dial();
        verify(dialed()).resolveAddr(any(), eq(THERE), eq(5000));
        disni.happens(EventType.RDMA_CM_EVENT_ADDR_RESOLVED, dialed());
        turn();
        verify(dialed()).resolveRoute(5000);
        disni.happens(EventType.RDMA_CM_EVENT_ROUTE_RESOLVED, dialed());
        turn();
        verify(dialed())
                .connect(argThat(
                        parameters -> parameters.getRetry_count() == 6 && parameters.getRnr_retry_count() == 7));
        verify(events, never()).connected();
        disni.happens(EventType.RDMA_CM_EVENT_ESTABLISHED, dialed());
        turn();
        verify(events).connected();
        Posted first = pair().posted().getFirst();
        assertThat(first.opcode()).isEqualTo(IbvSendWR.IBV_WR_SEND);
        MemorySegment sent =
                MemorySegment.ofAddress((long) first.values().get("setAddr")).reinterpret(DisniToken.BYTES);
        assertThat(sent.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE))
                .isEqualTo(DisniHello.decode(half.hello()).token().bytes());
    }

    @Test
    void aPeerThatSaysNothingIsGivenUpAtTheDeadline() throws IOException {
        RdmaConnection half = dial();
        turn();
        ticker.advance(Duration.ofMillis(4999));
        turn();
        verify(events, never()).failed(any(), any());
        ticker.advance(Duration.ofMillis(1));
        turn();
        verify(events)
                .failed(eq(TransferErrorCode.CONNECTION_FAILED), argThat(text -> text.contains("connect-timeout")));
        RdmaCmId id = dialed();
        disni.happens(EventType.RDMA_CM_EVENT_ESTABLISHED, id); // too late
        half.close();
        turn();
        verify(id).destroyId();
        verify(events).closed();
        verify(events, never()).connected();
    }

    @Test
    void aRefusalFailsTheConnectionAtOnce() {
        for (EventType refusal : List.of(
                EventType.RDMA_CM_EVENT_ADDR_ERROR,
                EventType.RDMA_CM_EVENT_ROUTE_ERROR,
                EventType.RDMA_CM_EVENT_CONNECT_ERROR,
                EventType.RDMA_CM_EVENT_UNREACHABLE,
                EventType.RDMA_CM_EVENT_REJECTED,
                EventType.RDMA_CM_EVENT_DISCONNECTED)) {
            var ignored = dial();
            disni.happens(EventType.RDMA_CM_EVENT_ADDR_RESOLVED, dialed());
            disni.happens(refusal, dialed());
            turn();
            verify(events)
                    .failed(
                            eq(TransferErrorCode.CONNECTION_FAILED),
                            argThat(text -> text.contains(refusal.toString())));
        }
    }

    @Test
    void aWayOverAnotherDeviceIsRefused() throws IOException {
        var ignored = dial();
        IbvContext other = MockedDisni.context(MockedDisni.DEVICE + 1);
        when(dialed().getVerbs()).thenReturn(other);
        disni.happens(EventType.RDMA_CM_EVENT_ADDR_RESOLVED, dialed());
        turn();
        verify(events)
                .failed(eq(TransferErrorCode.CONNECTION_FAILED), argThat(text -> text.contains("another device")));
        assertThat(disni.pairs).isEmpty();
    }

    @Test
    void aWriteIsAppliedOnceAReadBehindItIsAnswered() {
        RdmaConnection half = connected();
        RdmaMemory memory = memory();
        RdmaBatch batch = batch(Operation.WRITE, memory, half.importKey(key(4242)), 3);
        int before = pair().posted().size();
        assertThat(half.post(batch)).isTrue();
        List<Posted> posted = pair().posted().subList(before, pair().posted().size());
        assertThat(posted)
                .extracting(Posted::opcode)
                .containsExactly(
                        IbvSendWR.IBV_WR_RDMA_WRITE,
                        IbvSendWR.IBV_WR_RDMA_WRITE,
                        IbvSendWR.IBV_WR_RDMA_WRITE,
                        IbvSendWR.IBV_WR_RDMA_READ);
        assertThat(posted).extracting(Posted::isSignaled).containsExactly(false, false, false, true);
        assertThat(posted.get(2).values())
                .containsEntry("setRemote_addr", 20_002L)
                .containsEntry("setRkey", 4242)
                .containsEntry("setAddr", 10_002L)
                .containsEntry("setLength", 4096)
                .containsEntry("setLkey", ((DisniMemory) memory).localKeys().keyAt(10_002));
        assertThat(posted.get(3).values())
                .containsEntry("setRemote_addr", 0xF1005L)
                .containsEntry("setRkey", 77)
                .containsEntry("setLength", DisniAdapter.FLUSH_BYTES);
        turn();
        verify(events, never()).applied(any());
        disni.completes(pair(), SUCCESS);
        turn();
        verify(events).applied(batch);
    }

    @Test
    void aReadIsItsOwnEvidence() {
        RdmaConnection half = connected();
        RdmaBatch batch = batch(Operation.READ, memory(), half.importKey(key(1)), 2);
        int before = pair().posted().size();
        assertThat(half.post(batch)).isTrue();
        List<Posted> posted = pair().posted().subList(before, pair().posted().size());
        assertThat(posted).extracting(Posted::isSignaled).containsExactly(false, true);
        disni.completes(pair(), SUCCESS);
        turn();
        verify(events).applied(batch);
    }

    @Test
    void aFullQueueTakesNothingUntilSomethingIsApplied() {
        RdmaConnection half = connected();
        RdmaRemoteKey key = half.importKey(key(1));
        RdmaBatch large = batch(Operation.WRITE, memory(), key, 64);
        assertThat(half.post(large)).isTrue();
        assertThat(half.post(large)).isTrue();
        assertThat(half.post(large)).isFalse();
        assertThat(half.post(batch(Operation.READ, memory(), key, 63))).isTrue();
        assertThat(half.post(batch(Operation.READ, memory(), key, 1))).isFalse();
        disni.completes(pair(), SUCCESS);
        turn();
        assertThat(half.post(large)).isTrue();
    }

    @Test
    void messagesWaitWhileTooManyAreOnTheirWay() {
        RdmaConnection half = connected();
        for (int i = 0; i < DisniMessages.SENDS; i++) {
            assertThat(half.send(new byte[] {(byte) i})).isTrue();
        }
        assertThat(half.send(new byte[1])).isFalse();
        disni.completes(pair(), SUCCESS);
        turn();
        assertThat(half.send(new byte[1])).isTrue();
    }

    @Test
    void theFirstErrorIsToldAndWhatIsFlushedBehindItIsNot() throws IOException {
        RdmaConnection half = connected();
        RdmaBatch batch = batch(Operation.WRITE, memory(), half.importKey(key(1)), 2);
        half.post(batch);
        disni.completes(pair(), DENIED);
        disni.flushesReceives(pair(), FLUSHED);
        turn();
        verify(events)
                .failed(
                        eq(TransferErrorCode.ACCESS_DENIED),
                        argThat(text -> text.contains(IbvWcStatus.IBV_WC_REM_ACCESS_ERR.toString())));
        verify(events, times(1)).failed(any(), any());
        verify(events, never()).applied(any());
        verify(pair().id()).disconnect();
        assertThat(half.post(batch)).isFalse();
        assertThat(half.send(new byte[1])).isFalse();
    }

    @Test
    void aClosedConnectionIsFlushedThenDestroyedInOrder() throws IOException {
        RdmaConnection half = connected();
        half.post(batch(Operation.WRITE, memory(), half.importKey(key(1)), 2));
        half.close();
        half.close();
        turn();
        verify(pair().id()).disconnect();
        verify(pair().id(), never()).destroyQP();
        verify(events, never()).closed();
        disni.completes(pair(), FLUSHED);
        disni.flushesReceives(pair(), FLUSHED);
        turn();
        InOrder order = inOrder(pair().id(), pair().queue(), events);
        order.verify(pair().id()).destroyQP();
        order.verify(pair().queue()).destroyCQ();
        order.verify(pair().id()).destroyId();
        order.verify(events).closed();
        turn();
        verify(events, times(1)).closed();
        verify(events, never()).failed(any(), any());
    }

    @Test
    void aConnectionThatDoesNotFlushIsDestroyedAllTheSame() throws IOException {
        RdmaConnection half = connected();
        half.post(batch(Operation.WRITE, memory(), half.importKey(key(1)), 2));
        half.close();
        ticker.advance(Duration.ofMillis(999));
        turn();
        verify(events, never()).closed();
        ticker.advance(Duration.ofMillis(1));
        turn();
        verify(pair().id()).destroyQP();
        verify(events).closed();
    }

    @Test
    void aGoodbyeIsHeardBeforeThePeersEndOfTheConnection() {
        var ignored = connected();
        disni.arrives(pair(), 0, new byte[] {9, 9});
        disni.happens(EventType.RDMA_CM_EVENT_DISCONNECTED, pair().id());
        turn();
        InOrder order = inOrder(events);
        order.verify(events).received(new byte[] {9, 9});
        order.verify(events).failed(eq(TransferErrorCode.CONNECTION_FAILED), any());
    }

    @Test
    void aStrangerWithTheTokenOfAnAgreedHalfBecomesIt() throws IOException {
        DisniToken token = DisniToken.random();
        RdmaConnection half = adapter.accept(new DisniHello(token, 0, 0).encode(), events);
        assertThat(DisniHello.decode(half.hello()).token()).isEqualTo(token);
        RdmaCmId id = disni.id();
        disni.happens(EventType.RDMA_CM_EVENT_CONNECT_REQUEST, id);
        turn();
        verify(id)
                .accept(argThat(
                        parameters -> parameters.getRetry_count() == 6 && parameters.getRnr_retry_count() == 7));
        disni.happens(EventType.RDMA_CM_EVENT_ESTABLISHED, id);
        disni.arrives(pair(), 0, token.bytes());
        disni.arrives(pair(), 1, new byte[] {1});
        disni.arrives(pair(), 2, new byte[] {2});
        turn();
        disni.arrives(pair(), 3, new byte[] {3});
        turn();
        ArgumentCaptor<byte[]> received = ArgumentCaptor.captor();
        InOrder order = inOrder(events);
        order.verify(events).connected();
        order.verify(events, times(3)).received(received.capture());
        assertThat(received.getAllValues()).containsExactly(new byte[] {1}, new byte[] {2}, new byte[] {3});
        assertThat(half.send(new byte[1])).isTrue();
    }

    @Test
    void strangersWithoutAnAgreedTokenAreEnded() throws IOException {
        DisniToken token = DisniToken.random();
        var ignored = adapter.accept(new DisniHello(token, 0, 0).encode(), events);
        for (byte[] message : List.of(DisniToken.random().bytes(), new byte[0], new byte[DisniToken.BYTES - 1])) {
            RdmaCmId id = disni.id();
            disni.happens(EventType.RDMA_CM_EVENT_CONNECT_REQUEST, id);
            turn();
            disni.arrives(pair(), 0, message);
            turn();
            verify(id).destroyQP();
            verify(id).destroyId();
        }
        RdmaCmId silent = disni.id();
        disni.happens(EventType.RDMA_CM_EVENT_CONNECT_REQUEST, silent);
        turn();
        verify(silent, never()).destroyId();
        ticker.advance(Duration.ofSeconds(5));
        turn();
        verify(silent).destroyId();
        verifyNoMoreInteractions(events);
    }

    @Test
    void strangersAreBounded() throws IOException {
        for (int i = 0; i < 64; i++) {
            disni.happens(EventType.RDMA_CM_EVENT_CONNECT_REQUEST, disni.id());
        }
        turn();
        assertThat(disni.pairs).hasSize(64);
        RdmaCmId oneMore = disni.id();
        disni.happens(EventType.RDMA_CM_EVENT_CONNECT_REQUEST, oneMore);
        turn();
        assertThat(disni.pairs).hasSize(64);
        verify(oneMore).destroyId();
    }

    @Test
    void oneTokenIsAgreedOnce() {
        byte[] hello = new DisniHello(DisniToken.random(), 0, 0).encode();
        var ignored = adapter.accept(hello, events);
        assertThat(catchThrowableOfType(TransferException.class, () -> adapter.accept(hello, events))
                        .code())
                .isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
    }

    @Test
    void theHelloOfAnotherConnectionIsRefused() {
        RdmaConnection half = adapter.connect(DisniAddress.encode(THERE), events);
        byte[] other = new DisniHello(DisniToken.random(), 0, 0).encode();
        assertThat(catchThrowableOfType(TransferException.class, () -> half.establish(other))
                        .code())
                .isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
    }

    /** DiSNI has 32 bits for a length. */
    @Test
    void aLargeRegionIsRegisteredInPiecesAndOperationsAreCutAtTheirEnds() throws IOException {
        long gibibyte = 1L << 30;
        long base = 1L << 40;
        MemoryRegion large = MemoryRegion.host(MemorySegment.ofAddress(base).reinterpret(5 * gibibyte / 2));
        RdmaMemory memory = adapter.register(large, Deadline.after(Duration.ofSeconds(1)));
        verify(disni.domain).regMr(eq(base), eq(1 << 30), anyInt());
        verify(disni.domain).regMr(eq(base + gibibyte), eq(1 << 30), anyInt());
        verify(disni.domain).regMr(eq(base + 2 * gibibyte), eq(1 << 29), anyInt());
        RdmaConnection half = connected();
        RdmaBatch batch = batch(Operation.READ, memory, half.importKey(key(101, 102, 103)), 1);
        when(batch.localAddress(0)).thenReturn(base + gibibyte - 10);
        when(batch.remoteAddress(0)).thenReturn(20_000 + 2 * gibibyte - 30);
        when(batch.length(0)).thenReturn(100L);
        int before = pair().posted().size();
        assertThat(half.post(batch)).isTrue();
        List<Posted> posted = pair().posted().subList(before, pair().posted().size());
        DisniPieces keys = ((DisniMemory) memory).localKeys();
        assertPart(posted.get(0), base + gibibyte - 10, keys.keys()[0], 20_000 + 2 * gibibyte - 30, 102, 10);
        assertPart(posted.get(1), base + gibibyte, keys.keys()[1], 20_000 + 2 * gibibyte - 20, 102, 20);
        assertPart(posted.get(2), base + gibibyte + 20, keys.keys()[1], 20_000 + 2 * gibibyte, 103, 70);
        assertThat(posted).extracting(Posted::isSignaled).containsExactly(false, false, true);
    }

    private static void assertPart(Posted part, long local, int localKey, long remote, int remoteKey, int bytes) {
        assertThat(part.values())
                .containsEntry("setAddr", local)
                .containsEntry("setLkey", localKey)
                .containsEntry("setRemote_addr", remote)
                .containsEntry("setRkey", remoteKey)
                .containsEntry("setLength", bytes);
    }

    @Test
    void aRegionOfTooManyPiecesIsRefusedWithWhatToDo() throws IOException {
        MemoryRegion large = MemoryRegion.host(MemorySegment.ofAddress(1 << 20).reinterpret(1L << 37));
        TransferException refusal = catchThrowableOfType(
                TransferException.class, () -> adapter.register(large, Deadline.after(Duration.ofSeconds(1))));
        assertThat(refusal.error().stage()).isEqualTo(Stage.REGISTER);
        assertThat(refusal).hasMessageContaining("split it").hasMessageContaining("kvferry.rdma.provider=verbs");
        verify(disni.domain, times(1)).regMr(anyLong(), anyInt(), anyInt()); // the flush cell's
    }

    @Test
    void closingGivesBackAllThatWasOpened() throws Exception {
        RdmaConnection half = connected();
        RdmaMemory memory = memory();
        half.close();
        disni.flushesReceives(pair(), FLUSHED);
        turn();
        memory.deregister(Deadline.after(Duration.ofSeconds(1)));
        memory.deregister(Deadline.after(Duration.ofSeconds(1)));
        adapter.close();
        adapter.close();
        for (var registration : disni.registrations) {
            verify(registration, times(1)).deregMr();
        }
        for (RdmaCmId id : disni.ids) {
            verify(id, times(1)).destroyId();
        }
        verify(disni.domain, times(1)).deallocPd();
        verify(disni.channel, times(1)).destroyEventChannel();
    }
}

package io.kvferry.control.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.control.grpc.CallErrors;
import io.kvferry.control.grpc.PortCounters;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PeerChannelTest {
    private final RecordingReceiver atInitiator = new RecordingReceiver();
    private final RecordingReceiver atTarget = new RecordingReceiver();
    private final CompletableFuture<PeerChannel> accepted = new CompletableFuture<>();
    private final CompletableFuture<ChannelId> acceptedId = new CompletableFuture<>();
    private final List<TestNode> nodes = new ArrayList<>();
    private TestNode initiator = node(BackendConfig.DEFAULTS);
    private final TestNode target = node(BackendConfig.DEFAULTS).acceptingChannels((id, channel) -> {
        channel.receive(atTarget);
        acceptedId.complete(id);
        accepted.complete(channel);
    });

    private TestNode node(BackendConfig config) {
        TestNode node = new TestNode(config);
        nodes.add(node);
        return node;
    }

    @AfterEach
    void closeNodesAndExpectSerialReceivers() {
        nodes.forEach(TestNode::close);
        assertThat(atInitiator.isMisused()).isFalse();
        assertThat(atTarget.isMisused()).isFalse();
    }

    private PeerChannel open(Deadline deadline) {
        PeerChannel channel = initiator.control().openChannel(target.address(), Samples.ID, 2, Samples.EPOCH, deadline);
        channel.receive(atInitiator);
        return channel;
    }

    private PeerChannel open() {
        return open(TestNode.seconds(30));
    }

    private PeerChannel accepted() throws Exception {
        return accepted.get(20, TimeUnit.SECONDS);
    }

    private static byte[] message(int number) {
        return ByteBuffer.allocate(4).putInt(number).array();
    }

    @Test
    void theTargetLearnsWhichTransferAChannelBelongsTo() throws Exception {
        open();

        assertThat(acceptedId.get(20, TimeUnit.SECONDS)).isEqualTo(new ChannelId(Samples.ID, 2, Samples.EPOCH));
    }

    @Test
    void messagesArriveInOrderAndExactlyOnceBothWays() throws Exception {
        PeerChannel channel = open();
        for (int i = 0; i < 1000; i++) {
            channel.send(message(i));
        }
        for (int i = 0; i < 1000; i++) {
            accepted().send(message(-i));
        }

        for (int i = 0; i < 1000; i++) {
            assertThat(atTarget.next()).isEqualTo(message(i));
            assertThat(atInitiator.next()).isEqualTo(message(-i));
        }
    }

    @Test
    void anEmptyMessageIsAMessage() throws Exception {
        open().send(new byte[0]);

        assertThat(atTarget.next()).isEmpty();
    }

    @Test
    void whatWasSentBeforeThereWasAReceiverComesFirst() throws Exception {
        PeerChannel channel =
                initiator.control().openChannel(target.address(), Samples.ID, 2, Samples.EPOCH, TestNode.seconds(30));
        accepted().send(message(1));
        accepted().send(message(2));
        channel.send(message(3));
        assertThat(atTarget.next()).isEqualTo(message(3));

        channel.receive(atInitiator);

        assertThat(atInitiator.next()).isEqualTo(message(1));
        assertThat(atInitiator.next()).isEqualTo(message(2));
    }

    @Test
    void aSecondReceiverIsRefused() {
        PeerChannel channel = open();

        assertThatThrownBy(() -> channel.receive(atTarget)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void closeByTheInitiatorIsOrderlyForBothAndComesAfterTheMessages() throws Exception {
        PeerChannel channel = open();
        channel.send(message(1));
        channel.close();
        channel.close();

        assertThat(atTarget.next()).isEqualTo(message(1));
        assertThat(atTarget.end()).isEmpty();
        assertThat(atInitiator.end()).isEmpty();
        assertThatThrownBy(() -> channel.send(message(2)))
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(TransferErrorCode.CONTROL_FAILED));
    }

    @Test
    void closeByTheTargetIsOrderlyForBothAndComesAfterTheMessages() throws Exception {
        open();
        accepted().send(message(1));
        accepted().close();

        assertThat(atInitiator.next()).isEqualTo(message(1));
        assertThat(atInitiator.end()).isEmpty();
        assertThat(atTarget.end()).isEmpty();
    }

    @Test
    void aRefusalOfTheServiceBreaksTheChannelWithItsError() throws Exception {
        TransferError refusal = CallErrors.refusal(TransferErrorCode.LEASE_ENDED, Stage.TRANSFER, "too late");
        target.acceptingChannels((id, channel) -> {
            throw new TransferException(refusal);
        });
        PeerChannel channel = open();

        assertThat(atInitiator.end()).contains(refusal);
        assertThatThrownBy(() -> channel.send(message(1))).hasMessageContaining("too late");
    }

    @Test
    void required_R11_aBugOfTheServiceBreaksTheChannelAndIsCounted() throws Exception {
        target.acceptingChannels((id, channel) -> {
            throw new IllegalStateException("a bug");
        });
        open();

        assertThat(atInitiator.end()).map(TransferError::code).contains(TransferErrorCode.INTERNAL);
        assertThat(target.control().counters().sum(PortCounters.Kind.INTERNAL_ERRORS))
                .isEqualTo(1);
    }

    @Test
    void required_R11_aReceiverThatThrowsBreaksItsChannelOnly() throws Exception {
        target.acceptingChannels((id, channel) -> channel.receive(new PeerChannel.Receiver() {
            @Override
            public void message(byte[] message) {
                throw new IllegalStateException("a bug");
            }

            @Override
            public void closed(TransferError error) {}
        }));
        open().send(message(1));

        assertThat(atInitiator.end()).map(TransferError::code).contains(TransferErrorCode.INTERNAL);
        PeerCallTest.replyOf(initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(20)));
    }

    @Test
    void required_R17_aQueueThatIsFullBreaksTheChannel() throws Exception {
        target.acceptingChannels((id, channel) -> accepted.complete(channel));
        PeerChannel channel = open();
        accepted();
        byte[] big = new byte[256 << 10];
        TransferException full = catchThrowableOfType(TransferException.class, () -> {
            for (int i = 0; i < 1000; i++) {
                channel.send(big);
            }
        });

        assertThat(full.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
        assertThat(full.error().detail()).contains("kvferry.peer.channel-queue-bytes");
        assertThat(atInitiator.end()).contains(full.error());
        accepted().receive(atTarget);
        assertThat(atTarget.end()).map(TransferError::code).contains(TransferErrorCode.CONTROL_FAILED);
    }

    @Test
    void required_R17_theNumberOfMessagesThatWaitIsBoundedToo() throws Exception {
        try (ServerSocket frozen = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            initiator = node(BackendConfig.DEFAULTS.with(PeerConfigKeys.CHANNEL_QUEUE_MESSAGES, 3));
            PeerChannel channel = initiator
                    .control()
                    .openChannel(
                            new PeerAddress("127.0.0.1", frozen.getLocalPort()),
                            Samples.ID,
                            1,
                            1,
                            TestNode.seconds(30));
            channel.receive(atInitiator);
            // far more than the transport takes ahead, and far less than the bound on bytes
            TransferException full = catchThrowableOfType(TransferException.class, () -> {
                for (int i = 0; i < 200_000; i++) {
                    channel.send(message(i));
                }
            });

            assertThat(full.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
            assertThat(atInitiator.end()).contains(full.error());
        }
    }

    @Test
    void aMessageOverTheLimitIsRefusedAndTheChannelLives() throws Exception {
        PeerChannel channel = open();

        assertThatThrownBy(() -> channel.send(new byte[(4 << 20) + 1]))
                .isInstanceOfSatisfying(
                        TransferException.class,
                        e -> assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST));
        channel.send(message(1));
        assertThat(atTarget.next()).isEqualTo(message(1));
    }

    @Test
    void required_R1_theDeadlineBreaksTheChannelAtBothEnds() throws Exception {
        open(TestNode.seconds(2)); // long enough to be accepted on a busy machine
        accepted();

        assertThat(atInitiator.end()).map(TransferError::code).contains(TransferErrorCode.DEADLINE_EXCEEDED);
        // the initiator's end comes first, and may look like a break to the target
        assertThat(atTarget.end())
                .map(TransferError::code)
                .get()
                .isIn(TransferErrorCode.DEADLINE_EXCEEDED, TransferErrorCode.CONTROL_FAILED);
    }

    @Test
    void required_R3_theDeadlineIsOnItsOwnClock() throws Exception {
        AtomicLong now = new AtomicLong();
        initiator = new TestNode(BackendConfig.DEFAULTS, now::get);
        nodes.add(initiator);
        open(Deadline.after(Duration.ofHours(1), now::get));
        accepted();
        assertThat(atInitiator.isOpen()).isTrue();

        now.set(Duration.ofHours(1).toNanos());
        initiator.scheduler().runDue();

        assertThat(atInitiator.end()).map(TransferError::code).contains(TransferErrorCode.DEADLINE_EXCEEDED);
        assertThat(atTarget.end()).isPresent();
    }

    @Test
    void theDeathOfTheTargetBreaksTheChannel() throws Exception {
        open();
        accepted();
        target.close();

        assertThat(atInitiator.end())
                .map(TransferError::code)
                .get()
                .isIn(TransferErrorCode.PEER_LOST, TransferErrorCode.CONTROL_FAILED);
        assertThat(atTarget.end()).isPresent();
    }

    @Test
    void theDeathOfTheInitiatorBreaksTheChannel() throws Exception {
        open();
        accepted();
        initiator.close();

        assertThat(atInitiator.end()).map(TransferError::code).contains(TransferErrorCode.CONTROL_FAILED);
        assertThat(atTarget.end()).map(TransferError::code).contains(TransferErrorCode.CONTROL_FAILED);
    }

    @Test
    void forgettingThePeerBreaksTheChannel() throws Exception {
        open();
        accepted();
        initiator.control().forget(target.address());

        assertThat(atInitiator.end()).map(TransferError::code).contains(TransferErrorCode.CONTROL_FAILED);
        assertThat(atTarget.end()).isPresent();
    }

    @Test
    void aPeerThatIsNotThereBreaksTheChannelInsteadOfThrowing() throws Exception {
        int unused;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            unused = socket.getLocalPort();
        }
        initiator
                .control()
                .openChannel(new PeerAddress("127.0.0.1", unused), Samples.ID, 1, 1, TestNode.seconds(30))
                .receive(atInitiator);

        assertThat(atInitiator.end()).map(TransferError::code).contains(TransferErrorCode.CONTROL_FAILED);
    }

    @Test
    void aChannelAfterCloseIsBrokenFromTheStart() throws Exception {
        initiator.close();
        PeerChannel channel = open();

        assertThat(atInitiator.end()).map(TransferError::code).contains(TransferErrorCode.SHUTTING_DOWN);
        assertThatThrownBy(() -> channel.send(message(1))).isInstanceOf(TransferException.class);
    }

    @Test
    void channelsGiveTheirPlacesBack() throws Exception {
        initiator = node(BackendConfig.DEFAULTS.with(PeerConfigKeys.MAX_CALLS_PER_PEER, 1));
        PeerChannel first = open();
        accepted().close();
        assertThat(atInitiator.end()).isEmpty();
        assertThatThrownBy(() -> first.send(message(1))).isInstanceOf(TransferException.class);

        PeerCallTest.replyOf(initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(20)));
    }
}

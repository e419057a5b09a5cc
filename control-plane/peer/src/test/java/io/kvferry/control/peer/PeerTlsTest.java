package io.kvferry.control.peer;

import static io.kvferry.control.peer.PeerCallTest.failureOf;
import static io.kvferry.control.peer.PeerCallTest.replyOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may talk to whom when nodes prove who they are. */
class PeerTlsTest {
    @TempDir
    private static Path folder;

    private static Credentials one;
    private static Credentials other;
    private static Credentials stranger;
    /** The certificates of the two nodes, not the stranger's. */
    private static Path members;

    @BeforeAll
    static void makeCredentials() throws Exception {
        one = Credentials.make(folder, "one");
        other = Credentials.make(folder, "other");
        stranger = Credentials.make(folder, "stranger");
        members = folder.resolve("members.crt");
        Files.writeString(members, Files.readString(one.certificate()) + Files.readString(other.certificate()));
    }

    private static void assertRefused(TestNode initiator, TestNode target) {
        AtomicBoolean served = new AtomicBoolean();
        target.answering((request, deadline) -> {
            served.set(true);
            return CompletableFuture.completedFuture(Samples.replyTo(request));
        });

        TransferException failure =
                failureOf(initiator.control().call(target.address(), Samples.HELLO, TestNode.seconds(15)));

        assertThat(failure.code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
        assertThat(served).isFalse();
    }

    @Test
    void membersTalkInBothDirections() throws Exception {
        try (TestNode a = new TestNode(one.trusting(members));
                TestNode b = new TestNode(other.trusting(members))) {
            assertThat(replyOf(a.control().call(b.address(), Samples.HELLO, TestNode.seconds(15))))
                    .isEqualTo(Samples.replyTo(Samples.HELLO));
            assertThat(replyOf(b.control().call(a.address(), Samples.HELLO, TestNode.seconds(15))))
                    .isEqualTo(Samples.replyTo(Samples.HELLO));
        }
    }

    @Test
    void whoIsNotTrustedIsNotServed() {
        try (TestNode target = new TestNode(one.trusting(members));
                TestNode initiator = new TestNode(stranger.trusting(members))) {
            assertRefused(initiator, target);
        }
    }

    @Test
    void whoIsNotTrustedIsNotAsked() {
        try (TestNode target = new TestNode(stranger.trusting(members));
                TestNode initiator = new TestNode(one.trusting(members))) {
            assertRefused(initiator, target);
        }
    }

    @Test
    void whoTalksInTheClearIsNotServedNorAsked() {
        try (TestNode secured = new TestNode(one.trusting(members));
                TestNode clear = new TestNode()) {
            assertRefused(clear, secured);
            assertRefused(secured, clear);
        }
    }

    @Test
    void aPeerMustCarryTheNameOfTheCluster() throws Exception {
        try (TestNode target = new TestNode(one.trusting(members));
                TestNode named =
                        new TestNode(other.trusting(members).with(PeerConfigKeys.TLS_PEER_NAME, "kvferry-node"));
                TestNode misled =
                        new TestNode(other.trusting(members).with(PeerConfigKeys.TLS_PEER_NAME, "another-cluster"))) {
            assertThat(replyOf(named.control().call(target.address(), Samples.HELLO, TestNode.seconds(15))))
                    .isEqualTo(Samples.replyTo(Samples.HELLO));
            assertRefused(misled, target);
        }
    }

    @Test
    void halfOfTheFilesIsRefusedAndTheMissingKeyNamed() {
        BackendConfig half = BackendConfig.DEFAULTS
                .with(PeerConfigKeys.TLS_CERTIFICATE, one.certificate().toString())
                .with(PeerConfigKeys.TLS_TRUST, members.toString());

        assertInvalid(half, "kvferry.peer.tls-key");
        assertInvalid(
                BackendConfig.DEFAULTS.with(PeerConfigKeys.TLS_PEER_NAME, "kvferry-node"),
                "kvferry.peer.tls-certificate");
    }

    @Test
    void filesThatCannotBeUsedAreRefusedAndNamed() {
        assertInvalid(
                one.trusting(folder.resolve("nowhere.crt")), "kvferry.peer.tls-trust=" + folder.resolve("nowhere.crt"));
        assertInvalid(new Credentials(one.key(), one.certificate()).trusting(members), "kvferry.peer.tls-");
        assertInvalid(new Credentials(one.certificate(), other.key()).trusting(one.key()), "kvferry.peer.tls-");
    }

    private static void assertInvalid(BackendConfig config, String named) {
        assertThatThrownBy(() -> new TestNode(config).close())
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST))
                .hasMessageContaining(named);
    }
}

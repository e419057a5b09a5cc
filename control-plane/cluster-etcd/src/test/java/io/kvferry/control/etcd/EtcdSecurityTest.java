package io.kvferry.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.etcd.jetcd.Auth;
import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.kvferry.control.cluster.ClusterStore;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** An etcd that is not open to everybody. Each test has one of its own. */
@Execution(ExecutionMode.CONCURRENT)
class EtcdSecurityTest {
    private static final String PASSWORD = "correct horse";

    private static Certificate ofEtcd;
    private static Certificate ofController;

    @BeforeAll
    static void makeCertificates(@TempDir Path folder) throws Exception {
        ofEtcd = Certificate.make(folder, "etcd");
        ofController = Certificate.make(folder, "controller");
    }

    private static Deadline soon() {
        return Deadline.after(Duration.ofSeconds(30));
    }

    private static ClusterStore open(BackendConfig config) {
        return new EtcdStoreProvider().open(config, Ticker.system(), new WallScheduler(), soon());
    }

    private static void assertRefused(TransferErrorCode code, BackendConfig config, String says) {
        assertThatThrownBy(() -> open(config).close(soon()))
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(code))
                .hasMessageContaining(says);
    }

    private static BackendConfig overTls(EtcdServer server) {
        return BackendConfig.DEFAULTS
                .with(EtcdConfigKeys.ENDPOINTS, List.of(server.endpoint()))
                .with(EtcdConfigKeys.TLS, true)
                .with(EtcdConfigKeys.CA_FILE, ofEtcd.certificate().toString());
    }

    /** Writes under a lease that is renewed, and hears of it. */
    private static void assertWorks(ClusterStore store) throws InterruptedException {
        RecordingListener listener = new RecordingListener();
        store.watch("nodes/", listener, soon());
        long renewed = store.grant(Duration.ofSeconds(3), soon());
        long silent = store.grant(Duration.ofSeconds(3), soon());
        store.replace("nodes/renewed", new byte[1], renewed, 0, soon());
        store.replace("nodes/silent", new byte[1], silent, 0, soon());
        listener.await(there -> {
            store.renew(renewed);
            return there.containsKey("nodes/renewed") && !there.containsKey("nodes/silent");
        });
        assertThat(store.get("nodes/renewed", soon())).isPresent();
        store.revoke(renewed, soon());
        listener.await(there -> there.isEmpty());
    }

    @Test
    void bothSidesProveWhoTheyAre(@TempDir Path folder) throws Exception {
        try (EtcdServer server = EtcdServer.start(
                folder,
                List.of(
                        "--cert-file=" + ofEtcd.certificate(),
                        "--key-file=" + ofEtcd.key(),
                        "--client-cert-auth",
                        "--trusted-ca-file=" + ofController.certificate()))) {
            BackendConfig right = overTls(server)
                    .with(
                            EtcdConfigKeys.CERTIFICATE_FILE,
                            ofController.certificate().toString())
                    .with(EtcdConfigKeys.KEY_FILE, ofController.key().toString());

            ClusterStore store = open(right);
            assertWorks(store);
            store.close(soon());

            ClusterStore byName = open(right.with(EtcdConfigKeys.AUTHORITY, "etcd.example"));
            byName.close(soon());
            assertRefused(
                    TransferErrorCode.CONTROL_FAILED,
                    right.with(EtcdConfigKeys.AUTHORITY, "somebody.else"),
                    "kvferry.etcd.endpoints");
            assertRefused(TransferErrorCode.CONTROL_FAILED, overTls(server), "kvferry.etcd.endpoints");
            assertRefused(
                    TransferErrorCode.CONTROL_FAILED,
                    right.with(
                            EtcdConfigKeys.CA_FILE, ofController.certificate().toString()),
                    "kvferry.etcd.endpoints");
            assertRefused(
                    TransferErrorCode.CONTROL_FAILED,
                    BackendConfig.DEFAULTS.with(EtcdConfigKeys.ENDPOINTS, List.of(server.endpoint())),
                    "kvferry.etcd.endpoints");
        }
    }

    @Test
    void aUserHasAPassword(@TempDir Path folder) throws Exception {
        try (EtcdServer server = EtcdServer.start(
                folder,
                List.of("--cert-file=" + ofEtcd.certificate(), "--key-file=" + ofEtcd.key(), "--auth-token=simple"))) {
            askForPasswords(server);
            BackendConfig right =
                    overTls(server).with(EtcdConfigKeys.USER, "root").with(EtcdConfigKeys.PASSWORD, PASSWORD);

            ClusterStore store = open(right);
            assertWorks(store);
            store.close(soon());

            assertRefused(
                    TransferErrorCode.ACCESS_DENIED,
                    right.with(EtcdConfigKeys.PASSWORD, "a guess"),
                    "kvferry.etcd.user");
            assertRefused(TransferErrorCode.ACCESS_DENIED, overTls(server), "kvferry.etcd.user");
        }
    }

    private static void askForPasswords(EtcdServer server) throws Exception {
        try (Client client = Client.builder()
                .endpoints("https://" + server.endpoint())
                .authority("127.0.0.1")
                .sslContext(context -> context.trustManager(ofEtcd.certificate().toFile()))
                .build()) {
            Auth auth = client.getAuthClient();
            ByteSequence root = ByteSequence.from("root", StandardCharsets.UTF_8);
            auth.userAdd(root, ByteSequence.from(PASSWORD, StandardCharsets.UTF_8))
                    .get(30, TimeUnit.SECONDS);
            auth.userGrantRole(root, root).get(30, TimeUnit.SECONDS);
            auth.authEnable().get(30, TimeUnit.SECONDS);
        }
    }

    @Test
    void settingsThatContradictEachOtherAreRefusedBeforeAnythingIsOpened(@TempDir Path folder) throws Exception {
        BackendConfig plain = BackendConfig.DEFAULTS;
        BackendConfig tls = plain.with(EtcdConfigKeys.TLS, true);
        String missing = folder.resolve("missing.pem").toString();
        String garbage =
                Files.writeString(folder.resolve("garbage.pem"), "garbage").toString();

        assertRefused(
                TransferErrorCode.INVALID_REQUEST,
                plain.with(EtcdConfigKeys.CA_FILE, missing),
                "set kvferry.etcd.tls=true");
        assertRefused(
                TransferErrorCode.INVALID_REQUEST,
                tls.with(EtcdConfigKeys.CA_FILE, missing),
                "kvferry.etcd.ca-file=" + missing + " cannot be read");
        assertRefused(
                TransferErrorCode.INVALID_REQUEST,
                tls.with(EtcdConfigKeys.CA_FILE, garbage),
                "kvferry.etcd.ca-file=" + garbage + " is no PEM file");
        assertRefused(
                TransferErrorCode.INVALID_REQUEST,
                tls.with(EtcdConfigKeys.CERTIFICATE_FILE, missing),
                "kvferry.etcd.key-file is not");
        assertRefused(
                TransferErrorCode.INVALID_REQUEST,
                tls.with(EtcdConfigKeys.KEY_FILE, missing),
                "kvferry.etcd.certificate-file is not");
        assertRefused(
                TransferErrorCode.INVALID_REQUEST,
                plain.with(EtcdConfigKeys.PASSWORD, PASSWORD),
                "kvferry.etcd.user is not");
        assertRefused(
                TransferErrorCode.INVALID_REQUEST,
                plain.with(EtcdConfigKeys.USER, "root"),
                "kvferry.etcd.password is not");
    }
}

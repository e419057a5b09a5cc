package io.kvferry.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvFerryConfigTest {
    private static final ConfigKey<Integer> LANES =
            ConfigKey.integer("kvferry.raft.lanes", 4, 1, 64, "How many logs side by side.");
    private static final ConfigKey<String> TOKEN = ConfigKey.secret("kvferry.raft.token", "What opens the gate.");

    @TempDir
    Path folder;

    @Test
    void everyKeyHasItsDefaultWhenNothingIsSet() {
        KvFerryConfig config = KvFerryConfig.builder().build();

        assertThat(config.values().get(EngineConfigKeys.FINISH_GRACE)).isEqualTo(Duration.ofSeconds(2));
        assertThat(config.entries())
                .hasSameSizeAs(config.keys())
                .contains(new ConfigEntry("kvferry.finish-grace", "2s", "default"));
    }

    @Test
    void whatTheProgramSetsWinsOverTheEnvironmentAndThatOverTheFile() {
        Path file = write("kvferry.raft.lanes = 2\nkvferry.finish-grace=3s\nkvferry.close-timeout: 4s\n");

        KvFerryConfig config = withRaft()
                .file(file)
                .environment(Map.of("KVFERRY_RAFT_LANES", "3", "KVFERRY_FINISH_GRACE", "5s", "PATH", "/bin"))
                .set("kvferry.raft.lanes", "6", "--set")
                .build();

        assertThat(config.values().get(LANES)).isEqualTo(6);
        assertThat(config.values().get(EngineConfigKeys.FINISH_GRACE)).isEqualTo(Duration.ofSeconds(5));
        assertThat(config.values().get(EngineConfigKeys.CLOSE_TIMEOUT)).isEqualTo(Duration.ofSeconds(4));
        assertThat(config.entries())
                .contains(
                        new ConfigEntry("kvferry.raft.lanes", "6", "--set"),
                        new ConfigEntry("kvferry.finish-grace", "5s", "environment KVFERRY_FINISH_GRACE"),
                        new ConfigEntry("kvferry.close-timeout", "4s", file + ":3"));
    }

    @Test
    void allMistakesAreReportedAtOnceWithValueSourceAndWhatIsAllowed() {
        Path file = write("# lanes\nkvferry.raft.lanes = 65\n\nkvferry.finish-grase = 1s\n");

        TransferException e = mistakes(withRaft()
                .file(file)
                .environment(Map.of("KVFERRY_CHECKSUM", "maybe", "KVFERRY_RAFT_LANE", "1"))
                .set("kvferry.finish-horizon", "soon", "--set"));

        assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST);
        assertThat(e.error().detail().lines())
                .containsExactlyInAnyOrder(
                        "5 mistakes in the configuration:",
                        "kvferry.finish-grase (" + file + ":4): unknown key; did you mean kvferry.finish-grace?",
                        "KVFERRY_RAFT_LANE (environment): unknown variable; did you mean KVFERRY_RAFT_LANES?",
                        "kvferry.checksum = maybe (environment KVFERRY_CHECKSUM): not one of these; allowed: "
                                + EngineConfigKeys.CHECKSUM.allowed(),
                        "kvferry.finish-horizon = soon (--set): not a duration such as 500ms or 30s; allowed: 1ms to 24h",
                        "kvferry.raft.lanes = 65 (" + file + ":2): out of range; allowed: 1 to 64");
    }

    @Test
    void aSecretIsShownNowhere() {
        KvFerryConfig config = withRaft().set("kvferry.raft.token", "hunter2").build();

        assertThat(config.values().get(TOKEN)).isEqualTo("hunter2");
        assertThat(config.entries()).contains(new ConfigEntry("kvferry.raft.token", "****", "set by the program"));
        assertThat(config).asString().doesNotContain("hunter2");
    }

    @Test
    void aSecretUnderAMisspeltNameIsNotShownEither() {
        assertThat(mistakes(withRaft().set("kvferry.raft.tokn", "hunter2"))
                        .error()
                        .detail())
                .contains("did you mean kvferry.raft.token?")
                .doesNotContain("hunter2");
    }

    @Test
    void aKeyUnlikeAnyOtherGetsNoSuggestion() {
        assertThat(mistakes(withRaft().set("kvferry.colour-of-the-hull", "red"))
                        .error()
                        .detail())
                .isEqualTo("kvferry.colour-of-the-hull (set by the program): unknown key");
    }

    @Test
    void aBackendThatIsNotOnTheClassPathIsUnavailableAndItsArtifactIsNamed() {
        TransferException e = mistakes(withRaft().set("kvferry.backend", "raft,rdma", "--set"));

        assertThat(e.code()).isEqualTo(TransferErrorCode.BACKEND_UNAVAILABLE);
        assertThat(e.error().detail())
                .contains("kvferry.backend = raft,rdma (--set): no backend 'rdma'", "io.kvferry:kvferry-backend-rdma");
    }

    @Test
    void aMisspeltBackendIsNamed() {
        assertThat(mistakes(withRaft().set("kvferry.backend", "rafts")).error().detail())
                .contains("; did you mean raft?");
    }

    @Test
    void anAbsentBackendNextToAMistakeIsAnInvalidRequest() {
        TransferException e = mistakes(withRaft().set("kvferry.backend", "rdma").set("kvferry.raft.lanes", "no"));

        assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST);
        assertThat(e.error().detail().lines()).hasSize(3);
    }

    @Test
    void whatIsSetByKeyIsReadBack() {
        KvFerryConfig config = withRaft()
                .set(LANES, 7)
                .set(TOKEN, "open sesame")
                .set(EngineConfigKeys.BACKEND, List.of("raft"))
                .set(EngineConfigKeys.FINISH_RETRY, Duration.ofMillis(1500))
                .build();

        assertThat(config.values().get(LANES)).isEqualTo(7);
        assertThat(config.values().get(TOKEN)).isEqualTo("open sesame");
        assertThat(config.values().get(EngineConfigKeys.BACKEND)).containsExactly("raft");
        assertThat(config.values().get(EngineConfigKeys.FINISH_RETRY)).isEqualTo(Duration.ofMillis(1500));
    }

    @Test
    void aValueSetByKeyIsCheckedLikeAnyOther() {
        assertThat(mistakes(withRaft().set(LANES, 0)).error().detail())
                .isEqualTo("kvferry.raft.lanes = 0 (set by the program): out of range; allowed: 1 to 64");
    }

    @Test
    void theApplicationsOwnKeysAreReadTogetherWithTheOthers() {
        ConfigKey<Boolean> flag = ConfigKey.bool("kvferry.ferry.horn", false, "Whether to sound it.");

        KvFerryConfig config = KvFerryConfig.builder()
                .keys(Set.of(flag))
                .environment(Map.of("KVFERRY_FERRY_HORN", "true"))
                .build();

        assertThat(config.values().get(flag)).isTrue();
    }

    @Test
    void aBackendThatDeclaresAKeyOutsideItsNameIsNamed() {
        TransferException e = mistakes(KvFerryConfig.builder().provider(new NamedBackend("boat", Set.of(LANES))));

        assertThat(e.error().detail())
                .isEqualTo("kvferry.raft.lanes: declared by backend boat, whose keys begin with" + " kvferry.boat.");
    }

    @Test
    void twoKeysOfOneVariableAreToldApartOnlyInAFile() {
        Set<ConfigKey<?>> twins =
                Set.of(ConfigKey.text("kvferry.app.a-b", "", "One."), ConfigKey.text("kvferry.app.a.b", "", "Other."));

        assertThatThrownBy(() -> KvFerryConfig.builder()
                        .keys(twins)
                        .environment(Map.of("KVFERRY_APP_A_B", "x"))
                        .build())
                .isInstanceOf(TransferException.class)
                .hasMessageContaining("KVFERRY_APP_A_B: stands for both kvferry.app.a-b and kvferry.app.a.b");
    }

    @Test
    void linesOfAFileAreCountedAcrossContinuationsCommentsAndBlanks() {
        Path file = write("""
                ! a comment that ends in a backslash goes no further \\
                kvferry.backend = \\
                    raft, \\
                    raft

                kvferry.node-id = K\\u00e4hre
                kvferry.raft.lanes = many
                """);

        assertThat(mistakes(withRaft().file(file)).error().detail())
                .isEqualTo("kvferry.raft.lanes = many (" + file + ":7): not a whole number; allowed: 1 to 64");
        assertThat(withRaft()
                        .file(write("kvferry.node-id = K\\u00e4hre"))
                        .build()
                        .values()
                        .get(EngineConfigKeys.NODE_ID))
                .isEqualTo("Kähre");
    }

    @Test
    void aKeySetTwiceInOneFileIsAMistake() {
        Path file = write("kvferry.node-id=a\nkvferry.node-id=b\n");

        assertThat(mistakes(withRaft().file(file)).error().detail())
                .isEqualTo("kvferry.node-id (" + file + ":2): set before at " + file + ":1; remove one");
    }

    @Test
    void aFileThatIsMissingIsAMistakeOfOneLine() {
        Path file = folder.resolve("absent.properties");

        assertThat(mistakes(withRaft().file(file)).error().detail()).isEqualTo(file + ": there is no such file");
    }

    @ParameterizedTest
    @CsvSource({"'kvferry.node-id = \\u12'", "'\\ud'"})
    void aBrokenEscapeIsAMistakeOfItsLine(String line) {
        Path file = write("\n" + line + "\n");

        assertThat(mistakes(withRaft().file(file)).error().detail()).startsWith(file + ":2: ");
    }

    @Test
    void aValueOfManyLinesIsShownInOne() {
        assertThat(mistakes(withRaft().set("kvferry.raft.lanes", "1\n2" + "x".repeat(500)))
                        .error()
                        .detail())
                .hasLineCount(1)
                .contains("1?2xxx")
                .hasSizeLessThan(200);
    }

    private KvFerryConfig.Builder withRaft() {
        return KvFerryConfig.builder().provider(new NamedBackend("raft", Set.of(LANES, TOKEN)));
    }

    private static TransferException mistakes(KvFerryConfig.Builder builder) {
        TransferException e = catchThrowableOfType(TransferException.class, builder::build);
        assertThat(e).as("mistakes were found").isNotNull();
        return e;
    }

    private Path write(String content) {
        try {
            Path file = Files.createTempFile(folder, "kvferry", ".properties");
            return Files.writeString(file, content);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private record NamedBackend(String name, Set<ConfigKey<?>> configKeys) implements TransferBackendProvider {
        @Override
        public Availability probe(BackendConfig config) {
            return new Availability.Available("only a name");
        }

        @Override
        public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
            throw new AssertionError("reading a configuration opens nothing");
        }
    }
}

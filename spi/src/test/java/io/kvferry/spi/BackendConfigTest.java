package io.kvferry.spi;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BackendConfigTest {
    private static final ConfigKey<Integer> LANES = ConfigKey.integer("kvferry.tcp.lanes", 4, 1, 64, "why");
    private static final ConfigKey<String> TOKEN = ConfigKey.secret("kvferry.tcp.token", "why");

    @Test
    void aKeyThatIsNotSetHasItsDefault() {
        assertThat(BackendConfig.DEFAULTS.get(LANES)).isEqualTo(4);
        assertThat(BackendConfig.DEFAULTS.isSet(LANES)).isFalse();
    }

    @Test
    void settingAKeyChangesACopyOnly() {
        BackendConfig first = BackendConfig.DEFAULTS.with(LANES, 8);
        BackendConfig second = first.with(LANES, 16).with(TOKEN, "t");

        assertThat(BackendConfig.DEFAULTS.get(LANES)).isEqualTo(4);
        assertThat(first.get(LANES)).isEqualTo(8);
        assertThat(first.isSet(TOKEN)).isFalse();
        assertThat(second.get(LANES)).isEqualTo(16);
        assertThat(second.get(TOKEN)).isEqualTo("t");
    }

    @Test
    void aValueEqualToTheDefaultCountsAsSet() {
        assertThat(BackendConfig.DEFAULTS.with(LANES, 4).isSet(LANES)).isTrue();
    }

    @Test
    void textIsSortedAndMasksSecrets() {
        assertThat(BackendConfig.DEFAULTS.with(TOKEN, "hunter2").with(LANES, 8))
                .hasToString("[kvferry.tcp.lanes=8, kvferry.tcp.token=****]");
    }
}

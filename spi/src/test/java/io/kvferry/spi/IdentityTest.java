package io.kvferry.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The names of transfers, peers, addresses and wires. */
class IdentityTest {
    @ParameterizedTest
    @CsvSource({
        "0,0,00000000000000000000000000000000",
        "1,-1,0000000000000001ffffffffffffffff",
        "-9223372036854775808,9223372036854775807,80000000000000007fffffffffffffff"
    })
    void aTransferIdIsThirtyTwoHexadecimalDigits(long high, long low, String text) {
        TransferId id = new TransferId(high, low);

        assertThat(id).hasToString(text);
        assertThat(TransferId.parse(text)).isEqualTo(id);
    }

    @Test
    void randomTransferIdsDifferAndSurviveTheirText() {
        Set<TransferId> seen = new HashSet<>();
        for (int i = 0; i < 1000; i++) {
            TransferId id = TransferId.random();
            assertThat(TransferId.parse(id.toString())).isEqualTo(id);
            seen.add(id);
        }
        assertThat(seen).hasSize(1000);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "0",
                "0000000000000000000000000000000",
                "000000000000000000000000000000000",
                "0000000000000000000000000000000g",
                "-0000000000000000000000000000000",
                "0000000000000000 000000000000000"
            })
    void anythingElseIsNoTransferId(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> TransferId.parse(text));
    }

    @ParameterizedTest
    @CsvSource({
        "10.0.0.7:7400,10.0.0.7,7400",
        "node-7.example:0,node-7.example,0",
        "localhost:65535,localhost,65535",
        "[fd00::7]:7400,fd00::7,7400",
        "[::1]:1,::1,1"
    })
    void anAddressIsReadAndWrittenTheSame(String text, String host, int port) {
        PeerAddress address = PeerAddress.parse(text);

        assertThat(address).isEqualTo(new PeerAddress(host, port)).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":",
                "host",
                "host:",
                ":7400",
                "host:-1",
                "host:65536",
                "host:999999",
                "host:7400x",
                "host: 7400",
                "::1:7400",
                "fd00::7",
                "[]:7400",
                "[fd00::7]",
                "[fd00::7:7400",
                "a:b:7400",
                " :7400",
                "host:٧"
            })
    void anythingElseIsNoAddress(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> PeerAddress.parse(text));
    }

    @ParameterizedTest
    @CsvSource({"'',1", "' ',1", "host,-1", "host,65536"})
    void partsThatMakeNoAddressAreRefused(String host, int port) {
        assertThatIllegalArgumentException().isThrownBy(() -> new PeerAddress(host, port));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "a b", "ä", "tab\t", "new\nline", "\u007f"})
    void aNodeIdIsPrintableAsciiWithoutSpaces(String nodeId) {
        assertThatIllegalArgumentException().isThrownBy(() -> new PeerIdentity(nodeId, 1));
    }

    @Test
    void aNodeIdHasAtMost128Characters() {
        assertThat(new PeerIdentity("n".repeat(128), 1).nodeId()).hasSize(128);
        assertThatIllegalArgumentException().isThrownBy(() -> new PeerIdentity("n".repeat(129), 1));
    }

    @Test
    void anotherBootIsAnotherPeer() {
        assertThat(new PeerIdentity("n", 1)).isNotEqualTo(new PeerIdentity("n", 2));
        assertThat(new PeerIdentity("n", -1)).hasToString("n#ffffffffffffffff");
    }

    @ParameterizedTest
    @CsvSource({"'',1", "Tcp,1", "1tcp,1", "tcp_2,1", "tcp,0", "tcp,-1", "a23456789012345678901234567890123,1"})
    void wireIdsAreKebabCaseWithAVersionFromOne(String name, int version) {
        assertThatIllegalArgumentException().isThrownBy(() -> new WireId(name, version));
    }

    @Test
    void wireIdsAreEqualWhenNameAndVersionAre() {
        assertThat(new WireId("kvferry-tcp", 1))
                .hasToString("kvferry-tcp/1")
                .isEqualTo(new WireId("kvferry-tcp", 1))
                .isNotEqualTo(new WireId("kvferry-tcp", 2));
    }
}

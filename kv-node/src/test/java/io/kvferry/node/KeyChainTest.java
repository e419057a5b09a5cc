package io.kvferry.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.control.cluster.ChunkKeys;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every scheme against values that other programs made. */
class KeyChainTest {
    private static final int[] TWO_CHUNKS = IntStream.range(0, 512).toArray();

    @Test
    void ourKeysAreSha256OverTheDocumentedBytes() {
        Sha256Hash hash = new Sha256Hash(4, "model|layout");

        ChunkKeys keys = KeyChain.of(hash, 4, "any").keys(new int[] {1, 2, 3, 4, 5, 6, 7, Integer.MAX_VALUE, 9});

        // made with Python's hashlib
        assertThat(hex(hash.root())).isEqualTo("726cdbed764691e6fe55658f038031350d7bb28057136bcb5a3d2bb0933773db");
        assertThat(hex(keys))
                .containsExactly(
                        "8c17f4bced9ce33e64f3be955caaefea2b00347072ed8ead206e2a4312a2b004",
                        "82e13251bdbb1003cb20030fddb0596a1324af8a97f0a302009c3da7f2961b93");
    }

    static Stream<Arguments> cbor() {
        return Stream.of(
                Arguments.of(
                        "0",
                        "4e1195df020de59e0d65a33a4279f1183e7ae4e5d980e309f8b55adff2e61c3e",
                        "f3de83132fabc7fa86835e24f2a2008df215e9d03ba998de8e1aaa1431327685",
                        "371af08f4403543b92424de857c05f7e7e941c51fc259b7b6c5de7956b6adb7e"),
                Arguments.of(
                        "123",
                        "9bf5bb3e4bd40e48b2a893d8928a13c0289f9a74404437ffc44070135c95f290",
                        "a813bdf08065391f5b1b962b9f14b519b98d0eadad31d6ef1c464f74d0940195",
                        "7e7bbed1a6200fd5fa80167f45bb101b97153d09baa2a486948e26da87e9c1d1"));
    }

    @ParameterizedTest
    @MethodSource("cbor")
    void cborKeysAreThoseThatCbor2AndHashlibMake(String seed, String root, String first, String second) {
        VllmCborHash hash = new VllmCborHash(seed);

        assertThat(hex(hash.root())).isEqualTo(root);
        assertThat(hex(KeyChain.of(hash, 256, "any").keys(TWO_CHUNKS))).containsExactly(first, second);
    }

    @Test
    void cborWritesEveryTokenInAsFewBytesAsItFits() {
        VllmCborHash hash = new VllmCborHash("123");
        int[] tokens = {0, 23, 24, 255, 256, 65_535, 65_536, Integer.MAX_VALUE};

        assertThat(hex(hash.next(hash.root(), tokens, 0, tokens.length)))
                .isEqualTo("06b0f934484b84bd74d0240f4ae107f0fe0a42341c1b557a9fa9aa4a7a6fa081");
    }

    static Stream<Arguments> cpython() {
        return Stream.of(
                Arguments.of(
                        "0", 5313149338359954478L, 3067829022414786342L, -6064366088855478519L, -433164432023560174L),
                Arguments.of(
                        "1", -3509053104883717537L, 2190091871438181296L, 2294197842102651324L, 8253083865197455174L),
                Arguments.of(
                        "123",
                        -6197052367682486848L,
                        -5640832744373640762L,
                        -5396598907105279758L,
                        1698657911441021964L),
                Arguments.of(
                        "4294967295",
                        8891781246207573802L,
                        13015404940077381L,
                        3575634909523174791L,
                        -1110855270451422846L));
    }

    @ParameterizedTest
    @MethodSource("cpython")
    void builtinKeysAreThoseOfCpython312And313(String seed, long root, long first, long second, long third) {
        CpythonHash hash = new CpythonHash(seed);

        assertThat(number(hash.root())).isEqualTo(root);
        ChunkKeys keys = KeyChain.of(hash, 256, "any").keys(TWO_CHUNKS);
        assertThat(number(keys.key(0))).isEqualTo(first);
        assertThat(number(keys.key(1))).isEqualTo(second);
        assertThat(number(hash.next(keys.key(1), new int[] {Integer.MAX_VALUE, 0, 5}, 0, 3)))
                .isEqualTo(third);
    }

    @Test
    void aKeyStandsForAllTokensBeforeItsEnd() {
        KeyChain chain = KeyChain.of(new Sha256Hash(2, ""), 2, "any");

        List<String> one = hex(chain.keys(new int[] {1, 2, 3, 4}));
        List<String> other = hex(chain.keys(new int[] {9, 2, 3, 4}));

        assertThat(one).doesNotContainAnyElementsOf(other);
        assertThat(hex(chain.keys(new int[] {1, 2, 5, 6})).getFirst()).isEqualTo(one.getFirst());
        assertThat(chain.keys(new int[] {1}).isEmpty()).isTrue();
    }

    @Test
    void theSchemeNamesWhatTwoNodesMustAgreeOn() {
        Sha256Hash hash = new Sha256Hash(256, "");

        assertThat(KeyChain.of(hash, 256, "one model").scheme())
                .isEqualTo(KeyChain.of(hash, 256, "one model").scheme())
                .isNotEqualTo(KeyChain.of(hash, 256, "another").scheme())
                .isNotEqualTo(KeyChain.of(hash, 128, "one model").scheme());
    }

    @Test
    void whatIsNoTokenOrNoSeedIsRefused() {
        KeyChain chain = KeyChain.of(new VllmCborHash("0"), 2, "any");

        assertThatThrownBy(() -> chain.keys(new int[] {1, -1}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("position 1");
        assertThatThrownBy(() -> new CpythonHash("random")).hasMessageContaining("PYTHONHASHSEED");
        assertThatThrownBy(() -> new CpythonHash("4294967296")).hasMessageContaining("PYTHONHASHSEED");
    }

    private static List<String> hex(ChunkKeys keys) {
        return IntStream.range(0, keys.size()).mapToObj(i -> hex(keys.key(i))).toList();
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    private static long number(byte[] key) {
        return ByteBuffer.wrap(key).getLong();
    }
}

package io.kvferry.control.lmcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;

class MessageCodecTest {
    private static final long SEED = 20261121;

    /** Bytes that LMCache itself made, and what they say. */
    static Stream<Arguments> golden() {
        return Stream.of(
                Arguments.of(
                        "86a474797065ab52656769737465724d7367ab696e7374616e63655f6964b26c6d63616368655f696e7374616e63655f31a977"
                                + "6f726b65725f696400a26970ae3139322e3136382e3131302e3133a4706f7274cd2134ad706565725f696e69745f75"
                                + "726cb33139322e3136382e3131302e31333a38323030",
                        Message.of(
                                MessageType.REGISTER,
                                "lmcache_instance_1",
                                0L,
                                "192.168.110.13",
                                8500L,
                                "192.168.110.13:8200")),
                Arguments.of(
                        "86a474797065ac4865617274626561744d7367ab696e7374616e63655f6964a169a9776f726b65725f696400a26970a7312e32"
                                + "2e332e34a4706f727401ad706565725f696e69745f75726cc0",
                        Message.of(MessageType.HEARTBEAT, "i", 0L, "1.2.3.4", 1L, null)),
                Arguments.of(
                        "84a474797065b3426174636865645032504c6f6f6b75704d7367a66861736865739301fecf7fffffffffffffffab696e737461"
                                + "6e63655f6964a169a9776f726b65725f696400",
                        Message.of(MessageType.BATCHED_P2P_LOOKUP, List.of(1L, -2L, Long.MAX_VALUE), "i", 0L)),
                Arguments.of(
                        "82a474797065b6426174636865645032504c6f6f6b75705265744d7367ab6c61796f75745f696e666f9194a0a000a0",
                        Message.of(MessageType.BATCHED_P2P_LOOKUP_RET, List.of(List.of("", "", 0L, "")))),
                Arguments.of(
                        "85a474797065b5426174636865644b564f7065726174696f6e4d7367ab696e7374616e63655f6964a169a9776f726b65725f69"
                                + "6400a86c6f636174696f6eaf4c6f63616c4350554261636b656e64aa6f7065726174696f6e739283a76f705f747970"
                                + "65a561646d6974a36b657907a77365715f6e756d0183a76f705f74797065a56576696374a36b657907a77365715f6e"
                                + "756d02",
                        Message.of(
                                MessageType.BATCHED_KV_OPERATION,
                                "i",
                                0L,
                                "LocalCPUBackend",
                                List.of(event("admit", 7L, 1L), event("evict", 7L, 2L)))),
                Arguments.of("82a474797065a84572726f724d7367a56572726f72a178", Message.error("x")));
    }

    private static Map<String, Object> event(String operation, Object key, long sequence) {
        Map<String, Object> event = new LinkedHashMap<>();
        event.put("op_type", operation);
        event.put("key", key);
        event.put("seq_num", sequence);
        return event;
    }

    @ParameterizedTest
    @MethodSource("golden")
    void speaksLmCachesOwnBytes(String hex, Message message) throws Exception {
        assertThat(HexFormat.of().formatHex(MessageCodec.encode(message))).isEqualTo(hex);
        assertThat(MessageCodec.decode(HexFormat.of().parseHex(hex))).isEqualTo(message);
    }

    @ParameterizedTest
    @EnumSource(MessageType.class)
    void everyTypeSurvivesBothLanguages(MessageType type) throws Exception {
        Message message = sample(type);

        assertThat(MessageCodec.decode(MessageCodec.encode(message))).isEqualTo(message);
        assertThat(MessageCodec.decode(MessageCodec.encode(message, true))).isEqualTo(message);
    }

    @ParameterizedTest
    @EnumSource(MessageType.class)
    void aMissingFieldHasItsDefaultOrIsNamed(MessageType type) throws Exception {
        for (Field field : type.fields()) {
            Map<String, Object> map = new LinkedHashMap<>(sample(type).toMap());
            map.remove(field.name());
            if (field.isRequired()) {
                assertThatThrownBy(() -> MessageCodec.decode(packed(map)))
                        .isInstanceOf(MalformedMessageException.class)
                        .hasMessageContaining(type.tag())
                        .hasMessageContaining("'" + field.name() + "'");
            } else {
                assertThat(MessageCodec.decode(packed(map)).values().get(field.name()))
                        .isEqualTo(field.fallback());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(MessageType.class)
    void aFieldOfAnotherKindIsNamed(MessageType type) throws Exception {
        for (Field field : type.fields()) {
            Map<String, Object> map = new LinkedHashMap<>(sample(type).toMap());
            map.put(field.name(), new byte[] {1});

            assertThatThrownBy(() -> MessageCodec.decode(packed(map)))
                    .isInstanceOf(MalformedMessageException.class)
                    .hasMessageContaining(field.name());
        }
    }

    @ParameterizedTest
    @EnumSource(MessageType.class)
    void anUnknownFieldIsKeptAside(MessageType type) throws Exception {
        Map<String, Object> map = new LinkedHashMap<>(sample(type).toMap());
        map.put("schema", 2L);

        Message read = MessageCodec.decode(packed(map));

        assertThat(read.values()).isEqualTo(sample(type).values());
        assertThat(read.extras()).containsEntry("schema", 2L);
    }

    @Test
    void olderGenerationsAreUnderstood() throws Exception {
        Map<String, Object> register =
                new LinkedHashMap<>(sample(MessageType.REGISTER).toMap());
        register.remove("peer_init_url");
        assertThat(MessageCodec.decode(packed(register)).optionalText("peer_init_url"))
                .isNull();

        register.put("distributed_url", "10.0.0.1:8200");
        assertThat(MessageCodec.decode(packed(register)).optionalText("peer_init_url"))
                .isEqualTo("10.0.0.1:8200");
    }

    @Test
    void hashesOfSixtyFourBitsKeepTheirBits() throws Exception {
        BigInteger largest = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);
        Message message = Message.of(MessageType.BATCHED_P2P_LOOKUP, List.of(largest, -1L, Long.MIN_VALUE), "i", 0L);

        long[] keys = MessageCodec.decode(MessageCodec.encode(message)).keys("hashes");

        assertThat(keys).containsExactly(-1, -1, Long.MIN_VALUE);
    }

    @Test
    void integerKeysStayIntegers() throws Exception {
        Message health = Message.of(MessageType.HEALTH_RET, "e", Map.of(0L, 5L));

        assertThat(HexFormat.of().formatHex(MessageCodec.encode(health))).endsWith("810005");
        assertThat(MessageCodec.decode("{\"type\":\"HealthRetMsg\",\"event_id\":\"e\",\"error_codes\":{\"0\":5}}"
                        .getBytes(StandardCharsets.UTF_8)))
                .isEqualTo(health);
    }

    @ParameterizedTest
    @MethodSource("lies")
    void aLengthThatLiesAllocatesNothing(String hex) {
        assertThatThrownBy(() -> MessageCodec.decode(HexFormat.of().parseHex(hex)))
                .isInstanceOf(MalformedMessageException.class);
    }

    static List<String> lies() {
        return List.of(
                "",
                "c1",
                "80",
                "90",
                "df7fffffff",
                "dd7fffffff",
                "81a474797065db7fffffff",
                "81a474797065c67fffffff",
                "82a474797065a84572726f724d7367a56572726f72a178c0",
                "c7ffff",
                "9191919191919191919191",
                "dfffffffff");
    }

    @Test
    void noMutationOfAFrameDoesMoreThanBeingRefused() {
        Random random = new Random(SEED);
        List<byte[]> frames = new ArrayList<>();
        for (MessageType type : MessageType.values()) {
            frames.add(MessageCodec.encode(sample(type)));
            frames.add(MessageCodec.encode(sample(type), true));
        }
        int refused = 0;
        for (int round = 0; round < 20_000; round++) {
            byte[] frame = mutated(frames.get(random.nextInt(frames.size())), random);
            try {
                Message message = MessageCodec.decode(frame);
                assertThat(MessageCodec.encode(message)).isNotEmpty();
            } catch (MalformedMessageException e) {
                refused++;
            } catch (RuntimeException | Error e) {
                throw new AssertionError(
                        "seed " + SEED + " round " + round + ": "
                                + HexFormat.of().formatHex(frame),
                        e);
            }
        }
        assertThat(refused).isGreaterThan(1000);
    }

    private static byte[] mutated(byte[] frame, Random random) {
        byte[] copy = frame.clone();
        for (int i = random.nextInt(4); i >= 0; i--) {
            copy[random.nextInt(copy.length)] = (byte) random.nextInt();
        }
        return random.nextInt(4) == 0 ? java.util.Arrays.copyOf(copy, random.nextInt(copy.length + 1)) : copy;
    }

    private static byte[] packed(Map<String, Object> map) throws Exception {
        try (MessageBufferPacker packer = MessagePack.newDefaultBufferPacker()) {
            packer.packMapHeader(map.size());
            for (Map.Entry<String, Object> entry : map.entrySet()) {
                packer.packString(entry.getKey());
                pack(packer, entry.getValue());
            }
            return packer.toByteArray();
        }
    }

    private static void pack(MessageBufferPacker packer, Object value) throws Exception {
        switch (value) {
            case null -> packer.packNil();
            case String text -> packer.packString(text);
            case Boolean flag -> packer.packBoolean(flag);
            case Long number -> packer.packLong(number);
            case Double number -> packer.packDouble(number);
            case byte[] bytes -> packer.packBinaryHeader(bytes.length).writePayload(bytes);
            case List<?> list -> {
                packer.packArrayHeader(list.size());
                for (Object element : list) {
                    pack(packer, element);
                }
            }
            case Map<?, ?> map -> {
                packer.packMapHeader(map.size());
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    pack(packer, entry.getKey());
                    pack(packer, entry.getValue());
                }
            }
            default -> throw new AssertionError(value.getClass());
        }
    }

    static Message sample(MessageType type) {
        return Message.of(
                type, type.fields().stream().map(MessageCodecTest::sample).toArray());
    }

    private static Object sample(Field field) {
        return switch (field.kind()) {
            case TEXT -> "text of " + field.name();
            case INTEGER -> 41L;
            case REAL -> 0.75;
            case BOOLEAN -> true;
            case INTEGERS -> List.of(1L, -2L, 3_000_000_000L);
            case PAIR -> List.of("a", "b");
            case EVENT -> event("admit", 9L, 3L);
            case EVENTS -> List.of(event("admit", 9L, 3L), event("evict", -9L, 4L));
            case COMMANDS -> List.of(Map.of("type", "full_sync"));
            case LAYOUTS -> List.of(List.of("i", "LocalCPUBackend", 3L, "h:1"));
            case TEXT_MAP -> Map.of("heartbeat_url", "h:1");
            case INTEGER_MAP -> Map.of(1L, 2L);
            case LAYOUT_MAP -> Map.of("i", List.of("LocalCPUBackend", 512L));
            case WORKER_INFOS -> List.of(Map.of("instance_id", "i", "registration_time", 1.5));
        };
    }
}

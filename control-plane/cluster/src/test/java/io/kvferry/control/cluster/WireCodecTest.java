package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.UnknownFieldSet;
import io.kvferry.control.cluster.wire.ClusterProto;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class WireCodecTest {
    private static final KeyScheme SCHEME = new KeyScheme("sha256/llama", 4, 256);
    private static final ChunkKeys TWO = ChunkKeys.of(4, new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
    private static final NodeRegistration NODE = new NodeRegistration(
            new PeerIdentity("node-a", 0x1122334455667788L),
            "engine-1",
            Map.of("peer-control", "10.0.0.7:7400"),
            SCHEME,
            1,
            "kvferry 0.1.0");
    private static final NodeStats STATS = new NodeStats(37, 1L << 40, 1L << 39, 3, 4096, 1L << 41, 1000, 900);
    private static final OrderResult RESULT =
            new OrderResult(TransferErrorCode.RESOURCE_EXHAUSTED, 7, "no room", Map.of("pool", "full"));
    private static final OrderRequest REQUEST = new OrderRequest(
            new OrderAction.Pin(TWO, Duration.ofSeconds(60)), List.of("engine-1"), Duration.ofSeconds(30));

    private interface Reader<M extends Message> {
        Object read(M message);
    }

    private record Sample(String name, Object value, Message message, Reader<Message> reader) {
        @SuppressWarnings("unchecked")
        static <M extends Message> Sample of(String name, Object value, M message, Reader<M> reader) {
            return new Sample(name, value, message, (Reader<Message>) reader);
        }

        Object read(byte[] bytes) throws InvalidProtocolBufferException {
            return reader.read(message.getParserForType().parseFrom(bytes));
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static Sample action(OrderAction action) {
        return Sample.of("action-" + action.name(), action, WireEncoder.action(action), WireDecoder::action);
    }

    static List<Sample> samples() {
        ChunkBatch batch = new ChunkBatch(9, Tier.DISK, TWO.slice(0, 1), TWO, Optional.of(new IndexDigest(5, -6)));
        Lookup lookup = new Lookup(SCHEME.name(), TWO, "node-a", 3);
        NodeRegistration held = new NodeRegistration(
                NODE.identity(), NODE.instance(), NODE.addresses(), SCHEME, NodeRegistration.SCHEMA_VERSION, "");
        LookupAnswer answer = new LookupAnswer(2, List.of(new Holder(held, 2, Tier.HOST, 37)), false);
        OrderStatus status = new OrderStatus("0a1b", REQUEST, List.of("node-a"), Map.of("node-a", RESULT));
        NodeView view = new NodeView(
                NODE, NodeState.SUSPECT, Duration.ofSeconds(8), Duration.ofSeconds(7), true, true, 12, STATS);
        return List.of(
                Sample.of("register", NODE, WireEncoder.register(NODE), WireDecoder::registration),
                Sample.of("keep-alive", STATS, WireEncoder.stats(STATS), WireDecoder::stats),
                Sample.of("batch", batch, WireEncoder.batch(batch), message -> WireDecoder.batch(message, 4)),
                Sample.of("lookup", lookup, WireEncoder.lookup(lookup), WireDecoder::lookup),
                Sample.of("lookup-answer", answer, WireEncoder.answer(answer), WireDecoder::answer),
                action(new OrderAction.Pin(TWO, Duration.ofSeconds(60))),
                action(new OrderAction.Unpin(TWO)),
                action(new OrderAction.Clear(Optional.of(Tier.DISK))),
                action(new OrderAction.Move(TWO, NODE.identity(), NODE.addresses(), true)),
                action(new OrderAction.Health()),
                action(new OrderAction.QueryNode()),
                Sample.of("order-result", RESULT, WireEncoder.result(RESULT), WireDecoder::result),
                Sample.of(
                        "place-order",
                        REQUEST,
                        WireEncoder.order(REQUEST),
                        message -> WireDecoder.order(message, Duration.ofSeconds(1))),
                Sample.of("order-status", status, WireEncoder.order(status), WireDecoder::status),
                Sample.of("node", view, WireEncoder.node(view), WireDecoder::node));
    }

    @ParameterizedTest
    @MethodSource("samples")
    void valuesSurviveTheRoundTrip(Sample sample) throws IOException {
        assertThat(sample.read(sample.message().toByteArray())).isEqualTo(sample.value());
    }

    @ParameterizedTest
    @MethodSource("samples")
    void required_R12_theBytesOfGenerationOneNeverChange(Sample sample) throws IOException {
        String bytes = HexFormat.of().formatHex(sample.message().toByteArray());
        try (InputStream file = getClass().getResourceAsStream("/golden/v1/" + sample.name() + ".hex")) {
            assertThat(file).as("golden bytes; these are " + bytes).isNotNull();
            assertThat(bytes).isEqualTo(new String(file.readAllBytes(), StandardCharsets.US_ASCII).strip());
        }
    }

    /** Fields without which a message means nothing; the .proto calls them required. */
    private static final Set<String> REQUIRED = Set.of(
            "Register.self",
            "Register.scheme",
            "Batch.sequence",
            "Batch.tier",
            "LookupRequest.keys",
            "LookupRequest.key_bytes",
            "Action.pin",
            "Action.unpin",
            "Action.clear",
            "Action.move",
            "Action.health",
            "Action.query_node",
            "PlaceOrderRequest.action",
            "OrderReply.id",
            "OrderReply.action",
            "OrderReply.timeout_nanos",
            "Node.registration");

    @ParameterizedTest
    @MethodSource("samples")
    void required_R12_eachFieldMayBeMissing(Sample sample) throws IOException {
        for (FieldDescriptor field : sample.message().getAllFields().keySet()) {
            byte[] without =
                    sample.message().toBuilder().clearField(field).build().toByteArray();
            String name = field.getContainingType().getName() + "." + field.getName();
            TransferErrorCode refusal = null;
            try {
                assertThat(sample.read(without)).as(name).isNotNull();
            } catch (TransferException e) {
                refusal = e.code();
                assertThat(e.error().detail()).as(name).containsAnyOf(field.getName(), "action");
            }
            assertThat(refusal).as(name).isEqualTo(REQUIRED.contains(name) ? TransferErrorCode.PROTOCOL_ERROR : null);
        }
    }

    @ParameterizedTest
    @MethodSource("samples")
    void required_R12_unknownFieldsAreIgnored(Sample sample) throws IOException {
        byte[] extended = sample.message().toBuilder()
                .setUnknownFields(UnknownFieldSet.newBuilder()
                        .addField(
                                1000,
                                UnknownFieldSet.Field.newBuilder()
                                        .addVarint(5)
                                        .addLengthDelimited(ByteString.copyFromUtf8("new"))
                                        .build())
                        .build())
                .build()
                .toByteArray();

        assertThat(sample.read(extended)).isEqualTo(sample.value());
    }

    @ParameterizedTest
    @MethodSource("samples")
    void stochastic_R11_damagedBytesAreDecodedOrRefusedAndNothingElse(Sample sample) {
        long seed = 20260101;
        Random random = new Random(seed);
        byte[] original = sample.message().toByteArray();
        for (int round = 0; round < 3000; round++) {
            byte[] bytes = Arrays.copyOf(
                    original, random.nextInt(4) == 0 ? random.nextInt(original.length + 8) : original.length);
            for (int i = 0; i < 1 + random.nextInt(4) && bytes.length > 0; i++) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            try {
                sample.read(bytes);
            } catch (TransferException e) {
                assertThat(e.code()).as("seed=" + seed + " round=" + round).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
            } catch (InvalidProtocolBufferException undecodable) {
                assertThat(undecodable).isNotNull();
            }
        }
    }

    @Test
    void moreKeysThanAMessageMayNameAreRefusedBeforeTheyAreRead() {
        ClusterProto.LookupRequest request = ClusterProto.LookupRequest.newBuilder()
                .setScheme("s")
                .setKeyBytes(1)
                .setKeys(ByteString.copyFrom(new byte[WireDecoder.MAX_KEYS + 1]))
                .build();

        assertThat(catchThrowableOfType(TransferException.class, () -> WireDecoder.lookup(request))
                        .error()
                        .detail())
                .contains("16384");
    }
}

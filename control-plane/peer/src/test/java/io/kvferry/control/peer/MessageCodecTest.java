package io.kvferry.control.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.UnknownFieldSet;
import io.kvferry.control.grpc.wire.CommonProto;
import io.kvferry.control.peer.wire.PeerProto;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferState;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class MessageCodecTest {
    /** A message of the wire by the name of its golden file: its bytes, and how they are read. */
    private record Sample(String name, byte[] bytes, Message message, Reader reader) {
        @Override
        public String toString() {
            return name;
        }
    }

    private interface Reader {
        Object read(byte[] bytes);
    }

    private static Sample request(PeerRequest<?> request, Message schema) {
        PeerMethod method = PeerMethod.of(request);
        return sample(
                method.name().toLowerCase(Locale.ROOT) + "-request",
                MessageEncoder.encode(request),
                schema,
                bytes -> MessageDecoder.request(method, bytes));
    }

    private static Sample reply(PeerMethod method, PeerReply reply, Message schema) {
        return sample(
                method.name().toLowerCase(Locale.ROOT) + "-reply",
                MessageEncoder.encode(reply),
                schema,
                bytes -> MessageDecoder.reply(method, bytes));
    }

    private static Sample sample(String name, byte[] bytes, Message schema, Reader reader) {
        try {
            return new Sample(
                    name, bytes, schema.newBuilderForType().mergeFrom(bytes).build(), reader);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    static List<Sample> samples() {
        return List.of(
                request(Samples.HELLO, PeerProto.HelloRequest.getDefaultInstance()),
                request(Samples.PREPARE, PeerProto.PrepareRequest.getDefaultInstance()),
                request(Samples.PART, PeerProto.PartRequest.getDefaultInstance()),
                request(Samples.CANCEL, PeerProto.CancelRequest.getDefaultInstance()),
                request(Samples.FINISH, PeerProto.FinishRequest.getDefaultInstance()),
                request(Samples.NOTIFY, PeerProto.NotifyRequest.getDefaultInstance()),
                reply(PeerMethod.HELLO, Samples.WELCOME, PeerProto.HelloReply.getDefaultInstance()),
                reply(PeerMethod.PREPARE, Samples.PREPARED, PeerProto.PrepareReply.getDefaultInstance()),
                reply(PeerMethod.PART, PeerReply.Ack.INSTANCE, PeerProto.PartReply.getDefaultInstance()),
                reply(PeerMethod.CANCEL, PeerReply.Ack.INSTANCE, PeerProto.CancelReply.getDefaultInstance()),
                reply(PeerMethod.FINISH, Samples.FINISHED, PeerProto.FinishReply.getDefaultInstance()),
                reply(PeerMethod.NOTIFY, Samples.NOTIFIED, PeerProto.NotifyReply.getDefaultInstance()),
                sample(
                        "channel-open",
                        MessageEncoder.channelOpen(new ChannelId(Samples.ID, 2, Samples.EPOCH)),
                        PeerProto.ChannelFrame.getDefaultInstance(),
                        MessageDecoder::channelOpen),
                sample(
                        "channel-message",
                        MessageEncoder.channelMessage(new byte[] {1, 2, 3}),
                        PeerProto.ChannelFrame.getDefaultInstance(),
                        bytes -> Optional.ofNullable(MessageDecoder.channelMessage(bytes))
                                .map(ByteString::copyFrom)));
    }

    static List<PeerRequest<?>> requests() {
        return Samples.REQUESTS;
    }

    @ParameterizedTest
    @MethodSource("requests")
    void requestsSurviveTheRoundTripWithEveryField(PeerRequest<?> request) {
        PeerMethod method = PeerMethod.of(request);

        assertThat(MessageDecoder.request(method, MessageEncoder.encode(request)))
                .isEqualTo(request);
    }

    @ParameterizedTest
    @EnumSource(PeerMethod.class)
    void repliesSurviveTheRoundTripWithEveryField(PeerMethod method) {
        PeerReply reply = Samples.replyTo(Samples.REQUESTS.stream()
                .filter(request -> PeerMethod.of(request) == method)
                .findFirst()
                .orElseThrow());

        assertThat(MessageDecoder.reply(method, MessageEncoder.encode(reply))).isEqualTo(reply);
    }

    @ParameterizedTest
    @MethodSource("samples")
    void samplesSetEveryFieldOfTheirMessage(Sample sample) {
        if (sample.message() instanceof PeerProto.ChannelFrame) {
            assertThat(sample.message().getAllFields()).hasSize(1);
            return;
        }
        sample.message()
                .getDescriptorForType()
                .getFields()
                .forEach(field -> assertThat(sample.message().getAllFields()).containsKey(field));
    }

    @ParameterizedTest
    @MethodSource("samples")
    void required_R12_theBytesOfGenerationOneNeverChange(Sample sample) throws IOException {
        String golden;
        try (InputStream file = getClass().getResourceAsStream("/golden/v1/" + sample.name() + ".hex")) {
            assertThat(file)
                    .as("golden bytes; these are " + HexFormat.of().formatHex(sample.bytes()))
                    .isNotNull();
            golden = new String(file.readAllBytes(), StandardCharsets.US_ASCII).strip();
        }
        assertThat(HexFormat.of().formatHex(sample.bytes())).isEqualTo(golden);
        assertThat(sample.reader().read(HexFormat.of().parseHex(golden)))
                .isEqualTo(sample.reader().read(sample.bytes()));
    }

    static Stream<Arguments> deletions() {
        return samples().stream()
                .flatMap(sample -> withoutEachField(sample.message()).entrySet().stream()
                        .map(deletion -> Arguments.of(sample, deletion.getKey(), deletion.getValue())));
    }

    /** By path: the message without that field, at any depth. */
    private static Map<String, Message> withoutEachField(Message message) {
        Map<String, Message> deletions = new LinkedHashMap<>();
        for (Map.Entry<FieldDescriptor, Object> entry : message.getAllFields().entrySet()) {
            FieldDescriptor field = entry.getKey();
            deletions.put(field.getName(), message.toBuilder().clearField(field).build());
            if (field.getJavaType() != FieldDescriptor.JavaType.MESSAGE) {
                continue;
            }
            Message child = (Message) (field.isRepeated() ? message.getRepeatedField(field, 0) : entry.getValue());
            withoutEachField(child).forEach((path, changed) -> {
                Message.Builder builder = message.toBuilder();
                if (field.isRepeated()) {
                    builder.setRepeatedField(field, 0, changed);
                } else {
                    builder.setField(field, changed);
                }
                deletions.put(field.getName() + "." + path, builder.build());
            });
        }
        return deletions;
    }

    /** Fields without which a message means nothing; the .proto calls them required. */
    private static final List<String> REQUIRED = List.of(
            "self",
            "self.node_id",
            "offers.name",
            "offers.wire_id",
            "offers.wire_id.name",
            "offers.wire_id.version",
            "id",
            "attempt",
            "operation",
            "target",
            "target.node_id",
            "wire_id",
            "wire_id.name",
            "wire_id.version",
            "blocks",
            "blocks.keys",
            "blocks.lengths",
            "outcome",
            "topic",
            "count",
            "epoch",
            "open",
            "open.id",
            "open.attempt",
            "open.epoch",
            "error.number");

    @ParameterizedTest(name = "{0} without {1}")
    @MethodSource("deletions")
    void required_R12_eachFieldMayBeMissing(Sample sample, String path, Message without) {
        boolean required = REQUIRED.contains(path)
                // in FinishRequest 0 means something for these two
                && !(without instanceof PeerProto.FinishRequest && (path.equals("epoch") || path.equals("blocks")));
        if (path.equals("message")) {
            assertThat(MessageDecoder.channelMessage(without.toByteArray())).isNull();
            return;
        }
        if (!required) {
            assertThat(sample.reader().read(without.toByteArray())).isNotNull();
            return;
        }
        TransferException refusal = catchThrowableOfType(
                TransferException.class, () -> sample.reader().read(without.toByteArray()));
        assertThat(refusal.code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        String field = path.startsWith("open.") ? path.substring("open.".length()) : path;
        // keys and lengths are one statement, and so are the two parts of a wire id
        String named = field.replace("blocks.lengths", "blocks.length").replaceAll("(wire_id)\\..*", "$1");
        assertThat(refusal.error().detail()).contains(named);
    }

    @ParameterizedTest
    @MethodSource("samples")
    void required_R12_unknownFieldsAreIgnored(Sample sample) {
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

        assertThat(sample.reader().read(extended)).isEqualTo(sample.reader().read(sample.bytes()));
    }

    @ParameterizedTest
    @MethodSource("samples")
    void stochastic_R11_damagedBytesAreDecodedOrRefusedAndNothingElse(Sample sample) {
        long seed = 20260101;
        Random random = new Random(seed);
        for (int round = 0; round < 3000; round++) {
            byte[] bytes = damage(sample.bytes(), random);
            try {
                sample.reader().read(bytes);
            } catch (TransferException e) {
                assertThat(e.code()).as("seed=" + seed + " round=" + round).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
            }
        }
    }

    private static byte[] damage(byte[] original, Random random) {
        int length = random.nextInt(4) == 0 ? random.nextInt(original.length + 8) : original.length;
        byte[] bytes = Arrays.copyOf(original, length);
        for (int i = 0; i < 1 + random.nextInt(4) && length > 0; i++) {
            bytes[random.nextInt(length)] = (byte) random.nextInt();
        }
        return bytes;
    }

    @Test
    void whatALaterVersionCanDoIsLeftOut() {
        byte[] hello = PeerProto.HelloRequest.newBuilder()
                .setSelf(CommonProto.NodeIdentity.newBuilder().setNodeId("n"))
                .addOffers(PeerProto.BackendOffer.newBuilder()
                        .setName("tcp")
                        .setWireId(PeerProto.WireId.newBuilder().setName("x").setVersion(1))
                        .addCapabilities("TELEPORT")
                        .addCapabilities("WRITE")
                        .setIsolationValue(17))
                .build()
                .toByteArray();

        PeerRequest.Hello decoded = (PeerRequest.Hello) MessageDecoder.request(PeerMethod.HELLO, hello);

        assertThat(decoded.protocol()).isEqualTo(1);
        assertThat(decoded.offers()).singleElement().satisfies(offer -> {
            assertThat(offer.capabilities()).containsExactly(Capability.WRITE);
            assertThat(offer.isolation()).isEqualTo(Isolation.NONE);
        });
    }

    @Test
    void anOperationOrOutcomeOfALaterVersionIsRefused() {
        byte[] prepare = ((PeerProto.PrepareRequest) samples().get(1).message())
                .toBuilder().setOperationValue(9).build().toByteArray();
        byte[] finish = ((PeerProto.FinishRequest) samples().get(4).message())
                .toBuilder().setOutcomeValue(9).build().toByteArray();

        assertThatThrownBy(() -> MessageDecoder.request(PeerMethod.PREPARE, prepare))
                .hasMessageContaining("operation: 9");
        assertThatThrownBy(() -> MessageDecoder.request(PeerMethod.FINISH, finish))
                .hasMessageContaining("outcome: 9");
    }

    @Test
    void lengthsThatAreAllEqualTravelOnce() {
        byte[] equal = MessageEncoder.encode(Samples.prepareOf(10_000));

        assertThat(equal).hasSizeBetween(80_000, 80_300);
        assertThat(((PeerRequest.Prepare) MessageDecoder.request(PeerMethod.PREPARE, equal)).blocks())
                .isEqualTo(Samples.prepareOf(10_000).blocks());
    }

    @Test
    void required_R16_lengthsBeyond32BitsTravel() {
        PeerRequest.Prepare decoded = (PeerRequest.Prepare)
                MessageDecoder.request(PeerMethod.PREPARE, MessageEncoder.encode(Samples.PREPARE));

        assertThat(decoded.blocks().length(1)).isEqualTo(Samples.LONG_LENGTH);
    }

    @Test
    void keysAndLengthsThatDifferInNumberAreRefused() {
        PeerProto.PrepareRequest sample =
                (PeerProto.PrepareRequest) samples().get(1).message();
        byte[] uneven = sample.toBuilder()
                .setBlocks(sample.getBlocks().toBuilder().addKeys(5))
                .build()
                .toByteArray();
        byte[] negative = sample.toBuilder()
                .setBlocks(sample.getBlocks().toBuilder().setLengths(1, -1))
                .build()
                .toByteArray();

        assertThatThrownBy(() -> MessageDecoder.request(PeerMethod.PREPARE, uneven))
                .hasMessageContaining("blocks.lengths: 3 lengths for 4 keys");
        assertThatThrownBy(() -> MessageDecoder.request(PeerMethod.PREPARE, negative))
                .hasMessageContaining("blocks.lengths");
    }

    @Test
    void anEndWithoutAReasonGetsOneThatTrustsNothing() {
        byte[] bytes = PeerProto.FinishReply.newBuilder()
                .setOutcome(PeerProto.Outcome.OUTCOME_TIMED_OUT)
                .build()
                .toByteArray();

        PeerReply.Finished finished = (PeerReply.Finished) MessageDecoder.reply(PeerMethod.FINISH, bytes);

        assertThat(finished.outcome()).isEqualTo(TransferState.TIMED_OUT);
        assertThat(finished.error()).isNotNull();
        assertThat(finished.error().code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
        assertThat(finished.error().memorySafe()).isFalse();
    }
}

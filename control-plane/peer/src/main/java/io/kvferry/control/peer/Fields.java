package io.kvferry.control.peer;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import io.kvferry.control.grpc.wire.CommonProto;
import io.kvferry.control.peer.wire.PeerProto;
import io.kvferry.spi.BackendOffer;
import io.kvferry.spi.BlockKeys;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Envelope;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.WireId;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Reads the fields that messages have in common, each within its limits, or refuses them with a PROTOCOL_ERROR that names
 * the field.
 *
 * <p><b>Threads:</b> Immutable.
 */
final class Fields {
    private static final int MAX_OFFERS = 64;
    private static final int MAX_CAPABILITIES = 256;
    private static final int MAX_BACKEND_NAME = 64;

    private static final Map<String, Capability> CAPABILITIES =
            Arrays.stream(Capability.values()).collect(Collectors.toMap(Capability::name, Function.identity()));
    private static final Map<Stage, Fields> BY_STAGE = Arrays.stream(Stage.values())
            .collect(Collectors.toMap(
                    Function.identity(), Fields::new, (one, other) -> one, () -> new EnumMap<>(Stage.class)));

    private final Stage stage;

    private Fields(Stage stage) {
        this.stage = stage;
    }

    /** Fields whose errors belong to a stage. */
    static Fields of(Stage stage) {
        return requireNonNull(BY_STAGE.get(stage));
    }

    List<BackendOffer> offers(List<PeerProto.BackendOffer> offers) {
        require(offers.size() <= MAX_OFFERS, "offers", "are more than " + MAX_OFFERS);
        return offers.stream().map(this::offer).toList();
    }

    private BackendOffer offer(PeerProto.BackendOffer offer) {
        return new BackendOffer(
                text(offer.getName(), 1, MAX_BACKEND_NAME, "offers.name"),
                wireId(offer.hasWireId(), offer.getWireId(), "offers.wire_id"),
                capabilities(offer),
                switch (offer.getIsolation()) {
                    case ISOLATION_REGION -> Isolation.REGION;
                    case ISOLATION_LEASE -> Isolation.LEASE;
                    case ISOLATION_NONE, ISOLATION_UNSPECIFIED, UNRECOGNIZED -> Isolation.NONE;
                },
                envelope(offer.getEndpoint()));
    }

    private Set<Capability> capabilities(PeerProto.BackendOffer offer) {
        require(
                offer.getCapabilitiesCount() <= MAX_CAPABILITIES,
                "offers.capabilities",
                "are more than " + MAX_CAPABILITIES);
        Set<Capability> known = EnumSet.noneOf(Capability.class);
        for (String name : offer.getCapabilitiesList()) {
            Capability capability = CAPABILITIES.get(name);
            if (capability != null) {
                known.add(capability);
            }
        }
        return known;
    }

    BlockKeys blocks(boolean present, PeerProto.BlockKeys blocks) {
        require(present, "blocks", "is missing");
        int count = blocks.getKeysCount();
        int lengthsCount = blocks.getLengthsCount();
        require(count > 0, "blocks.keys", "is missing or empty");
        require(
                lengthsCount > 0 || blocks.getLength() >= 1,
                "blocks.length",
                "is missing, 0 or above 2^63-1, and there are no blocks.lengths");
        if (lengthsCount != 0 && lengthsCount != count) {
            throw malformed("blocks.lengths", lengthsCount + " lengths for " + count + " keys");
        }
        long[] keys = new long[count];
        long[] lengths = new long[count];
        for (int i = 0; i < count; i++) {
            keys[i] = blocks.getKeys(i);
            lengths[i] = lengthsCount == 0 ? blocks.getLength() : blocks.getLengths(i);
            require(lengths[i] >= 1, "blocks.lengths", "a length is 0 or above 2^63-1");
        }
        return BlockKeys.of(keys, lengths);
    }

    PeerIdentity identity(boolean present, CommonProto.NodeIdentity identity, String field) {
        require(present, field, "is missing");
        try {
            return new PeerIdentity(identity.getNodeId(), identity.getBootId());
        } catch (IllegalArgumentException e) {
            throw malformed(field + ".node_id", String.valueOf(e.getMessage()));
        }
    }

    WireId wireId(boolean present, PeerProto.WireId wireId, String field) {
        require(present, field, "is missing");
        try {
            return new WireId(wireId.getName(), wireId.getVersion());
        } catch (IllegalArgumentException e) {
            throw malformed(
                    field, "name has not 1 to 32 characters of [a-z][a-z0-9-]*, or version is not 1 to 2147483647");
        }
    }

    TransferId id(boolean present, PeerProto.TransferId id) {
        require(present, "id", "is missing");
        return new TransferId(id.getHigh(), id.getLow());
    }

    int attempt(int attempt) {
        require(attempt >= 1, "attempt", "is missing, 0 or above 2147483647");
        return attempt;
    }

    long epoch(long epoch) {
        require(epoch != 0, "epoch", "is missing or 0");
        return epoch;
    }

    int protocol(int protocol) {
        require(protocol >= 0, "protocol", "is above 2147483647");
        return Math.max(protocol, 1);
    }

    TransferState outcome(PeerProto.Outcome outcome, int number) {
        return switch (outcome) {
            case OUTCOME_COMPLETED -> TransferState.COMPLETED;
            case OUTCOME_FAILED -> TransferState.FAILED;
            case OUTCOME_CANCELLED -> TransferState.CANCELLED;
            case OUTCOME_TIMED_OUT -> TransferState.TIMED_OUT;
            case OUTCOME_UNSPECIFIED, UNRECOGNIZED -> throw malformed("outcome", number + " is not 1 to 4");
        };
    }

    String text(String text, int minLength, int maxLength, String field) {
        if (text.length() < minLength || text.length() > maxLength) {
            throw malformed(field, text.length() + " characters are not " + minLength + " to " + maxLength);
        }
        return text;
    }

    long notNegative(long value, String field) {
        require(value >= 0, field, "is negative");
        return value;
    }

    int notNegative(int value, String field) {
        require(value >= 0, field, "is above 2147483647");
        return value;
    }

    static Envelope envelope(ByteString bytes) {
        return bytes.isEmpty() ? Envelope.EMPTY : new Envelope(bytes.toByteArray());
    }

    static Payload payload(ByteString bytes) {
        return bytes.isEmpty() ? Payload.EMPTY : new Payload(bytes.toByteArray());
    }

    void require(boolean satisfied, String field, String problem) {
        if (!satisfied) {
            throw malformed(field, problem);
        }
    }

    TransferException malformed(String field, String problem) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, stage, field + ": " + problem);
    }
}

package io.kvferry.node;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.node.wire.NodeProto;
import io.kvferry.spi.Payload;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * What a node asks of another one about chunks; and the replies.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param id the transfer that will move them
 * @param scheme how the keys were made
 * @param keys which chunks
 * @param remainingNanos how long the sender goes on with the transfer
 */
record ChunkRequest(TransferId id, KeyScheme scheme, ChunkKeys keys, long remainingNanos) {
    static final String LEND = "kvferry.kv.lend";
    static final String TAKE = "kvferry.kv.take";

    private static final int ID_BYTES = 16;
    private static final int SCHEMA_VERSION = 1;

    Payload payload() {
        byte[] idBytes = ByteBuffer.allocate(ID_BYTES)
                .putLong(id.high())
                .putLong(id.low())
                .array();
        return new Payload(NodeProto.ChunkRequest.newBuilder()
                .setSchemaVersion(SCHEMA_VERSION)
                .setTransferId(ByteString.copyFrom(idBytes))
                .setScheme(scheme.name())
                .setKeys(ByteString.copyFrom(keys.toByteArray()))
                .setRemainingNanos(remainingNanos)
                .build()
                .toByteArray());
    }

    /**
     * Reads a message of a peer.
     *
     * @throws TransferException PROTOCOL_ERROR naming what is wrong; INCOMPATIBLE_PEER for keys of another scheme
     */
    static ChunkRequest read(Payload payload, KeyScheme own) {
        NodeProto.ChunkRequest message;
        try {
            message = NodeProto.ChunkRequest.parseFrom(payload.buffer());
        } catch (InvalidProtocolBufferException e) {
            throw malformed("the message cannot be decoded: " + e.getMessage());
        }
        require(message.getTransferId().size() == ID_BYTES, "transfer_id has not 16 bytes");
        if (!message.getScheme().equals(own.name())) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.PREPARE,
                    "keys of scheme '" + shown(message.getScheme()) + "', this node's is " + own
                            + ": hash, seed, model, layout and chunk size must be the same on both (kvferry.kv.*)");
        }
        int keyBytes = message.getKeys().size();
        require(keyBytes > 0 && keyBytes % own.keyBytes() == 0, "keys are no whole number of keys");
        require(message.getRemainingNanos() > 0, "remaining_nanos is below 1");
        ByteBuffer id = message.getTransferId().asReadOnlyByteBuffer();
        return new ChunkRequest(
                new TransferId(id.getLong(), id.getLong()),
                own,
                ChunkKeys.of(own.keyBytes(), message.getKeys().toByteArray()),
                message.getRemainingNanos());
    }

    private static String shown(String text) {
        return text.length() <= 128 ? text : text.substring(0, 128) + "…";
    }

    static Payload lent(int chunks) {
        return new Payload(
                NodeProto.LendReply.newBuilder().setChunks(chunks).build().toByteArray());
    }

    /** How many chunks a peer lends. */
    static int readLent(Payload payload, int asked) {
        try {
            int chunks = NodeProto.LendReply.parseFrom(payload.buffer()).getChunks();
            require(chunks >= 0 && chunks <= asked, "the peer lends more chunks than it was asked for");
            return chunks;
        } catch (InvalidProtocolBufferException e) {
            throw malformed("the reply cannot be decoded: " + e.getMessage());
        }
    }

    static Payload wanted(List<Integer> positions) {
        return new Payload(
                NodeProto.TakeReply.newBuilder().addAllWanted(positions).build().toByteArray());
    }

    /** The positions of the chunks that a peer wants. */
    static List<Integer> readWanted(Payload payload, int offered) {
        try {
            List<Integer> positions =
                    NodeProto.TakeReply.parseFrom(payload.buffer()).getWantedList();
            int last = -1;
            for (int position : positions) {
                require(position > last && position < offered, "the peer wants chunks that were not offered");
                last = position;
            }
            return List.copyOf(positions);
        } catch (InvalidProtocolBufferException e) {
            throw malformed("the reply cannot be decoded: " + e.getMessage());
        }
    }

    private static void require(boolean satisfied, String problem) {
        if (!satisfied) {
            throw malformed(problem);
        }
    }

    private static TransferException malformed(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, detail);
    }
}

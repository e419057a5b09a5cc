package io.kvferry.control.peer;

import io.kvferry.spi.BackendOffer;
import io.kvferry.spi.BlockKeys;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Envelope;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.WireId;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;

/** One message of each kind with every field set, to values that no default has. */
final class Samples {
    static final TransferId ID = new TransferId(0x0102030405060708L, 0xf1f2f3f4f5f6f7f8L);
    static final PeerIdentity PREFILL = new PeerIdentity("prefill-0", 0x1111111111111111L);
    static final PeerIdentity DECODE = new PeerIdentity("decode-0", 0x2222222222222222L);
    static final long EPOCH = 0xfedcba9876543210L;
    /** Beyond 32 bits, as every length may be (R16). */
    static final long LONG_LENGTH = 5L << 32;

    static final List<BackendOffer> OFFERS = List.of(
            new BackendOffer(
                    "tcp",
                    new WireId("kvferry-tcp", 1),
                    EnumSet.allOf(Capability.class),
                    Isolation.LEASE,
                    new Envelope(new byte[] {1, 2, 3})),
            new BackendOffer(
                    "rdma", new WireId("verbs", 2), Set.of(Capability.READ), Isolation.REGION, new Envelope(new byte[] {
                        4
                    })));

    static final PeerRequest.Hello HELLO = new PeerRequest.Hello(PREFILL, 3, "kvferry/0.1.0", "chunk=256", OFFERS);
    static final PeerReply.Welcome WELCOME = new PeerReply.Welcome(DECODE, 2, "kvferry/0.2.0", "chunk=128", OFFERS);

    static final PeerRequest.Prepare PREPARE = new PeerRequest.Prepare(
            ID,
            2,
            Operation.READ,
            PREFILL,
            DECODE,
            new WireId("kvferry-tcp", 1),
            BlockKeys.of(new long[] {-1, 7, Long.MIN_VALUE}, new long[] {4096, LONG_LENGTH, 1}),
            new Envelope(new byte[] {9, 8, 7}),
            60_000_000_000L);
    static final PeerReply.Prepared PREPARED =
            new PeerReply.Prepared(EPOCH, new Envelope(new byte[] {6, 5}), 30_000_000_000L, List.of(1, 300));

    static final PeerRequest.Part PART = new PeerRequest.Part(ID, 2, PREFILL, EPOCH, new BlockRange(3, 400));
    static final PeerRequest.Cancel CANCEL = new PeerRequest.Cancel(ID, 2, PREFILL);
    static final PeerRequest.Finish FINISH =
            new PeerRequest.Finish(ID, 2, PREFILL, EPOCH, TransferState.TIMED_OUT, LONG_LENGTH, 17);
    static final TransferError ERROR = new TransferError(
            TransferErrorCode.DATA_CORRUPTED,
            16,
            Stage.FINISH,
            Side.TARGET,
            "prefill-0@127.0.0.1:1",
            true,
            "crc differs");
    static final PeerReply.Finished FINISHED = new PeerReply.Finished(TransferState.FAILED, ERROR);
    static final PeerRequest.Notify NOTIFY =
            new PeerRequest.Notify(PREFILL, "topic", new Payload(new byte[] {0, 1, -1}));
    static final PeerReply.Notified NOTIFIED = new PeerReply.Notified(new Payload(new byte[] {2, 3}));

    static final List<PeerRequest<?>> REQUESTS = List.of(HELLO, PREPARE, PART, CANCEL, FINISH, NOTIFY);

    private Samples() {}

    static PeerReply replyTo(PeerRequest<?> request) {
        return switch (request) {
            case PeerRequest.Hello hello -> WELCOME;
            case PeerRequest.Prepare prepare -> PREPARED;
            case PeerRequest.Part part -> PeerReply.Ack.INSTANCE;
            case PeerRequest.Cancel cancel -> PeerReply.Ack.INSTANCE;
            case PeerRequest.Finish finish -> FINISHED;
            case PeerRequest.Notify notify -> NOTIFIED;
        };
    }

    static PeerRequest.Prepare prepareOf(int blocks) {
        return new PeerRequest.Prepare(
                ID,
                1,
                Operation.WRITE,
                PREFILL,
                DECODE,
                new WireId("kvferry-tcp", 1),
                BlockKeys.of(
                        LongStream.range(0, blocks)
                                .map(i -> i * 0x9e3779b97f4a7c15L)
                                .toArray(),
                        LongStream.range(0, blocks).map(i -> 65_536).toArray()),
                new Envelope(new byte[64]),
                60_000_000_000L);
    }

    static PeerRequest.Notify notifyOf(int number) {
        return new PeerRequest.Notify(PREFILL, "echo", new Payload(new byte[] {(byte) (number >> 8), (byte) number}));
    }
}

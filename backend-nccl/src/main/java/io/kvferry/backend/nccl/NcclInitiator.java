package io.kvferry.backend.nccl;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The initiator's side: asks for each part, posts its half in the turn that the target gives, and believes that a part is
 * applied when the target has said so (WRITE) or its own stream has the bytes (READ). Public methods are thread-safe, all else
 * is confined to the device thread.
 */
final class NcclInitiator implements InitiatorTransfer, Talk.Listener, Connection.User {
    /** One part on its way. */
    private static final class Part {
        final BlockRange range;
        long checksum = Message.NO_CHECKSUM;
        boolean posted;
        boolean moved;
        boolean landed;

        Part(BlockRange range) {
            this.range = range;
        }
    }

    private final TransferSide side;
    private final Services services;
    private final Connection.Key key;
    private final boolean checked;
    private final Talk talk;
    private @Nullable Connection connection;
    private @Nullable Connection joining;
    private final Queue<Part> unsent = new ArrayDeque<>();
    /** Asked for and not over, by the first block. */
    private final Map<Integer, Part> asked = new HashMap<>();

    /** @param key what its connection is for */
    NcclInitiator(TransferSide side, Services services, Connection.Key key, boolean checked, PeerChannel channel) {
        this.side = side;
        this.services = services;
        this.key = key;
        this.checked = checked;
        this.talk = new Talk(channel, side, services.device(), this);
    }

    /** Begins to hear from the target. */
    void listen() {
        talk.start();
    }

    /** Invites the target into a connection that begins for this transfer. */
    void invite(Message.Join join) {
        talk.say(join);
    }

    /** Others may wait for this connection too, but its making hangs on this transfer's channel. */
    void leads(Connection begun) {
        joining = begun;
    }

    /** Uses a connection from here on. */
    void bind(Connection open) {
        connection = open;
        open.add(this);
        services.connections().touch(open);
    }

    /** Uses no connection any more. */
    void unbind() {
        Connection known = connection;
        if (known != null) {
            known.remove(this);
        }
    }

    @Override
    public void submit(BlockRange blocks) {
        List<BlockRange> cut = PartCutter.cut(
                side.blocks(),
                blocks,
                services.settings().partBlocks(),
                services.settings().partBytes());
        services.takePlaces(cut.size());
        int inside = 0;
        while (inside < cut.size() && side.enter()) {
            inside++;
        }
        if (inside < cut.size()) {
            for (int i = 0; i < inside; i++) {
                side.leave();
            }
            services.givePlaces(cut.size());
            throw new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.SUBMIT, "submit after the end");
        }
        services.device().execute(() -> begin(cut));
    }

    private void begin(List<BlockRange> cut) {
        for (BlockRange range : cut) {
            Part part = new Part(range);
            if (checked && side.terms().operation() == Operation.WRITE) {
                services.copies()
                        .checksum(side.blocks(), range, sum -> services.device().execute(() -> summed(part, sum)));
            } else {
                part.checksum = checked ? 0 : Message.NO_CHECKSUM;
                unsent.add(part);
            }
        }
        ask();
    }

    private void summed(Part part, CopyThread.Sum sum) {
        TransferError error = sum.error();
        if (error != null) {
            over();
            side.fail(error.code(), error.detail());
        } else {
            part.checksum = sum.crc32c();
            unsent.add(part);
        }
        ask();
    }

    /** Asks for as many parts as the window lets, or drops what was not asked for once the transfer has ended. */
    private void ask() {
        Connection open = Objects.requireNonNull(connection);
        while (!unsent.isEmpty()
                && (side.isSealed() || asked.size() < services.settings().window())) {
            Part part = unsent.remove();
            if (side.isSealed()) {
                over();
                continue;
            }
            asked.put(part.range.first(), part);
            talk.say(
                    new Message.Request(open.number(), part.range, side.blocks().bytes(part.range), part.checksum));
        }
    }

    /** A part's blocks are not touched any more. */
    private void over() {
        services.givePlaces(1);
        side.leave();
    }

    @Override
    public void heard(Message message) {
        switch (message) {
            case Message.Joined joined -> joined(joined.connection());
            case Message.NotJoined refused -> notJoined(refused);
            case Message.Ready ready -> ready(ready);
            case Message.Refused refused -> refused(refused);
            case Message.Landed landed -> landed(landed.range());
            case Message.Aborted aborted -> aborted(aborted);
            case Message.Join m -> throw unexpected(m);
            case Message.Request m -> throw unexpected(m);
        }
    }

    private static TransferException unexpected(Message message) {
        return Message.protocolError("the target sent " + message.getClass().getSimpleName());
    }

    private void joined(long number) {
        Connection known = services.connections().find(key, number);
        if (known != null) {
            known.peerHasJoined();
        }
    }

    private void notJoined(Message.NotJoined refused) {
        Connection known = services.connections().find(key, refused.connection());
        if (known != null && !known.isOpen()) {
            known.end(Refusals.code(refused.code()), "the target could not connect: " + refused.detail());
        }
    }

    private void aborted(Message.Aborted aborted) {
        Connection known = connection;
        if (known != null && known.number() == aborted.connection()) {
            known.end(TransferErrorCode.TRANSFER_FAILED, "the target ended the connection: " + aborted.detail());
        }
    }

    private void ready(Message.Ready ready) {
        Connection open = Objects.requireNonNull(connection);
        Part part = asked.get(ready.range().first());
        if (part == null || part.posted || !part.range.equals(ready.range())) {
            // the number is used up at the target, and nothing here can take its turn
            open.end(TransferErrorCode.PROTOCOL_ERROR, "the target is ready for blocks that nobody asked for");
            return;
        }
        part.posted = true;
        boolean sends = side.terms().operation() == Operation.WRITE;
        if (!sends && checked) {
            part.checksum = ready.checksum();
        }
        open.post(ready.sequence(), new Half(side.blocks(), part.range, sends, new Half.Outcome() {
            @Override
            public void done() {
                moved(part);
            }

            @Override
            public void dropped() {
                asked.remove(part.range.first());
                over();
            }
        }));
    }

    /** The GPU is done with this side's half. */
    private void moved(Part part) {
        part.moved = true;
        if (side.terms().operation() == Operation.WRITE) {
            over();
            if (part.landed || side.isSealed()) {
                applied(part);
            }
        } else if (checked && !side.isSealed()) {
            services.copies()
                    .checksum(
                            side.blocks(), part.range, sum -> services.device().execute(() -> compared(part, sum)));
        } else {
            over();
            applied(part);
        }
    }

    private void compared(Part part, CopyThread.Sum sum) {
        over();
        TransferError error = sum.error();
        if (error != null) {
            side.fail(error.code(), error.detail());
        } else if (sum.crc32c() != part.checksum) {
            side.fail(TransferErrorCode.DATA_CORRUPTED, CopyThread.differs(side.blocks(), part.range));
        } else {
            applied(part);
            return;
        }
        asked.remove(part.range.first());
    }

    private void applied(Part part) {
        asked.remove(part.range.first());
        if (!side.isSealed()) {
            side.applied(part.range);
        }
        ask();
    }

    private void landed(BlockRange range) {
        Part part = asked.get(range.first());
        if (part == null
                || !part.posted
                || part.landed
                || !part.range.equals(range)
                || side.terms().operation() != Operation.WRITE) {
            throw Message.protocolError("blocks landed twice or unasked: " + range);
        }
        part.landed = true;
        if (part.moved) {
            applied(part);
        }
    }

    private void refused(Message.Refused refused) {
        Part part = asked.get(refused.range().first());
        if (part == null || !part.range.equals(refused.range())) {
            throw Message.protocolError("blocks are refused that nobody asked for: " + refused.range());
        }
        if (!part.posted) {
            asked.remove(part.range.first());
            over();
        }
        side.fail(Refusals.code(refused.code()), refused.detail());
        ask();
    }

    @Override
    public void closed(@Nullable TransferError error) {
        Connection begun = joining;
        if (begun != null && !begun.isOpen()) {
            begun.end(TransferErrorCode.CONNECTION_FAILED, "the target has given up connecting");
        }
        // where an answer was lost, and with it a number whose turn never comes, the target ends the connection
        if (error == null) {
            side.fail(TransferErrorCode.LEASE_ENDED, "the target ended the lease before all blocks had landed");
        } else {
            side.fail(TransferErrorCode.CONTROL_FAILED, "the channel to the target broke: " + error.detail());
        }
        giveUpUnanswered();
        stop();
    }

    /** What the target has not answered it has not begun, and will not. */
    private void giveUpUnanswered() {
        List<Part> unanswered =
                asked.values().stream().filter(part -> !part.posted).toList();
        for (Part part : unanswered) {
            asked.remove(part.range.first());
            over();
        }
    }

    @Override
    public void connectionEnded(TransferErrorCode code, String detail) {
        side.fail(code, detail);
        talk.say(new Message.Aborted(Objects.requireNonNull(connection).number(), detail));
        giveUpUnanswered();
        if (connection != null) {
            ask();
        }
    }

    @Override
    public TransferStatus status() {
        return side.status();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        Quiescence answer = side.finish();
        services.device().execute(this::stop);
        return answer;
    }

    private void stop() {
        if (connection != null) {
            ask();
        }
    }

    @Override
    public TransferSide side() {
        return side;
    }
}

package io.kvferry.backend.nccl;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The parts of one initiator's transfer: each is asked for, posted in the turn that the target gives, and applied when the
 * target has said so (WRITE) or the own stream has the bytes (READ). Confined to the device thread.
 */
final class InitiatorParts {
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
    private final Talk talk;
    private final boolean writes;
    private final boolean checked;
    private @Nullable Connection connection;
    private final Queue<Part> unsent = new ArrayDeque<>();
    /** Asked for and not over, by the first block. */
    private final Map<Integer, Part> asked = new HashMap<>();

    InitiatorParts(TransferSide side, Services services, Talk talk, boolean checked) {
        this.side = side;
        this.services = services;
        this.talk = talk;
        this.writes = side.terms().operation() == Operation.WRITE;
        this.checked = checked;
    }

    /** What they move on. */
    void use(Connection open) {
        connection = open;
    }

    private Connection connection() {
        return Objects.requireNonNull(connection, "parts are submitted once the transfer is prepared");
    }

    /** Begins with ranges of which each has a place and is inside the gate. */
    void begin(List<BlockRange> cut) {
        for (BlockRange range : cut) {
            Part part = new Part(range);
            if (checked && writes) {
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
    void ask() {
        while (!unsent.isEmpty()
                && (side.isSealed() || asked.size() < services.settings().window())) {
            Part part = unsent.remove();
            if (side.isSealed()) {
                over();
                continue;
            }
            asked.put(part.range.first(), part);
            talk.say(new Message.Request(
                    connection().number(), part.range, side.blocks().bytes(part.range), part.checksum));
        }
    }

    /** A part's blocks are not touched any more. */
    private void over() {
        services.givePlaces(1);
        side.leave();
    }

    /** The target has posted its half. */
    void ready(Message.Ready ready) {
        Part part = asked.get(ready.range().first());
        if (part == null || part.posted || !part.range.equals(ready.range())) {
            TransferException wrong = Message.protocolError("the target is ready for blocks that nobody asked for");
            Connection open = connection;
            if (open != null) {
                // the number is used up at the target, and nothing here can take its turn
                open.end(wrong.code(), wrong.error().detail());
            }
            throw wrong;
        }
        part.posted = true;
        if (!writes && checked) {
            part.checksum = ready.checksum();
        }
        connection().postAtInitiator(ready.sequence(), new Half(side.blocks(), part.range, writes, new Half.Outcome() {
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
        if (writes) {
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

    /** The target has the bytes. */
    void landed(BlockRange range) {
        Part part = asked.get(range.first());
        if (part == null || !part.posted || part.landed || !part.range.equals(range) || !writes) {
            throw Message.protocolError("blocks landed twice or unasked: " + range);
        }
        part.landed = true;
        if (part.moved) {
            applied(part);
        }
    }

    /** The target has posted nothing, and will not. */
    void refused(Message.Refused refused) {
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

    /** Once the transfer is sealed: what the target has not answered it has not begun, and will not. */
    void giveUpUnanswered() {
        List<Part> unanswered =
                asked.values().stream().filter(part -> !part.posted).toList();
        for (Part part : unanswered) {
            asked.remove(part.range.first());
            over();
        }
        ask();
    }
}

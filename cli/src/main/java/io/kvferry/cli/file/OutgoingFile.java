package io.kvferry.cli.file;

import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferId;
import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;

/**
 * A file that a client fetches. Windows are read into memory of the server's own: a mapped file that somebody truncates
 * would kill the process.
 *
 * <p><b>Threads:</b> Thread-safe; each window has its own memory.
 */
final class OutgoingFile extends FileSession {
    private final TransferEngine engine;
    private final Path path;
    private final FileStamp stamp;
    private final WindowPlan plan;
    private final FileChannel file;
    private final WindowSlots slots;
    private final Duration leaseTime;

    OutgoingFile(TransferEngine engine, PeerIdentity client, Path path, FileStamp stamp, FileServer.Limits limits)
            throws IOException {
        super(client);
        this.engine = engine;
        this.path = path;
        this.stamp = stamp;
        this.plan = new WindowPlan(stamp.sizeBytes(), limits.windowBytes());
        this.leaseTime = limits.leaseTime();
        this.slots = new WindowSlots(engine, limits.windowsPerFile(), plan.memoryBytes());
        this.file = FileChannel.open(path, StandardOpenOption.READ);
    }

    WindowPlan plan() {
        return plan;
    }

    /** Reads a window and leases it to the client; empty if the file is not the one that was opened. */
    Optional<TransferId> lease(int window) throws IOException {
        WindowSlots.Slot slot = slots.take();
        try {
            Memory memory = slot.memory();
            if (!read(window, memory)) {
                return Optional.empty();
            }
            TransferId id = TransferId.random();
            slot.leased(engine.offer(
                    LeaseRequest.readable(id, plan.blocks(window, memory.region()))
                            .onlyFor(client().nodeId()),
                    Deadline.after(leaseTime)));
            return Optional.of(id);
        } finally {
            slots.give(slot);
        }
    }

    private boolean read(int window, Memory memory) throws IOException {
        if (!stamp.equals(FileStamp.of(path))) {
            return false;
        }
        try {
            FileBytes.read(
                    file,
                    plan.offset(window),
                    memory.segment().asSlice(0, plan.length(window)).asByteBuffer());
        } catch (EOFException e) {
            return false;
        }
        return stamp.equals(FileStamp.of(path));
    }

    @Override
    void close() throws IOException {
        slots.close();
        file.close();
    }
}

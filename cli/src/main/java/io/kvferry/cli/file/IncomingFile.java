package io.kvferry.cli.file;

import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A file that a client sends. It grows under a hidden name and gets its own only once its sum has been compared.
 *
 * <p><b>Threads:</b> Thread-safe; windows are kept in order.
 */
final class IncomingFile extends FileSession {
    /** The client confirms each window before it says so; this is for the message that overtakes. */
    private static final Duration FINISH_WAIT = Duration.ofSeconds(5);

    private final TransferEngine engine;
    private final AcceptedFolder folder;
    private final String name;
    private final Path target;
    private final Path part;
    private final WindowPlan plan;
    private final FileChannel file;
    private final WindowSlots slots;
    private final Duration leaseTime;
    private final Map<Integer, WindowSlots.Slot> leased = new ConcurrentHashMap<>();
    private final MessageDigest digest = FileBytes.sha256();
    private final ReentrantLock order = new ReentrantLock();
    // guarded by order
    private int next;

    IncomingFile(
            TransferEngine engine,
            PeerIdentity client,
            AcceptedFolder folder,
            String name,
            long sizeBytes,
            FileServer.Limits limits)
            throws IOException {
        super(client);
        this.engine = engine;
        this.folder = folder;
        this.name = name;
        this.target = folder.target(name, sizeBytes);
        this.plan = new WindowPlan(sizeBytes, limits.windowBytes());
        this.leaseTime = limits.leaseTime();
        this.slots = new WindowSlots(engine, limits.windowsPerFile(), plan.memoryBytes());
        this.part = target.resolveSibling(".kvferry-" + TransferId.random() + ".part");
        this.file = FileChannel.open(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    WindowPlan plan() {
        return plan;
    }

    /** Leases memory for a window; asking again for the same window takes the first lease back. */
    TransferId lease(int window) {
        WindowSlots.Slot earlier = leased.remove(window);
        if (earlier != null) {
            revoke(earlier);
        }
        WindowSlots.Slot slot = slots.take();
        try {
            TransferId id = TransferId.random();
            slot.leased(engine.offer(
                    LeaseRequest.writable(id, plan.blocks(window, slot.memory().region()))
                            .onlyFor(client().nodeId()),
                    Deadline.after(leaseTime)));
            if (leased.putIfAbsent(window, slot) != null) {
                throw refused(
                        TransferErrorCode.ALREADY_EXISTS, "window " + window + " was asked for twice at one time");
            }
            return id;
        } catch (RuntimeException e) {
            revoke(slot);
            throw e;
        }
    }

    private void revoke(WindowSlots.Slot slot) {
        Lease lease = slot.lease();
        if (lease != null) {
            lease.revoke();
        }
        slots.give(slot);
    }

    /** Keeps a window that has been written. */
    void applied(int window) throws IOException {
        WindowSlots.Slot slot = leased.remove(window);
        if (slot == null) {
            throw refused(TransferErrorCode.INVALID_REQUEST, "window " + window + " has no lease");
        }
        try {
            keep(window, slot);
        } finally {
            slots.give(slot);
        }
    }

    private void keep(int window, WindowSlots.Slot slot) throws IOException {
        Lease lease = slot.lease();
        TransferResult result = lease == null ? null : lease.await(Deadline.after(FINISH_WAIT));
        if (!(result instanceof TransferResult.Completed)) {
            throw refused(TransferErrorCode.TRANSFER_FAILED, "window " + window + " was not written: " + result);
        }
        ByteBuffer bytes =
                slot.memory().segment().asSlice(0, plan.length(window)).asByteBuffer();
        if (!order.tryLock()) {
            throw refused(TransferErrorCode.INVALID_REQUEST, "windows are kept one at a time, in order");
        }
        try {
            if (window != next) {
                throw refused(TransferErrorCode.INVALID_REQUEST, "window " + window + " before window " + next);
            }
            digest.update(bytes.duplicate());
            FileBytes.write(file, plan.offset(window), bytes);
            next++;
        } finally {
            order.unlock();
        }
    }

    /** Compares the sum and gives the file its name. Returns the other sum if they differ. */
    @Nullable
    String commit(String sha256) throws IOException {
        if (!order.tryLock()) {
            throw refused(TransferErrorCode.INVALID_REQUEST, "a window is being kept");
        }
        try {
            if (next != plan.count()) {
                throw refused(
                        TransferErrorCode.INVALID_REQUEST, next + " of " + plan.count() + " windows have been written");
            }
            next = -1;
            String own = FileBytes.hex(digest);
            if (!own.equals(sha256)) {
                return own;
            }
            file.force(true);
            folder.move(part, name, target);
            return null;
        } finally {
            order.unlock();
        }
    }

    private static TransferException refused(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.TRANSFER, detail);
    }

    @Override
    void close() throws IOException {
        leased.values().forEach(slots::give);
        leased.clear();
        slots.close();
        file.close();
        Files.deleteIfExists(part);
    }
}

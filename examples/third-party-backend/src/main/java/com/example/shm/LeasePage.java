package com.example.shm;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The memory that both processes share for one lease: who may use it, where its blocks are, and the gate that lets the
 * initiator in or not. The target makes it as a file without a name and keeps it open; the initiator maps it through
 * {@code /proc}. Its methods are safe for many threads until {@link #close}, behind which nobody may call.
 *
 * <pre>
 *  0 magic    8 key, high    16 key, low    24 epoch    32 gate (int)    40 blocks    48… address and length of each
 * </pre>
 */
final class LeasePage implements AutoCloseable {
    private static final String NAME = "kvferry-shm-lease";
    private static final long MAGIC = 0x6B76_6665_7272_7931L;
    private static final long KEY_HIGH = 8;
    private static final long KEY_LOW = 16;
    private static final long EPOCH = 24;
    private static final long GATE = 32;
    private static final long BLOCKS = 40;
    private static final long TABLE = 48;
    private static final long ENTRY = 16;

    private static final int BUSY = 1;
    private static final int SEALED = 2;
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();

    private final Arena arena;
    private final MemorySegment page;
    private final int fd;

    private LeasePage(Arena arena, MemorySegment page, int fd) {
        this.arena = arena;
        this.page = page;
        this.fd = fd;
    }

    /** At the target: makes the page of a lease. */
    static LeasePage create(LeaseKey key, BlockList blocks) {
        int fd = Libc.memfdCreate(NAME);
        if (fd < 0) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    "memfd_create failed with errno " + -fd + "; raise the limit on open files (ulimit -n)");
        }
        LeasePage made;
        try {
            made = map("self", fd, TABLE + ENTRY * blocks.size(), fd);
        } catch (IOException e) {
            Libc.close(fd);
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED, Stage.PREPARE, "no memory for the lease's page: " + e, e);
        }
        made.write(key, blocks);
        return made;
    }

    private void write(LeaseKey key, BlockList blocks) {
        page.set(ValueLayout.JAVA_LONG, KEY_HIGH, key.high());
        page.set(ValueLayout.JAVA_LONG, KEY_LOW, key.low());
        page.set(ValueLayout.JAVA_LONG, EPOCH, key.epoch());
        page.set(ValueLayout.JAVA_LONG, BLOCKS, blocks.size());
        for (int i = 0; i < blocks.size(); i++) {
            long address = blocks.region(i).address() + blocks.offset(i);
            page.set(ValueLayout.JAVA_LONG, TABLE + ENTRY * i, address);
            page.set(ValueLayout.JAVA_LONG, TABLE + ENTRY * i + 8, blocks.length(i));
        }
        page.set(ValueLayout.JAVA_LONG, 0, MAGIC);
    }

    /** At the initiator: maps the page that a ticket names, and refuses every other. */
    static LeasePage open(int pid, LeaseTicket ticket, BlockList blocks) {
        Path link = Path.of("/proc", String.valueOf(pid), "fd", String.valueOf(ticket.fd()));
        try {
            // looked at before it is opened: opening a stranger's pipe or device could block, or do something
            if (!Files.readSymbolicLink(link).toString().startsWith("/memfd:" + NAME) || Files.size(link) < TABLE) {
                throw refused("descriptor " + ticket.fd() + " of process " + pid + " is no lease");
            }
            LeasePage page = map(String.valueOf(pid), ticket.fd(), Files.size(link), -1);
            try {
                page.check(ticket.key(), blocks);
                return page;
            } catch (RuntimeException e) {
                page.close();
                throw e;
            }
        } catch (AccessDeniedException e) {
            throw refused("process " + pid + " belongs to another user; run both as one");
        } catch (IOException e) {
            throw new TransferException(
                    TransferErrorCode.LEASE_ENDED,
                    Stage.PREPARE,
                    "the lease's page is not there any more; ask for a new lease (" + e + ")",
                    e);
        }
    }

    private static LeasePage map(String process, int fd, long bytes, int owned) throws IOException {
        Path path = Path.of("/proc", process, "fd", String.valueOf(fd));
        Arena arena = Arena.ofShared();
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            return new LeasePage(arena, file.map(MapMode.READ_WRITE, 0, bytes, arena), owned);
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private void check(LeaseKey shown, BlockList blocks) {
        if (page.get(ValueLayout.JAVA_LONG, 0) != MAGIC
                || !shown.matches(
                        page.get(ValueLayout.JAVA_LONG, KEY_HIGH), page.get(ValueLayout.JAVA_LONG, KEY_LOW))
                || page.get(ValueLayout.JAVA_LONG, EPOCH) != shown.epoch()) {
            throw refused("the key or the epoch is not the lease's");
        }
        long count = page.get(ValueLayout.JAVA_LONG, BLOCKS);
        boolean same = count == blocks.size() && page.byteSize() >= TABLE + ENTRY * count;
        for (int i = 0; same && i < blocks.size(); i++) {
            same = page.get(ValueLayout.JAVA_LONG, TABLE + ENTRY * i + 8) == blocks.length(i);
        }
        if (!same) {
            throw new TransferException(
                    TransferErrorCode.BUFFER_MISMATCH, Stage.PREPARE, "the lease's blocks are not those of " + blocks);
        }
    }

    private static TransferException refused(String detail) {
        return new TransferException(TransferErrorCode.ACCESS_DENIED, Stage.PREPARE, detail);
    }

    /** Where a block begins in the target's process. */
    long address(int position) {
        return page.get(ValueLayout.JAVA_LONG, TABLE + ENTRY * position);
    }

    /** The initiator asks to touch the target's memory; every true is followed by {@link #leave}. */
    boolean enter() {
        return (int) INT.compareAndExchange(page, GATE, 0, BUSY) == 0;
    }

    void leave() {
        int ignored = (int) INT.getAndBitwiseAnd(page, GATE, ~BUSY);
    }

    /** The target lets nobody in any more; true if nobody is inside either. Idempotent. */
    boolean seal() {
        return ((int) INT.getAndBitwiseOr(page, GATE, SEALED) & BUSY) == 0;
    }

    /** At the target: the descriptor for the ticket. */
    int fd() {
        return fd;
    }

    @Override
    public void close() {
        arena.close();
        if (fd >= 0) {
            Libc.close(fd);
        }
    }
}

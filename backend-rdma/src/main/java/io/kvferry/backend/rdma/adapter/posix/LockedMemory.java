package io.kvferry.backend.rdma.adapter.posix;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * How much memory this process may lock, and how a user raises it: what is registered with a device is locked.
 *
 * <p><b>Threads:</b> Immutable: what was true when it was read.
 *
 * @param limitBytes RLIMIT_MEMLOCK; negative for no limit
 * @param lockedBytes what is locked for devices now, as the kernel counts it against the limit
 * @param exempt whether the limit does not bind this process (CAP_IPC_LOCK)
 * @since 0.1.0
 */
public record LockedMemory(long limitBytes, long lockedBytes, boolean exempt) {
    private static final int CAP_IPC_LOCK = 14;
    private static final long PAGE_BYTES = 4096;
    private static final long NO_LIMIT = -1;

    /**
     * Reads what holds for this process.
     *
     * @return the present values; without limit where the kernel does not tell
     */
    public static LockedMemory read() {
        long limit = Posix.lockableBytes();
        if (limit < 0) {
            return new LockedMemory(NO_LIMIT, 0, false);
        }
        try {
            List<String> status = Files.readAllLines(Path.of("/proc/self/status"));
            String capabilities = field(status, "CapEff:");
            boolean exempt =
                    !capabilities.isEmpty() && ((Long.parseUnsignedLong(capabilities, 16) >> CAP_IPC_LOCK) & 1) == 1;
            String pinned = field(status, "VmPin:").replace(" kB", "");
            return new LockedMemory(limit, pinned.isEmpty() ? 0 : Long.parseLong(pinned) << 10, exempt);
        } catch (IOException e) {
            return new LockedMemory(NO_LIMIT, 0, false); // the device says whether it locks
        }
    }

    private static String field(List<String> status, String name) {
        return status.stream()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(name.length()).strip())
                .findFirst()
                .orElse("");
    }

    /**
     * Tells whether the limit binds this process.
     *
     * @return false where any amount may be locked
     */
    public boolean isLimited() {
        return limitBytes >= 0 && !exempt;
    }

    /**
     * Refuses to lock what the kernel would not let this process lock.
     *
     * @param address of the first byte
     * @param bytes how many; all pages that they touch are locked
     * @throws TransferException RESOURCE_EXHAUSTED, with the limit, what is locked, and how to raise it
     */
    public void require(long address, long bytes) {
        long pages = (address + bytes - 1) / PAGE_BYTES - address / PAGE_BYTES + 1;
        if (isLimited() && pages > Math.max(0, limitBytes - lockedBytes) / PAGE_BYTES) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.REGISTER,
                    "a region of " + bytes + " bytes cannot be registered, as that locks its pages in memory: "
                            + explain());
        }
    }

    /**
     * Explains a registration that failed for want of memory.
     *
     * @return one line: the limit, what is locked, what to change
     */
    public String explain() {
        if (!isLimited()) {
            return "this process may lock any amount of memory, so the machine has no more, or the device no more room"
                    + " for regions";
        }
        return "this process may lock " + limitBytes + " bytes (RLIMIT_MEMLOCK) and has locked " + lockedBytes
                + "; raise it with `ulimit -l unlimited`, LimitMEMLOCK=infinity in a systemd unit, or `--ulimit"
                + " memlock=-1` for a container";
    }

    @Override
    public String toString() {
        return isLimited() ? limitBytes + " bytes (RLIMIT_MEMLOCK)" : "all";
    }
}

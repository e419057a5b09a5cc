package io.kvferry.backend.rdma.adapter.verbs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much memory this process may lock, and how a user raises it: registered memory is locked. */
final class LockedMemory {
    private static final int CAP_IPC_LOCK = 14;

    private LockedMemory() {}

    /** One line: the limit, what is locked, what to change. */
    static String explain() {
        long limit = Posix.lockableBytes();
        if (limit < 0 || mayExceedTheLimit()) {
            return "this process may lock any amount of memory, so the machine has no more, or the device no more room"
                    + " for regions";
        }
        return "this process may lock " + limit + " bytes (RLIMIT_MEMLOCK) and has locked " + status("VmPin:")
                + "; raise it with `ulimit -l unlimited`, LimitMEMLOCK=infinity in a systemd unit, or `--ulimit"
                + " memlock=-1` for a container";
    }

    /** A few words. */
    static String describe() {
        long limit = Posix.lockableBytes();
        return limit < 0 || mayExceedTheLimit() ? "all" : limit + " bytes (RLIMIT_MEMLOCK)";
    }

    /** True where the limit does not bind this process. */
    private static boolean mayExceedTheLimit() {
        String capabilities = status("CapEff:");
        return !capabilities.isEmpty() && ((Long.parseUnsignedLong(capabilities, 16) >> CAP_IPC_LOCK) & 1) == 1;
    }

    private static String status(String field) {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith(field))
                    .map(line -> line.substring(field.length()).strip())
                    .findFirst()
                    .orElse("");
        } catch (IOException e) {
            return "";
        }
    }
}

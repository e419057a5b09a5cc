package io.kvferry.backend.rdma.adapter.posix;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.UUID;

/**
 * Which process this is, so that another on the same machine can tell when it has ended.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param machine of this start of this machine
 * @param namespace in which the process id means anything
 * @param pid the process id
 * @param started when it started, in ticks of the machine: an id is used again
 * @since 0.1.0
 */
public record LocalProcess(long machine, long namespace, long pid, long started) {
    /** Length of {@link #put}. */
    public static final int BYTES = 4 * Long.BYTES;

    /** One that is beside no other. */
    public static final LocalProcess UNKNOWN = new LocalProcess(0, 0, 0, 0);

    // counted from 0, behind the name
    private static final int STATE_COLUMN = 0;
    private static final int STARTED_COLUMN = 19;

    /** A process without memory that its parent has not looked after yet. */
    private static final String DEAD = "Z";

    private static final long GONE = -1;

    /**
     * Returns this process.
     *
     * @return {@link #UNKNOWN} where the system does not tell
     */
    public static LocalProcess self() {
        try {
            UUID boot = UUID.fromString(
                    Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip());
            String namespace =
                    Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
            long pid = ProcessHandle.current().pid();
            return new LocalProcess(
                    boot.getLeastSignificantBits(), Long.parseLong(namespace.replaceAll("\\D", "")), pid, startOf(pid));
        } catch (IOException | IllegalArgumentException e) {
            return UNKNOWN;
        }
    }

    private static long startOf(long pid) throws IOException {
        String[] columns = columnsOf(pid);
        return columns[STATE_COLUMN].equals(DEAD) ? GONE : Long.parseLong(columns[STARTED_COLUMN]);
    }

    /** What the kernel says of a process, behind its name, in which anything may be. */
    private static String[] columnsOf(long pid) throws IOException {
        String stat = Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
        return stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    }

    /**
     * Tells whether this process can see that one.
     *
     * @param other the other
     * @return true if both are on one machine and count processes alike
     */
    public boolean isBeside(LocalProcess other) {
        return machine != 0 && machine == other.machine && namespace == other.namespace;
    }

    /**
     * Tells whether the process has ended, and with it all it could do. Reads one small file of the kernel's.
     *
     * @return true once it has; false while nobody can tell
     */
    public boolean hasEnded() {
        try {
            return startOf(pid) != started;
        } catch (NoSuchFileException e) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Writes it.
     *
     * @param out has room for {@link #BYTES}
     * @return {@code out}
     */
    public ByteBuffer put(ByteBuffer out) {
        return out.putLong(machine).putLong(namespace).putLong(pid).putLong(started);
    }

    /**
     * Reads what {@link #put} wrote.
     *
     * @param in has {@link #BYTES}
     * @return the process
     */
    public static LocalProcess get(ByteBuffer in) {
        return new LocalProcess(in.getLong(), in.getLong(), in.getLong(), in.getLong());
    }
}

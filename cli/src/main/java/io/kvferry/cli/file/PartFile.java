package io.kvferry.cli.file;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/**
 * A file that is being fetched: {@code FILE.part} with the bytes, {@code FILE.part.state} with what is known of them. The
 * state's first line says which file this is a part of, each further line is the CRC32C of one window.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it.
 */
final class PartFile implements Closeable {
    private final Path target;
    private final Path part;
    private final Path stateFile;
    private final WindowPlan plan;
    private final FileChannel bytes;
    private final FileChannel state;
    private final MessageDigest digest = FileBytes.sha256();
    private int windows;

    private PartFile(Path target, WindowPlan plan, FileChannel bytes, FileChannel state) {
        this.target = target;
        this.part = part(target);
        this.stateFile = state(target);
        this.plan = plan;
        this.bytes = bytes;
        this.state = state;
    }

    private static Path part(Path target) {
        return target.resolveSibling(target.getFileName() + ".part");
    }

    private static Path state(Path target) {
        return target.resolveSibling(target.getFileName() + ".part.state");
    }

    /**
     * Opens or continues the part of a file.
     *
     * @param identity what the server says of the file, in one line; a part of anything else is started over
     * @param notes hears what a user should know
     */
    static PartFile open(Path target, WindowPlan plan, String identity, Consumer<String> notes) throws IOException {
        FileChannel state = FileChannel.open(
                state(target), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        FileChannel bytes = null;
        try {
            lock(state, target);
            bytes = FileChannel.open(
                    part(target), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            PartFile file = new PartFile(target, plan, bytes, state);
            file.resume(identity, notes);
            return file;
        } catch (IOException | RuntimeException e) {
            state.close();
            if (bytes != null) {
                bytes.close();
            }
            throw e;
        }
    }

    private static void lock(FileChannel state, Path target) throws IOException {
        boolean locked;
        try {
            locked = state.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            locked = false;
        }
        if (!locked) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    "another fetch is writing " + target + "; wait for it");
        }
    }

    private void resume(String identity, Consumer<String> notes) throws IOException {
        List<String> lines =
                Files.readString(stateFile, StandardCharsets.ISO_8859_1).lines().toList();
        if (!lines.isEmpty() && !lines.getFirst().equals(identity)) {
            notes.accept("the file at the server is not the one this part is of; starting over");
        } else if (!lines.isEmpty()) {
            verify(lines.subList(1, lines.size()));
        }
        state.truncate(0);
        append(identity);
        List<String> kept = lines.isEmpty() ? List.of() : lines.subList(1, 1 + windows);
        for (String crc : kept) {
            append(crc);
        }
        bytes.truncate(plan.offset(windows));
        if (windows > 0) {
            notes.accept("continuing after " + windows + " of " + plan.count() + " windows");
        }
    }

    /** Keeps windows up to the first one that is not what its line says. */
    private void verify(List<String> crcs) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(Math.toIntExact(plan.memoryBytes()));
        for (String crc : crcs) {
            if (windows == plan.count()) {
                return;
            }
            buffer.clear().limit(plan.length(windows));
            try {
                FileBytes.read(bytes, plan.offset(windows), buffer);
            } catch (EOFException e) {
                return;
            }
            if (!crc(buffer.flip()).equals(crc)) {
                return;
            }
            digest.update(buffer);
            windows++;
        }
    }

    private static String crc(ByteBuffer buffer) {
        CRC32C crc = new CRC32C();
        crc.update(buffer.duplicate());
        return Long.toHexString(crc.getValue());
    }

    private void append(String line) throws IOException {
        FileBytes.write(state, state.size(), ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.ISO_8859_1)));
    }

    /** How many windows are there, from the beginning. */
    int windows() {
        return windows;
    }

    /** Writes the next window. */
    void append(ByteBuffer window) throws IOException {
        digest.update(window.duplicate());
        String crc = crc(window);
        FileBytes.write(bytes, plan.offset(windows), window);
        append(crc);
        windows++;
    }

    /**
     * Compares the sum and gives the file its name.
     *
     * @throws VerificationException if it differs; the part is deleted, for it cannot be continued
     */
    void finish(String sha256, boolean overwrite) throws IOException {
        String own = FileBytes.hex(digest);
        if (!own.equals(sha256)) {
            Files.deleteIfExists(part);
            Files.deleteIfExists(stateFile);
            throw new VerificationException(target.getFileName() + " arrived with SHA-256 " + own
                    + ", the server promised " + sha256 + "; nothing was kept, fetch it again");
        }
        bytes.force(true);
        checkFree(target, overwrite);
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        Files.deleteIfExists(stateFile);
    }

    /** Refuses to write over something. */
    static void checkFree(Path target, boolean overwrite) {
        if (Files.exists(target) && !overwrite) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    target + " exists; name another file with --out or allow it with --overwrite");
        }
    }

    /** Leaves a part behind that can be continued. */
    @Override
    public void close() throws IOException {
        try (FileChannel first = state;
                FileChannel second = bytes) {
            first.force(false);
            second.force(false);
        }
    }
}

package io.kvferry.cli.file;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * The SHA-256 of files, computed once for as long as a file stays the same.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class FileSums {
    private static final int MAX_REMEMBERED = 4096;
    private static final int READ_BYTES = 1 << 20;

    private final Executor executor;
    private final Object lock = new Object();
    // guarded by lock; the file that was asked for longest ago goes first
    private final Map<Path, Sum> sums = new LinkedHashMap<>(16, 0.75f, true);

    private record Sum(FileStamp stamp, CompletableFuture<String> sha256) {}

    FileSums(Executor executor) {
        this.executor = executor;
    }

    /** The sum of a file as it is now; a file of which it is known already is not read again. */
    CompletableFuture<String> of(Path file, FileStamp stamp) {
        Sum sum;
        synchronized (lock) {
            Sum known = sums.get(file);
            if (known != null && known.stamp.equals(stamp) && !known.sha256.isCompletedExceptionally()) {
                return known.sha256;
            }
            sum = new Sum(stamp, new CompletableFuture<>());
            sums.put(file, sum);
            if (sums.size() > MAX_REMEMBERED) {
                Iterator<Path> oldest = sums.keySet().iterator();
                oldest.next();
                oldest.remove();
            }
        }
        executor.execute(() -> compute(file, sum));
        return sum.sha256;
    }

    private static void compute(Path file, Sum sum) {
        MessageDigest digest = FileBytes.sha256();
        ByteBuffer buffer = ByteBuffer.allocateDirect(READ_BYTES);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = sum.stamp.sizeBytes();
            for (long at = 0; at < size; at += buffer.capacity()) {
                buffer.clear().limit((int) Math.min(buffer.capacity(), size - at));
                FileBytes.read(channel, at, buffer);
                digest.update(buffer.flip());
            }
            sum.sha256.complete(FileBytes.hex(digest));
        } catch (EOFException e) {
            sum.sha256.completeExceptionally(new IOException(file.getFileName() + " is being changed", e));
        } catch (IOException | RuntimeException e) {
            sum.sha256.completeExceptionally(e);
        }
    }
}

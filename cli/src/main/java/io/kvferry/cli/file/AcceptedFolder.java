package io.kvferry.cli.file;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Where a server lets others put files.
 *
 * <p><b>Threads:</b> Immutable; the folder is not.
 */
public final class AcceptedFolder {
    private final Path root;
    private final boolean overwrite;
    private final long maxFileBytes;

    private AcceptedFolder(Path root, boolean overwrite, long maxFileBytes) {
        this.root = root;
        this.overwrite = overwrite;
        this.maxFileBytes = maxFileBytes;
    }

    /**
     * Opens a folder to senders.
     *
     * @param folder the folder
     * @param overwrite whether a file may replace one of its name
     * @param maxFileBytes the largest file
     * @return the folder
     * @throws IOException if it is none
     */
    public static AcceptedFolder of(Path folder, boolean overwrite, long maxFileBytes) throws IOException {
        Path real = folder.toRealPath();
        if (!Files.isDirectory(real)) {
            throw new NotDirectoryException(folder.toString());
        }
        return new AcceptedFolder(real, overwrite, maxFileBytes);
    }

    /** Where a file of this name and size will lie. Its folder must exist, inside this one. */
    Path target(String name, long sizeBytes) throws IOException {
        Path target = root.resolve(FileName.check(name));
        Path parent = target.getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            throw refused(TransferErrorCode.INVALID_REQUEST, "the folder of '" + name + "' does not exist here");
        }
        if (!parent.toRealPath().startsWith(root)) {
            throw refused(TransferErrorCode.ACCESS_DENIED, "'" + name + "' leads out of the folder for received files");
        }
        checkFree(name, target);
        if (sizeBytes > maxFileBytes) {
            throw refused(
                    TransferErrorCode.INVALID_REQUEST,
                    "'" + name + "' has " + sizeBytes + " bytes, accepted are " + maxFileBytes
                            + "; serve --max-file-size sets this");
        }
        if (Files.getFileStore(root).getUsableSpace() < sizeBytes) {
            throw refused(
                    TransferErrorCode.INVALID_REQUEST,
                    "'" + name + "' has " + sizeBytes + " bytes, and there is not as much room on the server's disk");
        }
        return parent.toRealPath().resolve(target.getFileName());
    }

    /** Gives the finished file its name. */
    void move(Path part, String name, Path target) throws IOException {
        checkFree(name, target);
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    }

    private void checkFree(String name, Path target) {
        // a link counts as a file: replacing what it points to would leave the folder
        if (Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
            throw refused(TransferErrorCode.INVALID_REQUEST, "'" + name + "' is a folder here");
        }
        if (!overwrite && Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            throw refused(
                    TransferErrorCode.ALREADY_EXISTS,
                    "'" + name + "' exists here; send it under another name, or serve with --overwrite");
        }
    }

    private static TransferException refused(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.PREPARE, detail);
    }
}

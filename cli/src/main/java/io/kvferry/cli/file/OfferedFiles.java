package io.kvferry.cli.file;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a server lets others fetch: files by their name, and everything below folders.
 *
 * <p><b>Threads:</b> Immutable; the files are not.
 */
public final class OfferedFiles {
    /** By the first part of the name that clients use. */
    private final Map<String, Path> roots;

    private OfferedFiles(Map<String, Path> roots) {
        this.roots = roots;
    }

    /**
     * Checks what shall be offered.
     *
     * @param paths files and folders, with different names
     * @return the offer
     * @throws IOException if one does not exist
     * @throws TransferException INVALID_REQUEST if two have one name
     */
    public static OfferedFiles of(List<Path> paths) throws IOException {
        Map<String, Path> roots = new TreeMap<>();
        for (Path path : paths) {
            if (!Files.isReadable(path)) {
                throw new NoSuchFileException(path.toString());
            }
            Path real = path.toRealPath();
            Path last = path.toAbsolutePath().normalize().getFileName();
            Path earlier = roots.put(FileName.check(last == null ? "" : last.toString()), real);
            if (earlier != null) {
                throw new TransferException(
                        TransferErrorCode.INVALID_REQUEST,
                        Stage.OPEN,
                        earlier + " and " + real + " would both be offered as '" + last + "'; offer one of them");
            }
        }
        return new OfferedFiles(roots);
    }

    /**
     * Returns the names under which files and folders are offered.
     *
     * @return the names
     */
    public List<String> names() {
        return List.copyOf(roots.keySet());
    }

    /** The file of a name. Symbolic links may lead about inside an offered folder, never out of it. */
    Path resolve(String name) throws IOException {
        String[] parts = FileName.check(name).split("/", 2);
        Path root = roots.get(parts[0]);
        Path file = root == null || parts.length == 1 ? root : root.resolve(parts[1]);
        if (root == null || file == null || !Files.exists(file)) {
            throw refused(
                    TransferErrorCode.INVALID_REQUEST, "no file '" + name + "' is offered here; offered: " + names());
        }
        Path real = file.toRealPath();
        if (!real.startsWith(root)) {
            throw refused(TransferErrorCode.ACCESS_DENIED, "'" + name + "' leads out of the offered folder");
        }
        if (!Files.isRegularFile(real)) {
            throw refused(TransferErrorCode.INVALID_REQUEST, "'" + name + "' is a folder; name a file in it");
        }
        return real;
    }

    private static TransferException refused(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.PREPARE, detail);
    }
}

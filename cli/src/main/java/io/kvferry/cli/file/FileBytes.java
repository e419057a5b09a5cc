package io.kvferry.cli.file;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Whole reads and writes at a position, and the sum that names a file's content. */
final class FileBytes {
    private FileBytes() {}

    /** Fills the buffer from the file. */
    static void read(FileChannel file, long position, ByteBuffer into) throws IOException {
        long at = position;
        while (into.hasRemaining()) {
            int read = file.read(into, at);
            if (read < 0) {
                throw new EOFException("the file ends at " + at);
            }
            at += read;
        }
    }

    /** Writes the whole buffer. */
    static void write(FileChannel file, long position, ByteBuffer from) throws IOException {
        long at = position;
        while (from.hasRemaining()) {
            at += file.write(from, at);
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }
}

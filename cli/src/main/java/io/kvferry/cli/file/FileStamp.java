package io.kvferry.cli.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;

/**
 * What tells cheaply that a file is still the one it was.
 *
 * @param sizeBytes its size
 * @param modified its time of modification, in nanoseconds as far as the file system keeps them
 * @param fileKey its identity in the file system
 */
record FileStamp(long sizeBytes, String modified, String fileKey) {
    static FileStamp of(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        return new FileStamp(
                attributes.size(),
                attributes.lastModifiedTime().toInstant().toString(),
                Objects.toString(attributes.fileKey(), ""));
    }
}

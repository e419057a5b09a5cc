package io.kvferry.cli;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Makes a large file of real data: what every Java machine has lying about, over and over until it is enough. */
final class DemoFile {
    private DemoFile() {}

    static void write(Path file, long atLeastBytes) throws IOException {
        List<Path> sources = sources();
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            while (out.position() < atLeastBytes) {
                long before = out.position();
                for (Path source : sources) {
                    copy(source, out, atLeastBytes - out.position());
                }
                if (out.position() == before) {
                    throw new IOException("no data was found in " + sources);
                }
            }
        }
    }

    private static List<Path> sources() throws IOException {
        List<Path> sources = new ArrayList<>();
        try (Stream<Path> files = Files.walk(Path.of(System.getProperty("java.home"), "lib"), 2)) {
            files.filter(Files::isRegularFile)
                    .filter(Files::isReadable)
                    .sorted()
                    .forEach(sources::add);
        }
        return sources;
    }

    private static void copy(Path source, FileChannel out, long most) throws IOException {
        try (FileChannel in = FileChannel.open(source, StandardOpenOption.READ)) {
            long size = Math.min(in.size(), most);
            long at = 0;
            while (at < size) {
                long copied = in.transferTo(at, size - at, out);
                if (copied <= 0) {
                    return;
                }
                at += copied;
            }
        }
    }
}

package io.kvferry.cli.reuse;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What LMCache writes into the log of a server, counted from when this was made.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it.
 */
final class LogFile {
    private static final int MAX_READ = 4 << 20;
    private static final Pattern HITS =
            Pattern.compile("[Tt]otal tokens:? (\\d+), LMCache hit tokens: (\\d+)|LMCache hit tokens: (\\d+)");
    private static final Pattern STORED = Pattern.compile("Stored (\\d+) out of total \\d+ tokens");

    private final Path file;
    private long at;
    private String unfinished = "";
    private Counts counts = new Counts(0, 0, 0);

    /** Tokens that were looked up, found, and stored. */
    record Counts(long lookupTokens, long hitTokens, long storedTokens) {}

    LogFile(Path file) throws IOException {
        this.file = file;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            at = channel.size();
        }
    }

    /** Reads what was written since the last call. */
    Counts counts() {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() < at) {
                at = 0; // the file was begun anew
                unfinished = "";
            }
            ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(MAX_READ, channel.size() - at));
            while (bytes.hasRemaining() && channel.read(bytes, at + bytes.position()) >= 0) {
                // until all of it is there
            }
            at += bytes.position();
            String text = unfinished + StandardCharsets.UTF_8.decode(bytes.flip());
            int end = text.lastIndexOf('\n') + 1;
            text.substring(0, end).lines().forEach(this::count);
            unfinished = text.length() - end > MAX_READ ? "" : text.substring(end);
            return counts;
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private void count(String line) {
        Matcher hits = HITS.matcher(line);
        if (hits.find()) {
            long found = Long.parseLong(hits.group(2) == null ? hits.group(3) : hits.group(2));
            long asked = hits.group(1) == null ? found : Long.parseLong(hits.group(1));
            counts = new Counts(counts.lookupTokens + asked, counts.hitTokens + found, counts.storedTokens);
        }
        Matcher stored = STORED.matcher(line);
        if (stored.find()) {
            long tokens = Long.parseLong(stored.group(1));
            counts = new Counts(counts.lookupTokens, counts.hitTokens, counts.storedTokens + tokens);
        }
    }
}

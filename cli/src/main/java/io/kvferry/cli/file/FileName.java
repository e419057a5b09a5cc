package io.kvferry.cli.file;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.charset.StandardCharsets;

/** The name of a file between two machines: relative, with slashes, and nothing that could lead anywhere else. */
final class FileName {
    private static final int MAX_BYTES = 1024;
    private static final int MAX_SEGMENT_BYTES = 255;

    private FileName() {}

    /**
     * Checks a name; both sides do.
     *
     * @return the name
     * @throws TransferException INVALID_REQUEST
     */
    static String check(String name) {
        if (name.isEmpty() || bytes(name) > MAX_BYTES) {
            throw refused(name, "has 1 to " + MAX_BYTES + " bytes");
        }
        if (name.chars().anyMatch(c -> Character.isISOControl(c) || c == '\\' || c == ':')) {
            throw refused(name, "has no control characters, backslashes or colons");
        }
        for (String segment : name.split("/", -1)) {
            if (segment.isEmpty() || segment.equals(".") || segment.equals("..")) {
                throw refused(name, "is relative and has no empty part, '.' or '..'");
            }
            if (bytes(segment) > MAX_SEGMENT_BYTES) {
                throw refused(name, "has at most " + MAX_SEGMENT_BYTES + " bytes between two slashes");
            }
        }
        return name;
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    private static TransferException refused(String name, String rule) {
        String shown = name.replaceAll("\\p{Cntrl}", "?");
        return new TransferException(
                TransferErrorCode.INVALID_REQUEST,
                Stage.PREPARE,
                "'" + shown.substring(0, Math.min(80, shown.length())) + "' is not a file name: it " + rule);
    }
}

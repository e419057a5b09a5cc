package io.kvferry.cli.file;

/**
 * One file that was moved.
 *
 * @param name its name at the server
 * @param sizeBytes its size
 * @param movedBytes what went over the wire; less than the size where a fetch continued an earlier one
 * @param sha256 what both sides read
 * @param nanos how long it took
 */
public record FileReport(String name, long sizeBytes, long movedBytes, String sha256, long nanos) {
    /**
     * Returns the speed.
     *
     * @return bytes per second
     */
    public double bytesPerSecond() {
        return nanos == 0 ? 0 : movedBytes * 1e9 / nanos;
    }
}

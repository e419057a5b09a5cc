package io.kvferry.cli.file;

/**
 * Hears how far a file is.
 *
 * <p><b>Threads:</b> called by the thread that moves the file.
 */
public interface Progress {
    /**
     * So much is through.
     *
     * @param doneBytes bytes kept at the destination
     * @param totalBytes the whole file
     */
    void at(long doneBytes, long totalBytes);

    /**
     * Something a user should know.
     *
     * @param line one line
     */
    void note(String line);
}

package io.kvferry.cli.file;

/** The bytes are not those that were promised. */
public final class VerificationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes an exception.
     *
     * @param message one line for a person: both sums, and what to do
     */
    public VerificationException(String message) {
        super(message);
    }
}

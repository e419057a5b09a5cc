package io.kvferry.control.lmcache;

/** A frame is no message. Its text says what is wrong, for the sender. */
final class MalformedMessageException extends Exception {
    private static final long serialVersionUID = 1L;

    MalformedMessageException(String detail) {
        super(detail);
    }

    MalformedMessageException(String detail, Throwable cause) {
        super(detail, cause);
    }
}

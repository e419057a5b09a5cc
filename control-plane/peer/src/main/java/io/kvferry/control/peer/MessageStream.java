package io.kvferry.control.peer;

import io.kvferry.spi.TransferError;

/** One gRPC stream, as a channel uses it; the two ends of a stream differ in nothing else. */
interface MessageStream {
    /** Tells whether a write would go out rather than wait in memory. */
    boolean isReady();

    /** Sends a frame. Not thread-safe; not after {@link #end} or {@link #abort}. */
    void write(byte[] frame);

    /** Lets so many more frames come in. Thread-safe. */
    void request(int frames);

    /** Ends the stream in order, after what was written. */
    void end();

    /** Ends the stream at once. */
    void abort(TransferError why);
}

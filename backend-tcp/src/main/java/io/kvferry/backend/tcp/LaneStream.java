package io.kvferry.backend.tcp;

/** What one transfer does on one lane. Confined to the lane's event loop, but for the two accessors. */
sealed interface LaneStream permits InStream, OutStream {
    TcpTransfer transfer();

    Lane lane();

    /** Drops what has not started; what has started is drained. Called once the transfer has failed or finished. */
    void stop();

    /** Tells whether bytes are outstanding that the peer has to move or to acknowledge. */
    boolean isBusy();

    /** Counts a check without progress since the last one, and returns how many there were in a row. */
    int countQuietCheck();
}

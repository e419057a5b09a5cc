package com.example.shm;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;

/** One side of one transfer, as the backend sees all of them: to fence them, and to close. Thread-safe. */
interface Side {
    TransferId id();

    int attempt();

    PeerIdentity peer();

    /** Lets nothing new begin and reports the failure, unless the transfer has failed or was finished before. */
    void fail(TransferErrorCode code, String detail);

    /** As in the SPI, on both sides. */
    Quiescence finish(Deadline grace);

    /** True once nothing of this backend touches the memory of this side any more. */
    boolean isQuiet();

    /** The backend closes although this side is not quiet: nobody looks after it any more. */
    void abandon();
}

package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.RdmaConnParam;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.time.Duration;

/**
 * How connections are made; all of one instance are made alike. Immutable.
 *
 * @param ticker the clock
 * @param connectTimeout how long one may take
 * @param flushTimeout how long a closed one waits for its requests
 * @param sendDepth requests that may be outstanding
 * @param retries how often a packet is sent again
 */
record DisniSettings(Ticker ticker, Duration connectTimeout, Duration flushTimeout, int sendDepth, int retries) {
    /** For ever, as a message is acknowledged before its process has seen it and posted another receive. */
    private static final byte RNR_RETRIES = 7;

    static DisniSettings of(BackendConfig config, Ticker ticker) {
        return new DisniSettings(
                ticker,
                config.get(DisniConfigKeys.CONNECT_TIMEOUT),
                config.get(DisniConfigKeys.FLUSH_TIMEOUT),
                config.get(DisniConfigKeys.SEND_DEPTH),
                config.get(DisniConfigKeys.RETRIES));
    }

    /** What connect and accept are told; by DiSNI's own default one lost packet ends a connection. */
    RdmaConnParam connectionParameters() throws IOException {
        RdmaConnParam parameters = new RdmaConnParam();
        parameters.setRetry_count((byte) retries);
        parameters.setRnr_retry_count(RNR_RETRIES);
        return parameters;
    }

    Deadline connectDeadline() {
        return Deadline.after(connectTimeout, ticker);
    }

    Deadline flushDeadline() {
        return Deadline.after(flushTimeout, ticker);
    }
}

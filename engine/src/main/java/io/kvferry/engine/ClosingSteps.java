package io.kvferry.engine;

import io.kvferry.spi.CloseReport;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Closes one thing after the other, all of them even if one fails, and keeps what had to be left behind. */
final class ClosingSteps {
    private static final Logger LOG = LoggerFactory.getLogger(ClosingSteps.class);

    private final List<String> abandoned = new ArrayList<>();

    void run(String what, Runnable step) {
        try {
            step.run();
        } catch (RuntimeException | Error e) {
            LOG.error("closing {} failed; the rest is closed all the same", what, e);
            abandon("closing " + what + " failed: " + e);
        }
    }

    void abandon(String what) {
        abandoned.add(what);
    }

    CloseReport report() {
        return new CloseReport(abandoned);
    }
}

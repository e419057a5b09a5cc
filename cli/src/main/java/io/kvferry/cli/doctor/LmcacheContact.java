package io.kvferry.cli.doctor;

import io.kvferry.control.lmcache.LmCacheProbe;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Asks the controllers that files of LMCache name.
 *
 * @param timeout for each socket
 * @param asWorker whether to join for a moment, which proves that what workers push is taken in
 */
public record LmcacheContact(Duration timeout, boolean asWorker) {
    private static final String START =
            "start it with 'lmcache_controller --monitor-ports', or mend the address; if it runs, restart it: one frame"
                    + " that older ones cannot decode ends their loop for good";

    /**
     * The sockets of one controller.
     *
     * @param pull its controller_pull_url
     * @param reply its controller_reply_url
     */
    record Sockets(PeerAddress pull, PeerAddress reply) {}

    /** Asks one controller. */
    List<Finding> ask(Sockets sockets) {
        List<Finding> findings = new ArrayList<>();
        try (LmCacheProbe probe = new LmCacheProbe()) {
            findings.add(attempt(
                    "controller_reply_url " + sockets.reply(),
                    "answers a look-up",
                    () -> probe.ask(sockets.reply(), Deadline.after(timeout))));
            if (asWorker) {
                findings.add(attempt(
                        "controller_pull_url " + sockets.pull(),
                        "what a worker pushes is taken in, and found",
                        () -> probe.join(sockets.pull(), sockets.reply(), Deadline.after(timeout))));
            } else {
                Finding reached = attempt(
                        "controller_pull_url " + sockets.pull(),
                        "takes what workers push",
                        () -> probe.reach(sockets.pull(), Deadline.after(timeout)));
                findings.add(
                        reached.ok()
                                ? Finding.note(
                                        reached.check(),
                                        reached.detail(),
                                        "it never answers: --as-worker joins for a moment and proves that it is taken in")
                                : reached);
            }
        }
        return findings;
    }

    private static Finding attempt(String check, String success, Runnable call) {
        try {
            call.run();
            return Finding.good(check, success);
        } catch (TransferException e) {
            return Finding.bad(check, e.error().detail(), START);
        }
    }
}

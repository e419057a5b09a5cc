package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import java.util.List;
import java.util.Map;

/**
 * What another front of the controller adds to its HTTP port: paths of its own, metrics, and what it knows about a miss.
 *
 * <p><b>Threads:</b> called from many at once; {@link #answer} may block until its deadline, the others must not.
 *
 * @since 0.1.0
 */
public interface HttpExtension {
    /**
     * Returns the paths that it answers. None may be one of the controller's own.
     *
     * @return paths without variables, each with its method, GET or POST
     */
    List<Endpoint> endpoints();

    /**
     * Answers a request.
     *
     * @param endpoint one of {@link #endpoints}
     * @param query the first value of each parameter
     * @param body what was sent, whole; empty for GET
     * @param deadline until when the answer is worth something
     * @return the answer
     * @throws io.kvferry.spi.TransferException answered with the status of its code
     * @throws IllegalArgumentException answered with status 400
     */
    Answer answer(Endpoint endpoint, Map<String, String> query, byte[] body, Deadline deadline);

    /**
     * Returns what it measures.
     *
     * @return metrics, each name once
     */
    List<Metric> metrics();

    /**
     * Says what it knows about a look-up that finds less than it might.
     *
     * @param lookup what is looked for
     * @return sentences for a person; empty if it knows nothing
     */
    List<String> remarks(Lookup lookup);

    /**
     * A method on a path.
     *
     * @param method GET or POST
     * @param path for example {@code /lookup}
     */
    record Endpoint(String method, String path) {}

    /**
     * An answer in JSON.
     *
     * @param status status of HTTP
     * @param json its body
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Answer(int status, byte[] json) {}

    /**
     * A figure.
     *
     * @param name as Prometheus shows it, without {@code _total}
     * @param help one sentence
     * @param counter true if it only grows
     * @param labels by name
     * @param value the figure
     */
    record Metric(String name, String help, boolean counter, Map<String, String> labels, double value) {}
}

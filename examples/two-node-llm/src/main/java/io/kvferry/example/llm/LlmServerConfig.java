package io.kvferry.example.llm;

import io.kvferry.example.llm.model.ModelShape;
import java.net.InetSocketAddress;
import java.time.Duration;

/**
 * How a server is set up.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param listen where it listens; port 0 is any free one
 * @param modelName what clients call the model
 * @param shape how large the model is; nodes that share KV cache agree on it
 * @param seed what the weights are made of; nodes that share KV cache agree on it
 * @param workers how many requests are computed at once
 * @param maxRequests how many requests may be open; one more is refused
 * @param storeTimeout how long a look-up with its fetch, or keeping a prompt, may take
 * @param requestTimeout how long a request may take
 */
public record LlmServerConfig(
        InetSocketAddress listen,
        String modelName,
        ModelShape shape,
        long seed,
        int workers,
        int maxRequests,
        Duration storeTimeout,
        Duration requestTimeout) {
    /** What the model is called when nobody says otherwise. */
    public static final String USUAL_NAME = "kvferry-example";

    /**
     * Returns what the example serves.
     *
     * @param listen where
     * @return the usual set-up
     */
    public static LlmServerConfig usual(InetSocketAddress listen) {
        return new LlmServerConfig(
                listen,
                USUAL_NAME,
                ModelShape.SERVED,
                1,
                Runtime.getRuntime().availableProcessors(),
                64,
                Duration.ofSeconds(10),
                Duration.ofMinutes(5));
    }
}

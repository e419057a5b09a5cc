package io.kvferry.example.llm.kv;

import io.kvferry.example.llm.model.KvCache;
import io.kvferry.spi.Deadline;

/**
 * What the server needs of whoever keeps KV caches: begin a prompt with what is there, leave there what was computed.
 *
 * <p><b>Threads:</b> Thread-safe. Calls block until their deadline at the longest.
 *
 * <p><b>Ownership:</b> a store copies; caches stay the caller's.
 */
public interface PrefixStore extends AutoCloseable {
    /**
     * Puts the longest known prefix into an empty cache.
     *
     * @param tokens what the prefix is of; all of it may be found
     * @param into gets the pages; it stays empty when this fails
     * @param deadline until when
     * @return what was found, and why it is less than what is known
     * @throws io.kvferry.spi.TransferException when nobody could be asked
     */
    Prefix fetch(int[] tokens, KvCache into, Deadline deadline);

    /**
     * Keeps the whole pages of a prompt for later requests, and returns once every request can find them.
     *
     * @param tokens the prompt
     * @param from its cache
     * @param deadline until when
     * @return how many tokens were not there before
     * @throws io.kvferry.spi.TransferException when they could not be kept
     */
    int publish(int[] tokens, KvCache from, Deadline deadline);

    /**
     * Returns what the store has counted.
     *
     * @return the text format of Prometheus, with the names of LMCache where the meaning is theirs
     */
    String metrics();

    @Override
    void close();
}

package io.kvferry.control.http;

/** Where server-sent events come from. Thread-safe. */
interface EventFeed {
    /**
     * Adds one who listens; it hears at once what there is.
     *
     * @param listener who
     * @return ends it
     */
    Runnable subscribe(Listener listener);

    /** One who listens. Takes events from any thread, must not block, and drops what it cannot take. */
    interface Listener {
        void event(String name, byte[] json);
    }
}

package io.kvferry.backend.mooncake;

/**
 * Where the data plane of one life of a target is. A target that restarts is another one, so that no connection to its
 * former life is used again. Immutable.
 *
 * @param incarnation what tells lives apart
 * @param acknowledged whether it answers with status frames
 */
record DataAddress(String host, int port, String incarnation, boolean acknowledged) {
    @Override
    public String toString() {
        return host + ":" + port;
    }
}

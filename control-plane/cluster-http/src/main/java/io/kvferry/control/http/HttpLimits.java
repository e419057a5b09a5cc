package io.kvferry.control.http;

import java.time.Duration;

/**
 * What a client may take.
 *
 * @param maxBodyBytes longest body of a request
 * @param maxConnections connections at one time; one more is closed at once
 * @param maxStreams of them with server-sent events
 * @param requestTimeout how long a connection may take to bring a whole request, a handler to answer it, and a client to take
 *     what was written
 */
record HttpLimits(int maxBodyBytes, int maxConnections, int maxStreams, Duration requestTimeout) {}

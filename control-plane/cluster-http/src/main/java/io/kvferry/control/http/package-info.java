/**
 * The controller for people and tools, over HTTP: JSON under {@code /v1}, health, Prometheus metrics, a dashboard page, and
 * the metadata server that Mooncake processes expect.
 *
 * <p>Threads: one Netty event loop moves bytes; each request is answered on a virtual thread of its own, which may block
 * until the request's deadline. Start reading at {@link io.kvferry.control.http.ControllerHttp}; what can be asked is
 * {@code openapi.json}.
 */
@NullMarked
package io.kvferry.control.http;

import org.jspecify.annotations.NullMarked;

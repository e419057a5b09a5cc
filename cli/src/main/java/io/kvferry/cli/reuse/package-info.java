/**
 * Asks servers that speak OpenAI's completions and Prometheus whether they reuse KV cache of one another, and how much time that
 * saves.
 *
 * <p>Threads: clients are thread-safe. Start reading at {@link io.kvferry.cli.reuse.ReuseCheck}.
 */
@NullMarked
package io.kvferry.cli.reuse;

import org.jspecify.annotations.NullMarked;

/**
 * A language model behind an OpenAI-style HTTP server, as small as one can be that really reuses KV caches of other nodes.
 *
 * <p>Threads: the server is thread-safe; a request is computed on one thread of a fixed number. Start reading at {@link
 * io.kvferry.example.llm.LlmServer}.
 */
@NullMarked
package io.kvferry.example.llm;

import org.jspecify.annotations.NullMarked;

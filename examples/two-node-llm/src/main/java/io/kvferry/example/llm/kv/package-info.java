/**
 * Where the KV cache of prompts is kept so that another request, here or on another machine, can begin with it.
 *
 * <p>Threads: a store is thread-safe. Start reading at {@link io.kvferry.example.llm.kv.PrefixStore}.
 */
@NullMarked
package io.kvferry.example.llm.kv;

import org.jspecify.annotations.NullMarked;

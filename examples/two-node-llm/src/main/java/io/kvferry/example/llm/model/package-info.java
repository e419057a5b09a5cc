/**
 * A small decoder-only transformer over bytes, with weights from a seed.
 *
 * <p>It exists to make KV cache that is real data: attention over all earlier tokens, so that prefill costs more the longer the
 * prompt is and a wrong byte in the cache changes the answer. Its answers mean nothing. Every operation is one whose result
 * Java specifies to the last bit, so that two machines that got the same tokens hold the same cache, and a prompt gives the
 * same answer whether its KV cache was computed at once, in pieces or elsewhere.
 *
 * <p>Threads: a model is immutable, a cache belongs to one thread at a time. Start reading at {@link
 * io.kvferry.example.llm.model.Transformer}.
 */
@NullMarked
package io.kvferry.example.llm.model;

import org.jspecify.annotations.NullMarked;

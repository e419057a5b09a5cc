package io.kvferry.node;

/**
 * The schemes that a node can make chunk keys with.
 *
 * @since 0.1.0
 */
public enum KeySchemeKind {
    /** KVFerry's own: SHA-256 over a documented byte layout. */
    SHA256,
    /** What vLLM calls {@code sha256_cbor}. */
    VLLM_SHA256_CBOR,
    /** Python's own hash, as CPython 3.12 and later compute it. */
    CPYTHON312
}

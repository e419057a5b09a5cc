package io.kvferry.backend.mooncake.adapter;

/**
 * How an engine is made.
 *
 * @param library file name of the library, or a path
 * @param transport what moves the bytes, in Mooncake's words: {@code tcp}, {@code rdma}, {@code efa} …
 * @param metadata {@code P2PHANDSHAKE}, or the URL of a metadata store
 * @param localName the segment's name at a metadata store; in the first mode its host, which peers dial
 * @param location where registered memory is, in Mooncake's words: {@code *}, {@code cpu:0} …
 * @param maxTasks most tasks of a batch
 * @since 0.1.0
 */
public record MooncakeAdapterSettings(
        String library, String transport, String metadata, String localName, String location, int maxTasks) {}

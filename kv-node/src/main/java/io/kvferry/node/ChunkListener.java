package io.kvferry.node;

/** Hears of every change of what a store holds, in order. Called with the store's lock held: it only takes notes. */
interface ChunkListener {
    void admitted(ChunkId chunk);

    void evicted(ChunkId chunk);
}

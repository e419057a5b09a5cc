package io.kvferry.node;

/** Hears of every change of what a store holds, in order. The first two methods are called with the store's lock held: they only take
 * notes. */
interface ChunkListener {
    void admitted(ChunkId chunk);

    void evicted(ChunkId chunk);

    /** There were changes. Called without the lock, soon after them. */
    void changed();
}

package io.kvferry.backend.mooncake.adapter;

import io.kvferry.spi.Operation;

/**
 * What a batch moves. Reused: filled by one thread, read by {@link MooncakeAdapter#submit} alone.
 *
 * <p><b>Threads:</b> Confined to the thread that submits.
 *
 * @since 0.1.0
 */
public final class MooncakeTasks {
    private final long[] local;
    private final long[] remote;
    private final long[] bytes;
    private Operation operation = Operation.READ;
    private int segment;
    private int size;

    /**
     * Makes an empty list.
     *
     * @param capacity most tasks
     */
    public MooncakeTasks(int capacity) {
        this.local = new long[capacity];
        this.remote = new long[capacity];
        this.bytes = new long[capacity];
    }

    /**
     * Empties the list.
     *
     * @param newOperation READ copies remote to local memory, WRITE the other way
     * @param newSegment the peer's segment
     */
    public void reset(Operation newOperation, int newSegment) {
        operation = newOperation;
        segment = newSegment;
        size = 0;
    }

    /**
     * Adds a task.
     *
     * @param localAddress in registered memory of this process
     * @param remoteAddress in one registered buffer of the peer's
     * @param length at least 1
     */
    public void add(long localAddress, long remoteAddress, long length) {
        local[size] = localAddress;
        remote[size] = remoteAddress;
        bytes[size++] = length;
    }

    /**
     * Returns what all tasks do.
     *
     * @return the operation
     */
    public Operation operation() {
        return operation;
    }

    /**
     * Returns whose memory is remote.
     *
     * @return a segment id
     */
    public int segment() {
        return segment;
    }

    /**
     * Returns how many tasks there are.
     *
     * @return the size
     */
    public int size() {
        return size;
    }

    /**
     * Returns where a task's bytes are here.
     *
     * @param task its number
     * @return an address
     */
    public long local(int task) {
        return local[task];
    }

    /**
     * Returns where a task's bytes are at the peer.
     *
     * @param task its number
     * @return an address
     */
    public long remote(int task) {
        return remote[task];
    }

    /**
     * Returns how long a task is.
     *
     * @param task its number
     * @return bytes
     */
    public long bytes(int task) {
        return bytes[task];
    }
}

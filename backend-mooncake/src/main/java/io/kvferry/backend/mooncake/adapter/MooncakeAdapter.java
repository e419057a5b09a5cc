package io.kvferry.backend.mooncake.adapter;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferException;
import java.util.List;

/**
 * One transfer engine of Mooncake: its C API, with errors as {@link TransferException} and no raw number of the library's.
 *
 * <p><b>Life cycle:</b> made open; {@link #close} ends it, and after that nothing of it touches any memory again.
 *
 * <p><b>Threads:</b> {@link #openSegment} and {@link #notify} may take long and be called from any thread; everything else
 * comes from one thread at a time. The caller sees to it that no call is under way when {@link #close} begins.
 *
 * <p><b>Ownership:</b> memory that is registered, and memory of a batch, stays mapped until it is unregistered and the batch
 * is freed. There is no cancel.
 *
 * @since 0.1.0
 */
public interface MooncakeAdapter {
    /**
     * Returns the name by which peers open this engine's segment.
     *
     * @return the same at every call
     */
    String segmentName();

    /**
     * Tells whether a WRITE over TCP is complete when its target has answered it, and not when it has left this side's
     * socket buffer. Between two engines both must.
     *
     * @return true from v0.3.12 on
     */
    boolean acknowledgesWrites();

    /**
     * Makes memory reachable, for peers too.
     *
     * @param address where it begins
     * @param bytes at least 1
     * @throws TransferException ALREADY_EXISTS where it overlaps with memory that is registered; TRANSFER_FAILED with the
     *     library's number otherwise
     */
    void registerMemory(long address, long bytes);

    /**
     * Takes memory back.
     *
     * @param address as it was registered
     */
    void unregisterMemory(long address);

    /**
     * Finds a peer's segment.
     *
     * @param name its name
     * @param fresh whether to ask anew even if it is known: what is known may be of a former life of the peer
     * @return its id in this engine
     * @throws TransferException CONNECTION_FAILED
     */
    int openSegment(String name, boolean fresh);

    /**
     * Makes an empty batch.
     *
     * @param tasks how many it may take
     * @return its id, never to be used again once it is freed
     * @throws TransferException RESOURCE_EXHAUSTED
     */
    long allocateBatch(int tasks);

    /**
     * Starts the tasks of a batch. They are numbered from 0, in order.
     *
     * @param batch an empty one
     * @param tasks what to move
     * @throws TransferException TRANSFER_FAILED where none was started
     */
    void submit(long batch, MooncakeTasks tasks);

    /**
     * Asks how a task is.
     *
     * @param batch its batch
     * @param task its number
     * @return what it is now
     */
    MooncakeTaskState status(long batch, int task);

    /**
     * Frees a batch whose tasks have all been seen in a terminal state.
     *
     * @param batch the batch
     * @return false where the engine still works on it; ask again later
     */
    boolean freeBatch(long batch);

    /**
     * Tells a peer something, at most once.
     *
     * @param segment from {@link #openSegment}
     * @param name the notification's name
     * @param text its text
     * @throws TransferException CONTROL_FAILED where the peer did not take it
     */
    void notify(int segment, String name, String text);

    /**
     * Takes what peers have told.
     *
     * @return notifications that were not taken before, oldest first
     */
    List<MooncakeNotification> notifications();

    /** Ends the engine: its threads, its connections, its registrations. What was in flight stops. */
    void close();

    /**
     * Makes the error that callers of this interface expect for a number of the library.
     *
     * @param stage where it happened
     * @param code what it means to the caller
     * @param call the function
     * @param number what it returned
     * @return the exception
     */
    static TransferException failed(Stage stage, io.kvferry.spi.TransferErrorCode code, String call, long number) {
        return new TransferException(
                code, stage, call + " of libtransfer_engine answered " + number + "; its log has the reason");
    }
}

package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.kvferry.backend.rdma.adapter.posix.Posix;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.NoSuchElementException;

/**
 * The functions of libibverbs. Four are inline functions in C, which call through the device's {@code struct
 * ibv_context}: those take the function's address, and they are the hot ones. Thread-safe, as far as the objects passed
 * are.
 */
@SuppressWarnings("restricted") // native calls are what this package is for
final class IbVerbs {
    private static final String LIBRARY = "libibverbs.so.1";

    private static final MethodHandle POST =
            Posix.LINKER.downcallHandle(FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
    // never blocks and is called all the time: without the thread's state transition it costs a third less
    private static final MethodHandle POLL_CQ = Posix.LINKER.downcallHandle(
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS), Linker.Option.critical(false));
    private static final MethodHandle REQ_NOTIFY_CQ =
            Posix.LINKER.downcallHandle(FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));

    final NativeFunction getDeviceList;
    final NativeFunction getDeviceName;
    final NativeFunction freeDeviceList;
    final NativeFunction openDevice;
    final NativeFunction closeDevice;
    final NativeFunction queryDevice;
    final NativeFunction queryPort;
    final NativeFunction queryGid;
    final NativeFunction allocPd;
    final NativeFunction deallocPd;
    final NativeFunction regMr;
    final NativeFunction deregMr;
    final NativeFunction createChannel;
    final NativeFunction destroyChannel;
    final NativeFunction createCq;
    final NativeFunction destroyCq;
    final NativeFunction getCqEvent;
    final NativeFunction ackCqEvents;
    final NativeFunction createQp;
    final NativeFunction modifyQp;
    final NativeFunction destroyQp;
    final NativeFunction getAsyncEvent;
    final NativeFunction ackAsyncEvent;
    private final NativeFunction statusText;
    private final NativeFunction eventText;

    private IbVerbs(SymbolLookup library) {
        getDeviceList = NativeFunction.making(library, "ibv_get_device_list", ADDRESS);
        getDeviceName = NativeFunction.making(library, "ibv_get_device_name", ADDRESS);
        freeDeviceList = NativeFunction.plain(library, "ibv_free_device_list", FunctionDescriptor.ofVoid(ADDRESS));
        openDevice = NativeFunction.making(library, "ibv_open_device", ADDRESS);
        closeDevice = answering(library, "ibv_close_device", ADDRESS);
        queryDevice = answering(library, "ibv_query_device", ADDRESS, ADDRESS);
        queryPort = answering(library, "ibv_query_port", ADDRESS, JAVA_BYTE, ADDRESS);
        queryGid = answering(library, "ibv_query_gid", ADDRESS, JAVA_BYTE, JAVA_INT, ADDRESS);
        allocPd = NativeFunction.making(library, "ibv_alloc_pd", ADDRESS);
        deallocPd = answering(library, "ibv_dealloc_pd", ADDRESS);
        regMr = NativeFunction.making(library, "ibv_reg_mr", ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT);
        deregMr = answering(library, "ibv_dereg_mr", ADDRESS);
        createChannel = NativeFunction.making(library, "ibv_create_comp_channel", ADDRESS);
        destroyChannel = answering(library, "ibv_destroy_comp_channel", ADDRESS);
        createCq = NativeFunction.making(library, "ibv_create_cq", ADDRESS, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT);
        destroyCq = answering(library, "ibv_destroy_cq", ADDRESS);
        getCqEvent = answering(library, "ibv_get_cq_event", ADDRESS, ADDRESS, ADDRESS);
        ackCqEvents = NativeFunction.plain(library, "ibv_ack_cq_events", FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT));
        createQp = NativeFunction.making(library, "ibv_create_qp", ADDRESS, ADDRESS);
        modifyQp = answering(library, "ibv_modify_qp", ADDRESS, ADDRESS, JAVA_INT);
        destroyQp = answering(library, "ibv_destroy_qp", ADDRESS);
        getAsyncEvent = answering(library, "ibv_get_async_event", ADDRESS, ADDRESS);
        ackAsyncEvent = NativeFunction.plain(library, "ibv_ack_async_event", FunctionDescriptor.ofVoid(ADDRESS));
        statusText = NativeFunction.making(library, "ibv_wc_status_str", JAVA_INT);
        eventText = NativeFunction.making(library, "ibv_event_type_str", JAVA_INT);
    }

    private static NativeFunction answering(SymbolLookup library, String name, MemoryLayout... arguments) {
        return NativeFunction.settingErrno(library, name, FunctionDescriptor.of(JAVA_INT, arguments));
    }

    /**
     * Loads the library; it stays loaded.
     *
     * @throws TransferException BACKEND_UNAVAILABLE where there is none
     */
    static IbVerbs load() {
        try {
            return new IbVerbs(SymbolLookup.libraryLookup(LIBRARY, Arena.global()));
        } catch (IllegalArgumentException e) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE, Stage.OPEN, LIBRARY + " cannot be loaded", e);
        } catch (NoSuchElementException e) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OPEN,
                    LIBRARY + " lacks a function that is needed: " + e.getMessage(),
                    e);
        }
    }

    /** Posts a chain of requests; returns 0 or an errno, and then {@code bad} holds the first that was not posted. */
    static int post(MemorySegment function, MemorySegment queuePair, MemorySegment requests, MemorySegment bad) {
        try {
            return (int) POST.invokeExact(function, queuePair, requests, bad);
        } catch (Throwable t) {
            throw Posix.impossible(t);
        }
    }

    /** Takes completions; returns how many, negative if the queue is broken. */
    static int poll(MemorySegment function, MemorySegment queue, int most, MemorySegment completions) {
        try {
            return (int) POLL_CQ.invokeExact(function, queue, most, completions);
        } catch (Throwable t) {
            throw Posix.impossible(t);
        }
    }

    /** Asks for one event when the next completion comes; returns 0 or an errno. */
    static int requestNotification(MemorySegment function, MemorySegment queue) {
        try {
            return (int) REQ_NOTIFY_CQ.invokeExact(function, queue, 0);
        } catch (Throwable t) {
            throw Posix.impossible(t);
        }
    }

    /** What a completion's status means, as {@code remote access error (10)}. */
    String describeStatus(int status) {
        return text(statusText, status);
    }

    /** What an asynchronous event means. */
    String describeEvent(int type) {
        return text(eventText, type);
    }

    private static String text(NativeFunction function, int number) {
        return function.make(number).reinterpret(256).getString(0) + " (" + number + ")";
    }
}

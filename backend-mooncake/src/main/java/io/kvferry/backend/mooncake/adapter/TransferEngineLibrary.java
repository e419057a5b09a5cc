package io.kvferry.backend.mooncake.adapter;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.NoSuchElementException;

/**
 * The functions of {@code libtransfer_engine}'s C API, and its structs on 64-bit Linux. Addresses are passed as numbers where
 * the library keeps them. Immutable.
 */
@SuppressWarnings("restricted") // native calls are what this package is for
final class TransferEngineLibrary {
    /** struct transfer_request. */
    static final long REQUEST_BYTES = 40;

    static final long REQUEST_OPCODE = 0;
    static final long REQUEST_SOURCE = 8;
    static final long REQUEST_TARGET = 16;
    static final long REQUEST_OFFSET = 24;
    static final long REQUEST_LENGTH = 32;
    static final int OPCODE_READ = 0;
    static final int OPCODE_WRITE = 1;

    /** struct transfer_status. */
    static final long STATUS_BYTES = 16;

    static final int WAITING = 0;
    static final int PENDING = 1;
    static final int COMPLETED = 4;

    /** What freeBatchID answers while it works on a batch. */
    static final int BATCH_BUSY = 4;
    /** What registerLocalMemory answers where memory overlaps. */
    static final int OVERLAPS = -7;

    /** struct notify_msg; passed by value. */
    static final StructLayout NOTIFY = MemoryLayout.structLayout(ADDRESS, ADDRESS);

    /** A string of the library's. */
    static final AddressLayout STRING =
            ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(1 << 20, java.lang.foreign.ValueLayout.JAVA_BYTE));

    private static final Linker LINKER = Linker.nativeLinker();

    final MethodHandle create;
    final MethodHandle destroy;
    final MethodHandle discoverTopology;
    final MethodHandle installTransport;
    final MethodHandle localName;
    final MethodHandle register;
    final MethodHandle unregister;
    final MethodHandle openSegment;
    final MethodHandle openSegmentNoCache;
    final MethodHandle allocateBatch;
    final MethodHandle submit;
    final MethodHandle status;
    final MethodHandle freeBatch;
    final MethodHandle sendNotification;
    final MethodHandle notifications;
    final MethodHandle freeNotifications;

    /** Whether WRITEs over TCP are acknowledged: these functions came with that framing, in v0.3.12. */
    final boolean acknowledgesWrites;

    private TransferEngineLibrary(SymbolLookup library) {
        create = handle(
                library,
                "createTransferEngine",
                FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT));
        destroy = handle(library, "destroyTransferEngine", FunctionDescriptor.ofVoid(ADDRESS));
        discoverTopology = number(library, "discoverTopology", ADDRESS);
        installTransport =
                handle(library, "installTransport", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS));
        localName = number(library, "getLocalIpAndPort", ADDRESS, ADDRESS, JAVA_LONG);
        register = number(library, "registerLocalMemory", ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_INT);
        unregister = number(library, "unregisterLocalMemory", ADDRESS, JAVA_LONG);
        openSegment = number(library, "openSegment", ADDRESS, ADDRESS);
        openSegmentNoCache = number(library, "openSegmentNoCache", ADDRESS, ADDRESS);
        allocateBatch = handle(library, "allocateBatchID", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG));
        submit = number(library, "submitTransfer", ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG);
        status = number(library, "getTransferStatus", ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS);
        freeBatch = number(library, "freeBatchID", ADDRESS, JAVA_LONG);
        sendNotification = number(library, "genNotifyInEngine", ADDRESS, JAVA_LONG, NOTIFY);
        notifications = handle(library, "getNotifsFromEngine", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));
        freeNotifications = number(library, "freeNotifsMsgBuf", ADDRESS, JAVA_INT);
        acknowledgesWrites = library.find("getNicLoadStats").isPresent();
    }

    private static MethodHandle number(SymbolLookup library, String name, MemoryLayout... arguments) {
        return handle(library, name, FunctionDescriptor.of(JAVA_INT, arguments));
    }

    private static MethodHandle handle(SymbolLookup library, String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(library.findOrThrow(name), type);
    }

    /**
     * Loads the library; it stays loaded.
     *
     * @param name a file name that the loader finds, or a path
     * @throws TransferException BACKEND_UNAVAILABLE where there is none, or one that lacks a function
     */
    static TransferEngineLibrary load(String name) {
        try {
            return new TransferEngineLibrary(
                    name.contains("/")
                            ? SymbolLookup.libraryLookup(Path.of(name), Arena.global())
                            : SymbolLookup.libraryLookup(name, Arena.global()));
        } catch (IllegalArgumentException e) {
            throw unavailable(name + " cannot be loaded (" + e.getMessage() + ")", e);
        } catch (NoSuchElementException e) {
            throw unavailable(name + " is no libtransfer_engine of v0.3.0 or later: " + e.getMessage(), e);
        }
    }

    private static TransferException unavailable(String what, RuntimeException cause) {
        return new TransferException(TransferErrorCode.BACKEND_UNAVAILABLE, Stage.OPEN, what, cause);
    }
}

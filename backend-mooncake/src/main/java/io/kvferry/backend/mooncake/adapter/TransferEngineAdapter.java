package io.kvferry.backend.mooncake.adapter;

import static io.kvferry.backend.mooncake.adapter.MooncakeAdapter.failed;

import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The engine of {@code libtransfer_engine}, one in a process. A batch id is a raw pointer there: an id that is not in hand
 * never reaches the library. Threads as {@link MooncakeAdapter} says.
 */
final class TransferEngineAdapter implements MooncakeAdapter {
    /** An engine's threads, ports and signal state are the process's. */
    private static final AtomicBoolean TAKEN = new AtomicBoolean();

    private static final int NAME_BYTES = 1024;

    private final TransferEngineLibrary library;
    private final MemorySegment engine;
    private final String segmentName;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment location;
    private final MemorySegment requests;
    private final MemorySegment status;
    private final Set<Long> batches = new HashSet<>();

    private TransferEngineAdapter(
            TransferEngineLibrary library, MemorySegment engine, String segmentName, MooncakeAdapterSettings settings) {
        this.library = library;
        this.engine = engine;
        this.segmentName = segmentName;
        this.location = arena.allocateFrom(settings.location());
        this.requests = arena.allocate(settings.maxTasks() * TransferEngineLibrary.REQUEST_BYTES, 8);
        this.status = arena.allocate(TransferEngineLibrary.STATUS_BYTES, 8);
    }

    static TransferEngineAdapter open(TransferEngineLibrary library, MooncakeAdapterSettings settings) {
        if (!TAKEN.compareAndSet(false, true)) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.OPEN,
                    "this process has a native Mooncake engine already, and takes one; share that TransferEngine, or set"
                            + " kvferry.mooncake.engine=wire");
        }
        MemorySegment engine = MemorySegment.NULL;
        try (Arena names = Arena.ofConfined()) {
            engine = create(library, settings, names);
            return new TransferEngineAdapter(library, engine, install(library, settings, engine, names), settings);
        } catch (RuntimeException e) {
            destroy(library, engine);
            TAKEN.set(false);
            throw e;
        }
    }

    private static MemorySegment create(TransferEngineLibrary library, MooncakeAdapterSettings settings, Arena names) {
        MemorySegment name = names.allocateFrom(settings.localName());
        MemorySegment made;
        try {
            made = (MemorySegment)
                    library.create.invokeExact(names.allocateFrom(settings.metadata()), name, name, 0L, 0);
        } catch (Throwable t) {
            throw impossible(t);
        }
        if (made.address() == 0) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OPEN,
                    "createTransferEngine of libtransfer_engine failed with kvferry.mooncake.metadata="
                            + settings.metadata() + " and name " + settings.localName() + "; its log has the reason");
        }
        return made;
    }

    private static String install(
            TransferEngineLibrary library, MooncakeAdapterSettings settings, MemorySegment engine, Arena names) {
        try {
            if (!settings.transport().equals("tcp")) {
                var ignored = (int) library.discoverTopology.invokeExact(engine);
            }
            MemorySegment transport = (MemorySegment) library.installTransport.invokeExact(
                    engine, names.allocateFrom(settings.transport()), MemorySegment.NULL);
            if (transport.address() == 0) {
                throw new TransferException(
                        TransferErrorCode.BACKEND_UNAVAILABLE,
                        Stage.OPEN,
                        "libtransfer_engine installs no transport kvferry.mooncake.native-transport="
                                + settings.transport() + "; is the device here, and was the library built with it?");
            }
            if (!settings.metadata().equals("P2PHANDSHAKE")) {
                return settings.localName();
            }
            MemorySegment name = names.allocate(NAME_BYTES);
            int answer = (int) library.localName.invokeExact(engine, name, (long) NAME_BYTES);
            if (answer != 0) {
                throw failed(Stage.OPEN, TransferErrorCode.BACKEND_UNAVAILABLE, "getLocalIpAndPort", answer);
            }
            return name.getString(0);
        } catch (TransferException e) {
            throw e;
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    private static void destroy(TransferEngineLibrary library, MemorySegment engine) {
        if (engine.address() != 0) {
            try {
                library.destroy.invokeExact(engine);
            } catch (Throwable t) {
                throw impossible(t);
            }
        }
    }

    @Override
    public String segmentName() {
        return segmentName;
    }

    @Override
    public boolean acknowledgesWrites() {
        return library.acknowledgesWrites;
    }

    @Override
    public void registerMemory(long address, long bytes) {
        int answer;
        try {
            answer = (int) library.register.invokeExact(engine, address, bytes, location, 1);
        } catch (Throwable t) {
            throw impossible(t);
        }
        if (answer == TransferEngineLibrary.OVERLAPS) {
            throw failed(Stage.REGISTER, TransferErrorCode.ALREADY_EXISTS, "registerLocalMemory", answer);
        }
        if (answer != 0) {
            throw failed(Stage.REGISTER, TransferErrorCode.TRANSFER_FAILED, "registerLocalMemory", answer);
        }
    }

    @Override
    public void unregisterMemory(long address) {
        try {
            var ignored = (int) library.unregister.invokeExact(engine, address);
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    @Override
    public int openSegment(String name, boolean fresh) {
        try (Arena names = Arena.ofConfined()) {
            MemorySegment text = names.allocateFrom(name);
            int id = fresh
                    ? (int) library.openSegmentNoCache.invokeExact(engine, text)
                    : (int) library.openSegment.invokeExact(engine, text);
            if (id < 0) {
                throw new TransferException(
                        TransferErrorCode.CONNECTION_FAILED,
                        Stage.PREPARE,
                        "segment " + name + " cannot be opened (" + id
                                + "); is its process up, and does it run the same transport and metadata?");
            }
            return id;
        } catch (TransferException e) {
            throw e;
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    @Override
    public long allocateBatch(int tasks) {
        long batch;
        try {
            batch = (long) library.allocateBatch.invokeExact(engine, (long) tasks);
        } catch (Throwable t) {
            throw impossible(t);
        }
        if (batch == 0 || batch == -1 || !batches.add(batch)) {
            throw failed(Stage.TRANSFER, TransferErrorCode.RESOURCE_EXHAUSTED, "allocateBatchID", batch);
        }
        return batch;
    }

    @Override
    public void submit(long batch, MooncakeTasks tasks) {
        requireInHand(batch);
        int opcode = tasks.operation() == Operation.WRITE
                ? TransferEngineLibrary.OPCODE_WRITE
                : TransferEngineLibrary.OPCODE_READ;
        for (int i = 0; i < tasks.size(); i++) {
            long at = i * TransferEngineLibrary.REQUEST_BYTES;
            requests.set(ValueLayout.JAVA_INT, at + TransferEngineLibrary.REQUEST_OPCODE, opcode);
            requests.set(ValueLayout.JAVA_LONG, at + TransferEngineLibrary.REQUEST_SOURCE, tasks.local(i));
            requests.set(ValueLayout.JAVA_INT, at + TransferEngineLibrary.REQUEST_TARGET, tasks.segment());
            requests.set(ValueLayout.JAVA_LONG, at + TransferEngineLibrary.REQUEST_OFFSET, tasks.remote(i));
            requests.set(ValueLayout.JAVA_LONG, at + TransferEngineLibrary.REQUEST_LENGTH, tasks.bytes(i));
        }
        int answer;
        try {
            answer = (int) library.submit.invokeExact(engine, batch, requests, (long) tasks.size());
        } catch (Throwable t) {
            throw impossible(t);
        }
        if (answer != 0) {
            throw failed(Stage.TRANSFER, TransferErrorCode.TRANSFER_FAILED, "submitTransfer", answer);
        }
    }

    @Override
    public MooncakeTaskState status(long batch, int task) {
        requireInHand(batch);
        int answer;
        try {
            answer = (int) library.status.invokeExact(engine, batch, (long) task, status);
        } catch (Throwable t) {
            throw impossible(t);
        }
        if (answer != 0) {
            throw failed(Stage.TRANSFER, TransferErrorCode.INTERNAL, "getTransferStatus", answer);
        }
        return switch (status.get(ValueLayout.JAVA_INT, 0)) {
            case TransferEngineLibrary.WAITING, TransferEngineLibrary.PENDING -> MooncakeTaskState.UNDER_WAY;
            case TransferEngineLibrary.COMPLETED -> MooncakeTaskState.COMPLETED;
            default -> MooncakeTaskState.FAILED;
        };
    }

    @Override
    public boolean freeBatch(long batch) {
        requireInHand(batch);
        int answer;
        try {
            answer = (int) library.freeBatch.invokeExact(engine, batch);
        } catch (Throwable t) {
            throw impossible(t);
        }
        if (answer == TransferEngineLibrary.BATCH_BUSY) {
            return false;
        }
        batches.remove(batch);
        if (answer != 0) {
            throw failed(Stage.TRANSFER, TransferErrorCode.INTERNAL, "freeBatchID", answer);
        }
        return true;
    }

    private void requireInHand(long batch) {
        if (!batches.contains(batch)) {
            throw new TransferException(
                    TransferErrorCode.INTERNAL, Stage.TRANSFER, "batch " + Long.toHexString(batch) + " is not in hand");
        }
    }

    @Override
    public void notify(int segment, String name, String text) {
        int answer;
        try (Arena strings = Arena.ofConfined()) {
            MemorySegment message = strings.allocate(TransferEngineLibrary.NOTIFY);
            message.set(ValueLayout.ADDRESS, 0, strings.allocateFrom(name));
            message.set(ValueLayout.ADDRESS, 8, strings.allocateFrom(text));
            answer = (int) library.sendNotification.invokeExact(engine, (long) segment, message);
        } catch (Throwable t) {
            throw impossible(t);
        }
        if (answer != 0) {
            throw failed(Stage.FINISH, TransferErrorCode.CONTROL_FAILED, "genNotifyInEngine", answer);
        }
    }

    @Override
    @SuppressWarnings("restricted") // the library's array has the size that it says
    public List<MooncakeNotification> notifications() {
        try (Arena out = Arena.ofConfined()) {
            MemorySegment count = out.allocate(ValueLayout.JAVA_INT);
            MemorySegment array = (MemorySegment) library.notifications.invokeExact(engine, count);
            int size = count.get(ValueLayout.JAVA_INT, 0);
            if (array.address() == 0 || size <= 0) {
                return List.of();
            }
            MemorySegment messages = array.reinterpret(size * TransferEngineLibrary.NOTIFY.byteSize());
            List<MooncakeNotification> taken = new ArrayList<>(size);
            for (int i = 0; i < size; i++) {
                taken.add(new MooncakeNotification(string(messages, i * 16L), string(messages, i * 16L + 8)));
            }
            var ignored = (int) library.freeNotifications.invokeExact(array, size);
            return taken;
        } catch (Throwable t) {
            throw impossible(t);
        }
    }

    private static String string(MemorySegment messages, long at) {
        return messages.get(TransferEngineLibrary.STRING, at).getString(0, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        destroy(library, engine);
        arena.close();
        TAKEN.set(false);
    }

    private static IllegalStateException impossible(Throwable t) {
        if (t instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("a native call does not throw", t);
    }
}

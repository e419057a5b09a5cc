package io.kvferry.gpulab;

import io.kvferry.backend.nccl.adapter.JavaCppLibrary;
import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.engine.BackendStatus;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.time.Duration;

/** What needs one process. */
final class NcclAlone {
    private static final Duration PATIENCE = Duration.ofMillis(1500);

    private NcclAlone() {}

    /** Opens an engine and says what it runs on. */
    static String describe(KvFerryConfig config) {
        try (TransferEngine engine = TransferEngine.open(config)) {
            BackendStatus backend = engine.backends().getFirst();
            return backend.name() + ": " + backend.availability();
        }
    }

    /** A communicator of two ranks of which one never comes is aborted at a deadline. */
    static String absentPeer() {
        JavaCppLibrary library = new JavaCppLibrary();
        NcclAdapter nccl = library.nccl();
        library.cuda().use(0);
        long communicator = nccl.connect(nccl.newUniqueId(), 2, 0, 0);
        Deadline deadline = Deadline.after(PATIENCE);
        while (!deadline.isExpired()) {
            if (NcclToSelf.isReady(nccl, communicator)) {
                throw new IllegalStateException("connected to nobody");
            }
            Thread.onSpinWait();
        }
        long begun = Ticker.system().nanos();
        nccl.abort(communicator);
        return "aborted in " + (Ticker.system().nanos() - begun) / 1_000_000 + " ms";
    }
}

package io.kvferry.backend.nccl;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.Semaphore;

/** What all transfers of one opened backend share. Thread-safe, except that connections belong to the device thread. */
final class Services {
    private final Settings settings;
    private final DeviceThread device;
    private final Connections connections;
    private final CopyThread copies;
    private final Semaphore places;

    Services(Settings settings, DeviceThread device, Connections connections, CopyThread copies) {
        this.settings = settings;
        this.device = device;
        this.connections = connections;
        this.copies = copies;
        this.places = new Semaphore(settings.queueDepth());
    }

    Settings settings() {
        return settings;
    }

    DeviceThread device() {
        return device;
    }

    Connections connections() {
        return connections;
    }

    CopyThread copies() {
        return copies;
    }

    /** Counts parts in, or refuses them. */
    void takePlaces(int parts) {
        if (!places.tryAcquire(parts)) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.SUBMIT,
                    parts + " more parts > " + NcclConfigKeys.QUEUE_DEPTH + "=" + settings.queueDepth()
                            + " less those that have not ended; submit less at one time or raise it");
        }
    }

    void givePlaces(int parts) {
        places.release(parts);
    }
}

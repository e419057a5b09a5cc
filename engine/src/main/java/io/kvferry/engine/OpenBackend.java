package io.kvferry.engine;

import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendOffer;
import io.kvferry.spi.Capability;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.TransferBackend;

/**
 * A backend this engine has open.
 *
 * @param index its position in {@code kvferry.backend}
 * @param backend the instance
 * @param info what it can do
 * @param offer what peers are told
 * @param serves false where its isolation is below {@code kvferry.min-isolation}: it may fetch and send, not offer
 */
record OpenBackend(int index, TransferBackend backend, BackendInfo info, BackendOffer offer, boolean serves) {
    String name() {
        return info.name();
    }

    boolean moves(MemoryKind kind) {
        return info.can(
                switch (kind) {
                    case HOST -> Capability.HOST_MEMORY;
                    case CUDA -> Capability.CUDA_MEMORY;
                });
    }
}

package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.NcclAdapter;
import java.nio.ByteBuffer;

/** The secret that two ranks meet by; never logged. Immutable. */
final class UniqueId {
    private final byte[] bytes;

    /** @param bytes what NCCL made; belongs to this object from now on */
    UniqueId(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Reads one. */
    static UniqueId from(ByteBuffer in) {
        byte[] bytes = new byte[NcclAdapter.ID_BYTES];
        in.get(bytes);
        return new UniqueId(bytes);
    }

    byte[] bytes() {
        return bytes.clone();
    }

    @Override
    public String toString() {
        return "****";
    }
}

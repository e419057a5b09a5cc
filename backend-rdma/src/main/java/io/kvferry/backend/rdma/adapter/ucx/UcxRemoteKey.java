package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import java.util.Set;
import org.openucx.jucx.ucp.UcpRemoteKey;

/** A peer's key as one endpoint unpacked it. Confined to the owner thread. */
final class UcxRemoteKey implements RdmaRemoteKey {
    private final UcpRemoteKey library;
    private final Set<UcxRemoteKey> keys;
    private boolean released;

    /** @param keys those of the endpoint, where this one is until it is released */
    UcxRemoteKey(UcpRemoteKey library, Set<UcxRemoteKey> keys) {
        this.library = library;
        this.keys = keys;
        keys.add(this);
    }

    UcpRemoteKey library() {
        return library;
    }

    @Override
    public void release() {
        if (!released) {
            released = true;
            keys.remove(this);
            library.close();
        }
    }
}

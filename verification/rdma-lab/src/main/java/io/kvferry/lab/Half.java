package io.kvferry.lab;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaEvents;
import io.kvferry.spi.TransferErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One half of a connection, and all that was heard of it. Confined to the test's thread. */
final class Half implements RdmaEvents {
    final List<byte[]> messages = new ArrayList<>();
    final List<RdmaBatch> applied = new ArrayList<>();
    boolean connected;
    boolean closed;

    @Nullable
    TransferErrorCode failure;

    String detail = "";

    private @Nullable RdmaConnection connection;

    Half of(RdmaConnection made) {
        connection = made;
        return this;
    }

    RdmaConnection connection() {
        return Objects.requireNonNull(connection);
    }

    @Override
    public void connected() {
        connected = true;
    }

    @Override
    public void applied(RdmaBatch batch) {
        applied.add(batch);
    }

    @Override
    public void received(byte[] message) {
        messages.add(message);
    }

    @Override
    public void failed(TransferErrorCode code, String text) {
        failure = code;
        detail = text;
    }

    @Override
    public void closed() {
        closed = true;
    }
}

package io.kvferry.control.grpc;

import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.kvferry.control.grpc.PortCounters.Kind;

/**
 * Counts the calls that gRPC itself ends because a message is over the limit; nobody else hears of those.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class OversizedMessages extends ServerStreamTracer.Factory {
    private final ServerStreamTracer tracer;

    OversizedMessages(PortCounters counters) {
        this.tracer = new ServerStreamTracer() {
            @Override
            public void streamClosed(Status status) {
                if (status.getCode() == Status.Code.RESOURCE_EXHAUSTED) {
                    counters.count(Kind.OVERSIZED);
                }
            }
        };
    }

    /** One for all: it keeps nothing. */
    @Override
    public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
        return tracer;
    }
}

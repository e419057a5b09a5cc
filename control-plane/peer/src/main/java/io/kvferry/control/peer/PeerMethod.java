package io.kvferry.control.peer;

import io.grpc.MethodDescriptor;
import io.kvferry.control.grpc.ByteMethods;
import io.kvferry.control.peer.wire.PeerControlGrpc;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Stage;

/** The calls of the service that have one request and one reply. */
enum PeerMethod {
    HELLO(PeerControlGrpc.getHelloMethod(), Stage.HELLO),
    PREPARE(PeerControlGrpc.getPrepareMethod(), Stage.PREPARE),
    PART(PeerControlGrpc.getPartMethod(), Stage.TRANSFER),
    CANCEL(PeerControlGrpc.getCancelMethod(), Stage.FINISH),
    FINISH(PeerControlGrpc.getFinishMethod(), Stage.FINISH),
    NOTIFY(PeerControlGrpc.getNotifyMethod(), Stage.TRANSFER);

    /** The one call that is a stream. */
    static final MethodDescriptor<byte[], byte[]> CHANNEL = ByteMethods.of(PeerControlGrpc.getChannelMethod());

    @SuppressWarnings("ImmutableEnumChecker") // immutable, only not annotated so
    private final MethodDescriptor<byte[], byte[]> descriptor;

    private final Stage stage;

    PeerMethod(MethodDescriptor<?, ?> generated, Stage stage) {
        this.descriptor = ByteMethods.of(generated);
        this.stage = stage;
    }

    static PeerMethod of(PeerRequest<?> request) {
        return switch (request) {
            case PeerRequest.Hello hello -> HELLO;
            case PeerRequest.Prepare prepare -> PREPARE;
            case PeerRequest.Part part -> PART;
            case PeerRequest.Cancel cancel -> CANCEL;
            case PeerRequest.Finish finish -> FINISH;
            case PeerRequest.Notify notify -> NOTIFY;
        };
    }

    MethodDescriptor<byte[], byte[]> descriptor() {
        return descriptor;
    }

    /** Which stage an error of this call belongs to. */
    Stage stage() {
        return stage;
    }
}

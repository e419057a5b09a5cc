package io.kvferry.control.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.kvferry.control.cluster.wire.ClusterProto;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Answers the calls that have one request and one reply. */
final class UnaryAnswers {
    private final Controller controller;
    private final Duration orderTimeout;

    UnaryAnswers(Controller controller, Duration orderTimeout) {
        this.controller = controller;
        this.orderTimeout = orderTimeout;
    }

    CompletionStage<byte[]> lookup(byte[] request, Deadline deadline) throws InvalidProtocolBufferException {
        Lookup lookup = WireDecoder.lookup(ClusterProto.LookupRequest.parseFrom(request));
        return done(WireEncoder.answer(controller.lookup(lookup)));
    }

    CompletionStage<byte[]> explain(byte[] request, Deadline deadline) throws InvalidProtocolBufferException {
        Lookup lookup = WireDecoder.lookup(ClusterProto.LookupRequest.parseFrom(request));
        return done(WireEncoder.explanation(controller.explain(lookup)));
    }

    CompletionStage<byte[]> placeOrder(byte[] request, Deadline deadline) throws InvalidProtocolBufferException {
        OrderRequest order = WireDecoder.order(ClusterProto.PlaceOrderRequest.parseFrom(request), orderTimeout);
        return done(WireEncoder.order(controller.order(order, deadline)));
    }

    CompletionStage<byte[]> getOrder(byte[] request, Deadline deadline) throws InvalidProtocolBufferException {
        ClusterProto.GetOrderRequest query = ClusterProto.GetOrderRequest.parseFrom(request);
        String id = WireDecoder.orderId(query.getId());
        if (query.getWait()) {
            return controller
                    .whenFinished(id)
                    .orElseThrow(() -> unknown(id))
                    .thenApply(status -> WireEncoder.order(status).toByteArray());
        }
        return done(WireEncoder.order(controller.order(id).orElseThrow(() -> unknown(id))));
    }

    private static RuntimeException unknown(String id) {
        return ControllerContext.error(
                TransferErrorCode.NOT_FOUND,
                "no order " + id + " is known; finished ones are kept for kvferry.controller.order-retention");
    }

    CompletionStage<byte[]> listNodes(byte[] request, Deadline deadline) throws InvalidProtocolBufferException {
        String instance = ClusterProto.ListNodesRequest.parseFrom(request).getInstance();
        ClusterProto.ListNodesReply.Builder reply =
                ClusterProto.ListNodesReply.newBuilder().setIndexIncomplete(!controller.isIndexComplete());
        for (NodeView node : controller.nodes()) {
            if (instance.isEmpty() || node.registration().instance().equals(instance)) {
                reply.addNodes(WireEncoder.node(node));
            }
        }
        return done(reply.build());
    }

    private static CompletionStage<byte[]> done(MessageLite reply) {
        return CompletableFuture.completedStage(reply.toByteArray());
    }
}

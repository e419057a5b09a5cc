package io.kvferry.control.cluster;

import io.kvferry.spi.TransferErrorCode;
import java.util.List;
import java.util.TreeSet;

/** Whom an order is for, by who is registered when it is placed. */
final class OrderTargets {
    private OrderTargets() {}

    /** Fills in where the destination of a move is. */
    static OrderRequest resolve(OrderRequest request, Membership membership) {
        if (!(request.action() instanceof OrderAction.Move move)) {
            return request;
        }
        Member destination = membership
                .member(move.destination().nodeId())
                .orElseThrow(() -> ControllerContext.error(
                        TransferErrorCode.NOT_FOUND,
                        "no node " + move.destination().nodeId() + " is registered to move chunks to"));
        NodeRegistration registration = destination.registration();
        return new OrderRequest(
                new OrderAction.Move(move.keys(), registration.identity(), registration.addresses(), move.keepSource()),
                request.nodes(),
                request.timeout());
    }

    /** The ids of the nodes that an order goes to. */
    static List<String> of(OrderRequest request, Membership membership) {
        TreeSet<String> ids = new TreeSet<>();
        if (request.nodes().isEmpty()) {
            membership.members().forEach(member -> ids.add(member.id()));
        }
        for (String name : request.nodes()) {
            if (!ids.addAll(membership.idsOf(name)) && !ids.contains(name)) {
                throw ControllerContext.error(
                        TransferErrorCode.NOT_FOUND, "no node or instance '" + name + "' is registered");
            }
        }
        if (request.action() instanceof OrderAction.Move move) {
            ids.remove(move.destination().nodeId());
        }
        if (ids.isEmpty()) {
            throw ControllerContext.error(TransferErrorCode.NOT_FOUND, "no node is registered that could do it");
        }
        return List.copyOf(ids);
    }
}

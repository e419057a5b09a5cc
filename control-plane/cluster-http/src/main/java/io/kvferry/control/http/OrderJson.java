package io.kvferry.control.http;

import io.kvferry.control.cluster.OrderStatus;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** An order and how far it is. */
record OrderJson(
        String id, String action, List<String> nodes, boolean finished, boolean done, Map<String, ResultJson> results) {
    static OrderJson of(OrderStatus order) {
        Map<String, ResultJson> results = new TreeMap<>();
        order.results()
                .forEach((node, result) -> results.put(
                        node,
                        new ResultJson(
                                result.code().name(),
                                result.code().number(),
                                result.chunks(),
                                result.detail(),
                                new TreeMap<>(result.details()))));
        return new OrderJson(
                order.id(),
                order.request().action().name(),
                order.nodes(),
                order.isFinished(),
                order.isDone(),
                results);
    }

    /** How it went at one node. */
    record ResultJson(String code, int number, long chunks, String detail, Map<String, String> details) {}
}

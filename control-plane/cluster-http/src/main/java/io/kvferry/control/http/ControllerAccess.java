package io.kvferry.control.http;

import io.kvferry.control.cluster.ControllerView;
import io.kvferry.control.cluster.EventSubscription;
import io.kvferry.control.cluster.Explanation;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.control.cluster.LookupAnswer;
import io.kvferry.control.cluster.OrderRequest;
import io.kvferry.control.cluster.OrderStatus;
import io.kvferry.spi.Deadline;
import java.util.List;
import java.util.Optional;

/** What this front asks of a controller. Thread-safe. */
interface ControllerAccess {
    ControllerView view();

    LookupAnswer lookup(Lookup lookup);

    Explanation explain(Lookup lookup);

    OrderStatus order(OrderRequest request, Deadline deadline);

    Optional<OrderStatus> order(String id);

    List<OrderStatus> orders();

    EventSubscription subscribe(int capacity);
}

package io.kvferry.cli;

import io.kvferry.node.KvNode;
import io.kvferry.spi.TransferException;
import java.io.PrintWriter;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A node's way into its cluster when it starts. */
final class ClusterEntry {
    private static final String CONTROLLERS = "kvferry.cluster.controllers";

    private ClusterEntry() {}

    /**
     * Waits until a controller knows the node; says so and goes on when none answers, since one may come later.
     *
     * @param chosen value of {@code --controllers}
     * @throws TransferException INCOMPATIBLE_PEER if it does not fit to the nodes that are there, with the key to change
     */
    static void await(KvNode node, String command, @Nullable String chosen, EngineOptions options, PrintWriter err) {
        String controllers = chosen != null
                ? chosen
                : options.given(Set.of(CONTROLLERS)).stream()
                        .map(entry -> entry.value())
                        .findFirst()
                        .orElse("");
        if (!controllers.isEmpty() && !node.awaitRegistered(node.defaultDeadline())) {
            err.println("kvferry " + command + ": no controller of " + controllers
                    + " has answered yet; going on without until one does");
            err.flush();
        }
    }
}

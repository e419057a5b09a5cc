package io.kvferry.control.http;

import io.kvferry.control.cluster.ControllerEvent;
import io.kvferry.control.cluster.NodeRegistration;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Something that happened, for people and tools.
 *
 * @param registration what a node registered; of other events null
 */
record EventJson(
        long sequence,
        long unixMillis,
        String kind,
        String subject,
        String detail,
        @Nullable RegistrationJson registration) {

    static EventJson of(ControllerEvent event, long unixMillis) {
        return new EventJson(
                event.sequence(),
                unixMillis,
                event.kind().name(),
                event.subject(),
                event.detail(),
                event.registration().map(RegistrationJson::of).orElse(null));
    }

    /** What a node said of itself. */
    record RegistrationJson(
            String bootId,
            String instance,
            Map<String, String> addresses,
            NodeJson.KeySchemeJson keyScheme,
            int schemaVersion,
            String software) {

        static RegistrationJson of(NodeRegistration node) {
            return new RegistrationJson(
                    Long.toHexString(node.identity().bootId()),
                    node.instance(),
                    new TreeMap<>(node.addresses()),
                    NodeJson.KeySchemeJson.of(node.scheme()),
                    node.schemaVersion(),
                    node.software());
        }
    }
}

package io.kvferry.control.lmcache;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What one worker is asked when a tool asks something of an instance. */
final class WorkerRequests {
    private WorkerRequests() {}

    /** The same request for every worker. */
    static Message of(String id, Message message) {
        String location = message.text("location");
        return switch (message.type()) {
            case CLEAR -> Message.of(MessageType.CLEAR_WORKER, id, location);
            case PIN -> Message.of(MessageType.PIN_WORKER, id, location, message.required("tokens"));
            case COMPRESS ->
                Message.of(MessageType.COMPRESS_WORKER, id, message.text("method"), location, allIfEmpty(message));
            case DECOMPRESS ->
                Message.of(MessageType.DECOMPRESS_WORKER, id, message.text("method"), location, allIfEmpty(message));
            default -> throw new IllegalArgumentException(message.type().tag());
        };
    }

    /** Workers of one instance send to those of the same rank of the other. */
    static Map<Worker, Message> moves(
            String id, Message message, Targets source, Targets destination, String from, String to) {
        Map<Worker, Message> requests = new HashMap<>();
        for (Worker worker : source.workers()) {
            Worker peer = destination.workers().stream()
                    .filter(other -> other.id().worker() == worker.id().worker())
                    .findFirst()
                    .orElseThrow(() -> unable(
                            TransferErrorCode.NOT_FOUND,
                            "worker " + worker.id() + " has no counterpart of its rank in the other instance;"
                                    + " LMCache moves between instances of the same tensor parallelism"));
            if (peer == worker) {
                throw unable(TransferErrorCode.UNSUPPORTED, "LMCache does not move within one instance");
            }
            String url = peer.peerInitUrl();
            if (url == null) {
                throw unable(
                        TransferErrorCode.UNSUPPORTED,
                        "worker " + peer.id()
                                + " registered without peer_init_url: nobody can send to it; set enable_p2p"
                                + " and p2p_init_ports there, or upgrade it");
            }
            requests.put(
                    worker,
                    Message.of(
                            MessageType.MOVE_WORKER,
                            id,
                            from,
                            List.of(url, to),
                            allIfEmpty(message),
                            message.isTrue("copy")));
        }
        return requests;
    }

    /** Over HTTP an empty list is the default; LMCache's workers take nil for all. */
    private static @Nullable Object allIfEmpty(Message message) {
        return message.values().get("tokens") instanceof List<?> tokens && !tokens.isEmpty() ? tokens : null;
    }

    private static TransferException unable(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.TRANSFER, detail);
    }
}

package io.kvferry.engine;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendOffer;
import io.kvferry.spi.Capability;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The backend that a transfer uses, and why not another (R10).
 *
 * @param backend the first of ours that the peer has too and that can do what is asked
 * @param endpoint the peer's endpoint for it
 * @param skipped those before it with their reasons, or empty
 */
record Selection(OpenBackend backend, BackendEndpoint endpoint, String skipped) {
    static Selection select(TransferRequest request, ChecksumMode checksum, Backends backends, Peers.Met peer) {
        String skipped = "";
        for (OpenBackend candidate : candidates(request, backends)) {
            BackendEndpoint endpoint = peer.endpoints().get(candidate.index());
            String refusal = endpoint == null
                    ? peer.refusals().get(candidate.index())
                    : cannot(candidate, request, checksum, peer);
            if (endpoint != null && refusal == null) {
                return new Selection(candidate, endpoint, skipped);
            }
            skipped += (skipped.isEmpty() ? "" : "; ") + candidate.name() + ": " + refusal;
        }
        boolean met = candidates(request, backends).stream()
                .anyMatch(candidate -> peer.endpoints().get(candidate.index()) != null);
        throw new TransferException(
                met ? TransferErrorCode.UNSUPPORTED : TransferErrorCode.INCOMPATIBLE_PEER,
                Stage.PREPARE,
                "no backend for " + request.operation() + " with " + peer.name() + ": " + skipped + " (the peer offers "
                        + peer.offers().stream().map(BackendOffer::wireId).toList() + ")");
    }

    private static List<OpenBackend> candidates(TransferRequest request, Backends backends) {
        String name = request.backend();
        if (name == null) {
            return backends.open();
        }
        OpenBackend named = backends.byName(name);
        if (named == null) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.PREPARE,
                    "the request names backend '" + name + "', open are "
                            + backends.open().stream().map(OpenBackend::name).toList() + ": add it to kvferry.backend");
        }
        return List.of(named);
    }

    private static @Nullable String cannot(
            OpenBackend candidate, TransferRequest request, ChecksumMode checksum, Peers.Met peer) {
        Capability operation = request.operation() == Operation.READ ? Capability.READ : Capability.WRITE;
        if (!candidate.does(request.operation())) {
            return "does not declare " + operation;
        }
        for (BackendOffer theirs : peer.offers()) {
            if (theirs.wireId().equals(candidate.info().wireId())) {
                if (!theirs.capabilities().contains(operation)) {
                    return "the peer's does not declare " + operation;
                }
                break;
            }
        }
        for (MemoryRegion region : request.blocks().regions()) {
            if (!candidate.moves(region.kind())) {
                return "does not move " + region.kind() + " memory";
            }
        }
        if (checksum == ChecksumMode.ON && !candidate.info().can(Capability.CHECKSUM)) {
            return "does not declare CHECKSUM, and kvferry.checksum asks for it";
        }
        return null;
    }
}

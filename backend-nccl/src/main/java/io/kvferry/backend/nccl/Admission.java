package io.kvferry.backend.nccl;

import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.function.Function;

/** The transfers of one opened backend: counted in, or refused; counted out when their memory is quiescent. Thread-safe. */
final class Admission {
    private final DeviceThread device;
    private final int maxTransfers;
    private final Semaphore places;
    private final Set<TransferSide> sides = ConcurrentHashMap.newKeySet();

    Admission(DeviceThread device, int maxTransfers) {
        this.device = device;
        this.maxTransfers = maxTransfers;
        this.places = new Semaphore(maxTransfers);
    }

    /** A transfer that was let in. */
    record Admitted<T>(TransferSide side, T transfer) {}

    /**
     * Lets a transfer in.
     *
     * @param make makes it around its side
     * @param release runs on the device thread when it is counted out
     */
    <T> Admitted<T> admit(TransferSide.Terms terms, Function<TransferSide, T> make, Consumer<T> release) {
        if (!places.tryAcquire()) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    "transfers=" + maxTransfers + " = " + NcclConfigKeys.MAX_TRANSFERS + "; finish some or raise it");
        }
        CompletableFuture<T> made = new CompletableFuture<>();
        TransferSide side = new TransferSide(terms, left -> {
            sides.remove(left);
            places.release();
            var ignored = made.thenAccept(transfer -> device.execute(() -> release.accept(transfer)));
        });
        sides.add(side);
        T transfer = make.apply(side);
        made.complete(transfer);
        return new Admitted<>(side, transfer);
    }

    /** Those that are in. */
    List<TransferSide> all() {
        return List.copyOf(sides);
    }

    /** Those of a scope. */
    List<TransferSide> in(ResetScope scope) {
        return sides.stream().filter(side -> isIn(scope, side.terms())).toList();
    }

    private static boolean isIn(ResetScope scope, TransferSide.Terms terms) {
        return switch (scope) {
            case ResetScope.Connection(var id, var attempt) -> terms.id().equals(id) && terms.attempt() == attempt;
            case ResetScope.Peer(var peer) -> terms.peer().equals(peer);
            case ResetScope.Instance() -> true;
        };
    }
}

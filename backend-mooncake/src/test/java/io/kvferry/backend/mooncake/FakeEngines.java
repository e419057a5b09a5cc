package io.kvferry.backend.mooncake;

import io.kvferry.backend.mooncake.adapter.MooncakeAdapter;
import io.kvferry.backend.mooncake.adapter.MooncakeAdapterProvider;
import io.kvferry.backend.mooncake.adapter.MooncakeAdapterSettings;
import io.kvferry.conformance.FaultPlan;
import io.kvferry.spi.Availability;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The fake engines of a test and what is between them: faults, and whether bytes move at all. Thread-safe. */
final class FakeEngines implements MooncakeAdapterProvider {
    private static final AtomicInteger PORTS = new AtomicInteger(15000);

    private final FaultPlan faults;
    private final Random random;
    private final Map<String, FakeMooncakeAdapter> open = new ConcurrentHashMap<>();
    private volatile boolean frozen;

    FakeEngines(FaultPlan faults) {
        this.faults = faults;
        this.random = new Random(faults.seed());
    }

    FaultPlan faults() {
        return faults;
    }

    void freeze() {
        frozen = true;
    }

    void thaw() {
        frozen = false;
    }

    boolean isFrozen() {
        return frozen;
    }

    int random(int bound) {
        synchronized (random) {
            return random.nextInt(bound);
        }
    }

    /** Refuses what the plan says. */
    void refuse(String point, Stage stage) {
        if (faults.next(point) instanceof FaultPlan.Refuse(TransferErrorCode code)) {
            throw new TransferException(code, stage, point + " was refused by the fault plan");
        }
    }

    @Nullable
    FakeMooncakeAdapter find(String name) {
        return open.get(name);
    }

    void forget(String name) {
        open.remove(name);
    }

    int size() {
        return open.size();
    }

    @Override
    public Availability probe(MooncakeAdapterSettings settings) {
        return new Availability.Available("memory copies that a fault plan spoils");
    }

    @Override
    public MooncakeAdapter open(MooncakeAdapterSettings settings) {
        refuse("open", Stage.OPEN);
        String name = "fake:" + PORTS.getAndIncrement();
        FakeMooncakeAdapter made =
                new FakeMooncakeAdapter(this, name, settings.transport().equals("tcp"));
        open.put(name, made);
        return made;
    }
}

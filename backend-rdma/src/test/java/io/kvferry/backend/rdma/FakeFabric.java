package io.kvferry.backend.rdma;

import io.kvferry.conformance.FaultPlan;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** What all fake adapters of a test have in common: faults, and whether bytes move at all. */
final class FakeFabric {
    private final FaultPlan faults;
    private final Set<FakeRdmaAdapter> adapters = ConcurrentHashMap.newKeySet();
    private volatile boolean frozen;

    FakeFabric(FaultPlan faults) {
        this.faults = faults;
    }

    FaultPlan faults() {
        return faults;
    }

    boolean isFrozen() {
        return frozen;
    }

    void add(FakeRdmaAdapter adapter) {
        adapters.add(adapter);
    }

    void freeze() {
        frozen = true;
    }

    void thaw() {
        frozen = false;
        adapters.forEach(FakeRdmaAdapter::wake);
    }
}

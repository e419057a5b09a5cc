package io.kvferry.conformance;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.Capability;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;

/**
 * What happens between one engine and its backend: how often each entry point was called, what is still held, and every
 * promise that either side broke.
 *
 * <p>Thread-safe.
 */
final class Watch {
    private final FaultPlan faults = FaultPlan.seeded();
    private final AtomicInteger flips = new AtomicInteger();
    private final Map<String, AtomicInteger> calls = new ConcurrentHashMap<>();
    private final List<String> violations = new CopyOnWriteArrayList<>();
    private final Set<Object> held = ConcurrentHashMap.newKeySet();
    private volatile UnaryOperator<BackendEndpoint> shown = UnaryOperator.identity();
    private final Set<Capability> withheld = EnumSet.noneOf(Capability.class);

    /** Pretends that the backend does not declare a guarantee; before the engine opens. */
    Watch without(Capability guarantee) {
        withheld.add(guarantee);
        return this;
    }

    /** Shows peers another endpoint than the backend's own; before the engine opens. */
    Watch showing(UnaryOperator<BackendEndpoint> endpointForPeers) {
        shown = endpointForPeers;
        return this;
    }

    BackendEndpoint shown(BackendEndpoint own) {
        return shown.apply(own);
    }

    Set<Capability> withheld() {
        return withheld;
    }

    /** Points: register, propose, proposal, accept, descriptor, prepare, submit, io, applied, finish, target.finish, reset. */
    FaultPlan faults() {
        return faults;
    }

    void called(String point) {
        calls.computeIfAbsent(point, name -> new AtomicInteger()).incrementAndGet();
    }

    int calls(String point) {
        AtomicInteger count = calls.get(point);
        return count == null ? 0 : count.get();
    }

    /** Flips another bit each time, all over the bytes. */
    byte[] flipOneBit(byte[] bytes) {
        if (bytes.length > 0) {
            int bit = Math.floorMod(flips.getAndIncrement() * 7919, bytes.length * 8);
            bytes[bit / 8] ^= (byte) (1 << (bit % 8));
        }
        return bytes;
    }

    void violated(String promise) {
        violations.add(promise);
    }

    List<String> violations() {
        return violations;
    }

    void hold(Object thing) {
        held.add(thing);
    }

    void drop(Object thing) {
        held.remove(thing);
    }

    /** Registrations not taken back and transfers not quiescent. */
    List<String> held() {
        return held.stream().map(Object::toString).sorted().toList();
    }
}

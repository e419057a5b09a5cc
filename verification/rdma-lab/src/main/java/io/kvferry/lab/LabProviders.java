package io.kvferry.lab;

import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.backend.rdma.adapter.verbs.VerbsAdapterProvider;
import java.util.List;

/** The libraries that run in the lab. */
final class LabProviders {
    private static final List<RdmaAdapterProvider> ALL = List.of(new VerbsAdapterProvider());

    private LabProviders() {}

    static RdmaAdapterProvider named(String name) {
        return ALL.stream()
                .filter(provider -> provider.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no library " + name));
    }
}

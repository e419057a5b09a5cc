package io.kvferry.backend.mooncake;

import io.kvferry.conformance.BackendConformance;
import java.util.Map;

/** Two KVFerry nodes over Mooncake's wire. */
class WireConformanceTest extends BackendConformance {
    WireConformanceTest() {
        super(new WireHarness("mooncake-wire", Map.of()));
    }
}

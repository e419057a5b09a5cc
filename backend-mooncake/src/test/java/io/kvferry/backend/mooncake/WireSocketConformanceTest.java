package io.kvferry.backend.mooncake;

import io.kvferry.conformance.SocketConformanceTest;
import java.util.Map;

class WireSocketConformanceTest extends SocketConformanceTest {
    WireSocketConformanceTest() {
        super(new WireHarness("mooncake-wire", Map.of()));
    }
}

package io.kvferry.backend.mooncake;

import io.kvferry.conformance.ProcessConformanceTest;
import java.util.Map;

class WireProcessConformanceTest extends ProcessConformanceTest {
    WireProcessConformanceTest() {
        super(new WireHarness("mooncake-wire", Map.of()));
    }
}

package io.kvferry.backend.inprocess;

import io.kvferry.conformance.BackendConformance;
import java.util.Map;

class InProcessConformanceTest extends BackendConformance {
    InProcessConformanceTest() {
        super(new InProcessHarness("inprocess", Map.of()));
    }
}

package io.kvferry.backend.inprocess;

import io.kvferry.conformance.BackendConformance;
import java.util.Map;

class TwoSidedInProcessConformanceTest extends BackendConformance {
    TwoSidedInProcessConformanceTest() {
        super(new InProcessHarness("inprocess-two-sided", Map.of("kvferry.inprocess.two-sided", "true")));
    }
}

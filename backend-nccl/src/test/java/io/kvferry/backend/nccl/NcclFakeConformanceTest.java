package io.kvferry.backend.nccl;

import io.kvferry.conformance.BackendConformance;
import java.util.Map;

class NcclFakeConformanceTest extends BackendConformance {
    NcclFakeConformanceTest() {
        super(new NcclFakeHarness("nccl-fake", Map.of()));
    }
}

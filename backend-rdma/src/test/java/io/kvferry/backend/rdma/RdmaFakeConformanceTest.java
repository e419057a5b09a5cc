package io.kvferry.backend.rdma;

import io.kvferry.conformance.BackendConformance;
import io.kvferry.spi.Isolation;

/** Keys that open whole regions: what is safe is safe by the connection's fence. */
class RdmaFakeConformanceTest extends BackendConformance {
    RdmaFakeConformanceTest() {
        super(new RdmaFakeHarness(Isolation.REGION));
    }
}

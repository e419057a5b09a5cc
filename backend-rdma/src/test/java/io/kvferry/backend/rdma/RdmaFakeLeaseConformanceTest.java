package io.kvferry.backend.rdma;

import io.kvferry.conformance.BackendConformance;
import io.kvferry.spi.Isolation;

/** Keys that open one lease and can be taken back. */
class RdmaFakeLeaseConformanceTest extends BackendConformance {
    RdmaFakeLeaseConformanceTest() {
        super(new RdmaFakeHarness(Isolation.LEASE));
    }
}

package io.kvferry.backend.rdma;

import io.kvferry.conformance.BackendConformance;

/** Both ends in this process, over loopback. */
class UcxTcpConformanceTest extends BackendConformance {
    UcxTcpConformanceTest() {
        super(UcxHarness.tcp());
    }
}

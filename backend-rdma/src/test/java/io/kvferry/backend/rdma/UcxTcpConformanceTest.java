package io.kvferry.backend.rdma;

import io.kvferry.conformance.BackendConformance;

/** Both ends in this process, over loopback, through the listener. */
class UcxTcpConformanceTest extends BackendConformance {
    UcxTcpConformanceTest() {
        super(UcxHarness.tcp());
    }
}

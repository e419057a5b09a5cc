package io.kvferry.backend.rdma;

import io.kvferry.conformance.ProcessConformanceTest;

/** Two processes over loopback, of which one is killed, stopped and shouted at. */
class UcxTcpProcessConformanceTest extends ProcessConformanceTest {
    UcxTcpProcessConformanceTest() {
        super(UcxHarness.tcp());
    }
}

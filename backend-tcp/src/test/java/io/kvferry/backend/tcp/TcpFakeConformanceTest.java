package io.kvferry.backend.tcp;

import io.kvferry.conformance.BackendConformance;

/** Connections in memory that tear every frame and can be held. */
class TcpFakeConformanceTest extends BackendConformance {
    TcpFakeConformanceTest() {
        super(new TcpFakeHarness());
    }
}

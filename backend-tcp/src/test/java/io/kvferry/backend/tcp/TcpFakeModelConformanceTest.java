package io.kvferry.backend.tcp;

import io.kvferry.conformance.ModelConformanceTest;

class TcpFakeModelConformanceTest extends ModelConformanceTest {
    TcpFakeModelConformanceTest() {
        super(new TcpFakeHarness());
    }
}

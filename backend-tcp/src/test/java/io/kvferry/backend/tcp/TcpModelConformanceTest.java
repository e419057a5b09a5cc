package io.kvferry.backend.tcp;

import io.kvferry.conformance.ModelConformanceTest;
import java.util.Map;

class TcpModelConformanceTest extends ModelConformanceTest {
    TcpModelConformanceTest() {
        super(new TcpHarness("tcp", Map.of()));
    }
}

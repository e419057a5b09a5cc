package io.kvferry.backend.tcp;

import io.kvferry.conformance.BackendConformance;
import java.util.Map;

class TcpConformanceTest extends BackendConformance {
    TcpConformanceTest() {
        super(new TcpHarness("tcp", Map.of()));
    }
}

package io.kvferry.backend.tcp;

import io.kvferry.conformance.ProcessConformanceTest;
import java.util.Map;

class TcpProcessConformanceTest extends ProcessConformanceTest {
    TcpProcessConformanceTest() {
        super(new TcpHarness("tcp", Map.of()));
    }
}

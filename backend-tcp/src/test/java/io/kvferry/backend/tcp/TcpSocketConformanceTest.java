package io.kvferry.backend.tcp;

import io.kvferry.conformance.SocketConformanceTest;
import java.util.Map;

class TcpSocketConformanceTest extends SocketConformanceTest {
    TcpSocketConformanceTest() {
        super(new TcpHarness("tcp", Map.of()));
    }
}

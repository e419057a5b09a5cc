package io.kvferry.backend.tcp;

import io.kvferry.conformance.SocketConformanceTest;
import java.util.Map;

class TcpSocketConformanceTest extends SocketConformanceTest {
    TcpSocketConformanceTest() {
        // one connection to each peer, so that what is done to the next byte is done to the transfer that follows
        super(new TcpHarness("tcp", Map.of("kvferry.tcp.lanes", "1")));
    }
}

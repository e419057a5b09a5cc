package io.kvferry.backend.tcp;

import io.kvferry.conformance.BackendConformance;
import java.util.Map;

/** The transport that every JVM has, over one connection with small frames. */
class TcpNioConformanceTest extends BackendConformance {
    TcpNioConformanceTest() {
        super(new TcpHarness(
                "tcp-nio",
                Map.of(
                        "kvferry.tcp.transport", "nio",
                        "kvferry.tcp.lanes", "1",
                        "kvferry.tcp.frame-size", "64KiB")));
    }
}

package io.kvferry.backend.inprocess;

import io.kvferry.conformance.*;

class InProcessDataConformanceTest extends DataConformanceTest {
    InProcessDataConformanceTest() {
        super(BackendHarness.named("inprocess"));
    }
}

package io.kvferry.backend.inprocess;

import io.kvferry.conformance.ModelConformanceTest;
import java.util.Map;

class InProcessModelConformanceTest extends ModelConformanceTest {
    InProcessModelConformanceTest() {
        super(new InProcessHarness("inprocess", Map.of()));
    }
}

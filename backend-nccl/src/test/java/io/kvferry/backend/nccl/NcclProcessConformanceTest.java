package io.kvferry.backend.nccl;

import io.kvferry.conformance.ProcessConformanceTest;
import java.util.Map;

/** Two JVMs with the real binding on emulated libraries; the death of a peer shows in NCCL as a network error. */
class NcclProcessConformanceTest extends ProcessConformanceTest {
    public NcclProcessConformanceTest() {
        super(new EmulatorHarness("nccl-emulator-processes", Map.of()));
    }
}

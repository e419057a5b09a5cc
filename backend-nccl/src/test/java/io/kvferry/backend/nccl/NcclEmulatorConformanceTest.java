package io.kvferry.backend.nccl;

import io.kvferry.conformance.BackendConformance;
import java.util.Map;

/** The real binding on emulated libraries, with memory that the CPU cannot read. */
class NcclEmulatorConformanceTest extends BackendConformance {
    NcclEmulatorConformanceTest() {
        super(new EmulatorHarness("nccl-emulator", Map.of("kvferry.nccl.zero-copy", "true")));
    }
}

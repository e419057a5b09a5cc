package io.kvferry.backend.rdma;

import io.kvferry.conformance.BackendConformance;

/** Both ends in this process, which reaches into itself. */
class UcxSharedMemoryConformanceTest extends BackendConformance {
    UcxSharedMemoryConformanceTest() {
        super(UcxHarness.sharedMemory());
    }
}

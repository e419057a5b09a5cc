package io.kvferry.backend.rdma;

import io.kvferry.conformance.BackendConformance;

/** Both ends in this process, over memory that they share. */
class UcxSharedMemoryConformanceTest extends BackendConformance {
    UcxSharedMemoryConformanceTest() {
        super(UcxHarness.sharedMemory());
    }
}

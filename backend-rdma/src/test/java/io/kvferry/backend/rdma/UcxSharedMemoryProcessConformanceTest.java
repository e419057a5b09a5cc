package io.kvferry.backend.rdma;

import io.kvferry.conformance.ProcessConformanceTest;

/** Two processes that reach into each other's memory. */
class UcxSharedMemoryProcessConformanceTest extends ProcessConformanceTest {
    UcxSharedMemoryProcessConformanceTest() {
        super(UcxHarness.sharedMemory());
    }
}

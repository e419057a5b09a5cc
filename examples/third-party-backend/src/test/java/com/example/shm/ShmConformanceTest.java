package com.example.shm;

import io.kvferry.conformance.BackendConformance;

/** Every rule of the contract, between engines of this process. */
class ShmConformanceTest extends BackendConformance {
    ShmConformanceTest() {
        super(new ShmHarness());
    }
}

package io.kvferry.backend.mooncake;

import io.kvferry.conformance.BackendConformance;

/** Two KVFerry nodes with the native engine, over a fake library. */
class NativeFakeConformanceTest extends BackendConformance {
    NativeFakeConformanceTest() {
        super(new NativeFakeHarness());
    }
}

package io.kvferry.backend.mooncake;

import io.kvferry.conformance.ProcessConformanceTest;

/** Two processes with the real library, one engine in each. */
class NativeLibraryProcessConformanceTest extends ProcessConformanceTest {
    NativeLibraryProcessConformanceTest() {
        super(new NativeLibraryHarness());
    }
}

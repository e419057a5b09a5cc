package com.example.shm;

import io.kvferry.conformance.ProcessConformanceTest;

/** What only two processes can show: one of them is killed, stopped, restarted. */
class ShmProcessConformanceTest extends ProcessConformanceTest {
    ShmProcessConformanceTest() {
        super(new ShmHarness());
    }
}

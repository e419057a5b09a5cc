package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.JavaCppLibrary;
import io.kvferry.backend.nccl.adapter.NcclLibrary;

/** What a test runs on: the Java model, or the real binding on the emulator. */
enum Under {
    FAKE,
    EMULATOR;

    NcclLibrary library() {
        if (this == FAKE) {
            return new FakeGpu();
        }
        Emulator.load();
        return new JavaCppLibrary();
    }

    /** Stops all bytes, or lets them go on. */
    void freeze(NcclLibrary library, boolean on) {
        if (this == FAKE) {
            ((FakeGpu) library).fakeNccl().freeze(on);
        } else {
            Emulator.set("emuFreeze", on);
        }
    }

    /** What the last communicator was limited to. */
    int maxCtas(NcclLibrary library) {
        return this == FAKE ? ((FakeGpu) library).fakeNccl().maxCtas() : Emulator.get("emuMaxCtas");
    }
}

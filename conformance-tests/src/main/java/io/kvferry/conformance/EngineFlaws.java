package io.kvferry.conformance;

import io.kvferry.engine.TransferListener;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.Scheduler;

/** What a harness of the kit's own tests does wrong in an engine's place, at the ports through which the engine works. */
interface EngineFlaws {
    EngineFlaws NONE = new EngineFlaws() {};

    static EngineFlaws of(BackendHarness harness) {
        return harness instanceof EngineFlaws flaws ? flaws : NONE;
    }

    default PeerControlProvider control(PeerControlProvider sound) {
        return sound;
    }

    default Scheduler scheduler(Scheduler sound) {
        return sound;
    }

    default TransferListener listener(TransferListener sound) {
        return sound;
    }
}

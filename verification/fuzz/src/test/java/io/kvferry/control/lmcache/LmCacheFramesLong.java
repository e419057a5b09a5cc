package io.kvferry.control.lmcache;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** The same for half an hour: {@code mvn -pl verification/fuzz test -Dtest=LmCacheFramesLong -Dtest.timeout='1 h'}. */
class LmCacheFramesLong {
    @FuzzTest(maxDuration = "30m")
    void anyFrameIsRefusedOrSurvives(byte[] frame) {
        LmCacheFrames.check(frame);
    }
}

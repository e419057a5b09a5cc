package io.kvferry.control.lmcache;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** A few seconds in every build; {@link LmCacheFramesLong} goes on for as long as somebody has patience. */
class LmCacheFramesTest {
    @FuzzTest(maxDuration = "5s")
    void anyFrameIsRefusedOrSurvives(byte[] frame) {
        LmCacheFrames.check(frame);
    }
}

package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.junit.jupiter.api.Test;

/** Of parts that overlap, submitted at the same time, one wins and the others have no effect. */
@Param(name = "first", gen = IntGen.class, conf = "0:3")
@Param(name = "count", gen = IntGen.class, conf = "1:4")
public class RangeClaimsTest {
    private final RangeClaims claims = new RangeClaims(4);

    @Operation
    public boolean claim(@Param(name = "first") int first, @Param(name = "count") int count) {
        return claims.claim(new BlockRange(first, count));
    }

    @Test
    void claimsHaveAnOrder() {
        Budget.stress(new StressOptions()).sequentialSpecification(Model.class).check(RangeClaimsTest.class);
    }

    @Test
    void everyInterleavingHasAnOrder() {
        Budget.interleavings(new ModelCheckingOptions())
                .sequentialSpecification(Model.class)
                .check(RangeClaimsTest.class);
    }

    /** The same on one thread. */
    public static class Model {
        private final boolean[] claimed = new boolean[4];

        public boolean claim(int first, int count) {
            if (first + count > claimed.length) {
                return false;
            }
            for (int i = first; i < first + count; i++) {
                if (claimed[i]) {
                    return false;
                }
            }
            for (int i = first; i < first + count; i++) {
                claimed[i] = true;
            }
            return true;
        }
    }
}

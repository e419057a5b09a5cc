package io.kvferry.example.llm.model;

/**
 * The arithmetic of the model. Sums always run from the first term to the last, whatever is grouped for speed, and nothing is
 * used whose last bit Java leaves open (as it does for {@link Math#exp}); so the same input gives the same bits everywhere.
 * The inner loops go over neighbours without carrying anything from one to the next, which is what compilers vectorise.
 */
final class Kernels {
    private static final float LOG2_E = 1.442695f;
    private static final float LN2_HIGH = 0x1.63p-1f;
    private static final float LN2_LOW = -2.1219444e-4f;

    /** Below it the result would be too small to be a normal number. */
    private static final float MIN_EXPONENT = -80f;

    /** Runs that are added at once. */
    private static final int GROUP = 4;

    private Kernels() {}

    /**
     * Multiplies rows by a matrix and adds: {@code out[t] += in[t] * matrix}.
     *
     * @param rows how many rows there are
     * @param matrix its rows one after the other, {@code inWidth} of {@code outWidth}
     */
    static void multiplyAdd(float[] in, int inWidth, float[] matrix, float[] out, int outWidth, int rows) {
        for (int i = 0; i < inWidth; i += GROUP) {
            int terms = Math.min(GROUP, inWidth - i);
            for (int t = 0; t < rows; t++) {
                add(in, t * inWidth + i, terms, matrix, i * outWidth, outWidth, out, t * outWidth, outWidth);
            }
        }
    }

    /**
     * Adds runs of numbers, each times its factor, in their order.
     *
     * @param factors has one factor for each run, from {@code factorsAt} on
     * @param terms how many runs there are
     * @param runs where they are: the first at {@code runsAt}, then one every {@code stride}
     * @param to gets {@code count} sums, from {@code toAt} on
     */
    static void add(
            float[] factors,
            int factorsAt,
            int terms,
            float[] runs,
            int runsAt,
            int stride,
            float[] to,
            int toAt,
            int count) {
        int i = 0;
        for (; i + GROUP <= terms; i += GROUP) {
            addGroup(factors, factorsAt + i, runs, runsAt + i * stride, stride, to, toAt, count);
        }
        for (; i < terms; i++) {
            float factor = factors[factorsAt + i];
            int run = runsAt + i * stride;
            for (int j = 0; j < count; j++) {
                to[toAt + j] += factor * runs[run + j];
            }
        }
    }

    /** A group of runs at once, so that the sums stay in registers from one to the next. */
    private static void addGroup(
            float[] factors, int factorsAt, float[] runs, int run0, int stride, float[] to, int toAt, int count) {
        float f0 = factors[factorsAt];
        float f1 = factors[factorsAt + 1];
        float f2 = factors[factorsAt + 2];
        float f3 = factors[factorsAt + 3];
        int run1 = run0 + stride;
        int run2 = run1 + stride;
        int run3 = run2 + stride;
        for (int j = 0; j < count; j++) {
            to[toAt + j] = to[toAt + j]
                    + f0 * runs[run0 + j]
                    + f1 * runs[run1 + j]
                    + f2 * runs[run2 + j]
                    + f3 * runs[run3 + j];
        }
    }

    /** Scales each row to a mean square of one. */
    static void normalize(float[] in, float[] out, int width, int rows) {
        for (int t = 0; t < rows; t++) {
            float squares = 0;
            for (int j = t * width; j < (t + 1) * width; j++) {
                squares += in[j] * in[j];
            }
            float scale = (float) (1 / Math.sqrt(squares / width + 1e-6));
            for (int j = t * width; j < (t + 1) * width; j++) {
                out[j] = in[j] * scale;
            }
        }
    }

    /** Turns scores into weights that sum to one. */
    static void softmax(float[] scores, int count) {
        float max = scores[0];
        for (int p = 1; p < count; p++) {
            max = Math.max(max, scores[p]);
        }
        exp(scores, max, count);
        float sum = 0;
        for (int p = 0; p < count; p++) {
            sum += scores[p];
        }
        float scale = 1 / sum;
        for (int p = 0; p < count; p++) {
            scores[p] *= scale;
        }
    }

    /** Replaces each number by e to the power of how much it is above {@code max}, which none is. */
    static void exp(float[] numbers, float max, int count) {
        for (int p = 0; p < count; p++) {
            float x = Math.max(numbers[p] - max, MIN_EXPONENT);
            int powerOfTwo = (int) (x * LOG2_E - 0.5f);
            float rest = x - powerOfTwo * LN2_HIGH - powerOfTwo * LN2_LOW;
            float series =
                    1 + rest * (1 + rest * (0.5f + rest * (0.16666667f + rest * (0.041666668f + rest * 0.008333334f))));
            numbers[p] = series * Float.intBitsToFloat((powerOfTwo + 127) << 23);
        }
    }
}

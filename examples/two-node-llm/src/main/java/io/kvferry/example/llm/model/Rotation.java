package io.kvferry.example.llm.model;

/** Turns keys and queries by an angle that grows with their position, so that attention sees how far tokens are apart. */
final class Rotation {
    private static final double BASE = 10_000;

    private final int half;
    private final float[] cosines;
    private final float[] sines;

    Rotation(int headWidth, int positions) {
        half = headWidth / 2;
        cosines = new float[positions * half];
        sines = new float[positions * half];
        for (int j = 0; j < half; j++) {
            double speed = StrictMath.pow(BASE, -(double) j / half);
            for (int position = 0; position < positions; position++) {
                cosines[position * half + j] = (float) StrictMath.cos(position * speed);
                sines[position * half + j] = (float) StrictMath.sin(position * speed);
            }
        }
    }

    /** Turns the heads of one token. */
    void turn(float[] numbers, int at, int heads, int position) {
        for (int head = 0; head < heads; head++) {
            int first = at + head * 2 * half;
            for (int j = 0; j < half; j++) {
                float cosine = cosines[position * half + j];
                float sine = sines[position * half + j];
                float a = numbers[first + j];
                float b = numbers[first + half + j];
                numbers[first + j] = a * cosine - b * sine;
                numbers[first + half + j] = a * sine + b * cosine;
            }
        }
    }
}

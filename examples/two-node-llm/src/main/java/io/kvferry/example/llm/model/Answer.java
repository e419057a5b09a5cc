package io.kvferry.example.llm.model;

import java.util.Random;

/**
 * One token of an answer.
 *
 * @param token which one
 * @param logProbability the logarithm of how likely the model found it; it depends on every bit of the KV cache
 */
public record Answer(int token, float logProbability) {
    /**
     * Picks the next token.
     *
     * @param scores what the model said
     * @param temperature zero for the most likely token; the higher, the more the others get a chance
     * @param random decides between them
     * @return the pick
     */
    public static Answer pick(float[] scores, float temperature, Random random) {
        float[] probabilities = scores.clone();
        Kernels.softmax(probabilities, probabilities.length);
        int pick = temperature > 0 ? draw(scores, temperature, random.nextFloat()) : mostLikely(scores);
        return new Answer(Transformer.FIRST_ANSWER + pick, (float) StrictMath.log(probabilities[pick]));
    }

    private static int mostLikely(float[] scores) {
        int best = 0;
        for (int i = 1; i < scores.length; i++) {
            if (scores[i] > scores[best]) {
                best = i;
            }
        }
        return best;
    }

    private static int draw(float[] scores, float temperature, float share) {
        float[] probabilities = new float[scores.length];
        for (int i = 0; i < scores.length; i++) {
            probabilities[i] = scores[i] / temperature;
        }
        Kernels.softmax(probabilities, probabilities.length);
        float left = share;
        for (int i = 0; i < probabilities.length; i++) {
            left -= probabilities[i];
            if (left < 0) {
                return i;
            }
        }
        return mostLikely(scores); // the probabilities sum to one only almost
    }
}

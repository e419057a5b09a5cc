package io.kvferry.example.llm.model;

import java.util.Random;

/**
 * A decoder-only transformer over bytes: embedding, layers of causal self-attention and a two-matrix network, and a head that
 * scores the printable characters.
 *
 * <p><b>Threads:</b> Immutable; each cache belongs to one thread at a time.
 */
public final class Transformer {
    /** What can be answered: the printable characters of ASCII, so that every answer is text. */
    public static final int FIRST_ANSWER = ' ';

    /** How many characters can be answered. */
    public static final int ANSWERS = '~' - FIRST_ANSWER + 1;

    private static final int TOKENS = 256;

    /** Tokens that go through a layer together, so that its matrices are read once for all of them. */
    private static final int BLOCK = 64;

    private final ModelShape shape;
    private final float[] embedding;
    private final Layer[] layers;
    private final float[] head;

    private Transformer(ModelShape shape, Random random) {
        this.shape = shape;
        Rotation rotation = new Rotation(shape.headWidth(), shape.maxTokens());
        embedding = matrix(random, 1, TOKENS * shape.width());
        layers = new Layer[shape.layers()];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = new Layer(shape, i, rotation, random);
        }
        head = matrix(random, shape.width(), shape.width() * ANSWERS);
    }

    /**
     * Makes a model.
     *
     * @param shape its size
     * @param seed what its weights are made of; the same seed gives the same model
     * @return the model
     */
    public static Transformer seeded(ModelShape shape, long seed) {
        return new Transformer(shape, new Random(seed));
    }

    /** Numbers whose products with {@code inputs} of variance one sum to variance one. */
    static float[] matrix(Random random, int inputs, int size) {
        float reach = (float) Math.sqrt(3.0 / inputs);
        float[] matrix = new float[size];
        for (int i = 0; i < size; i++) {
            matrix[i] = (2 * random.nextFloat() - 1) * reach;
        }
        return matrix;
    }

    /**
     * Returns the size of this model.
     *
     * @return its shape
     */
    public ModelShape shape() {
        return shape;
    }

    /**
     * Computes tokens that follow those in a cache.
     *
     * @param cache what the model remembers; grows by the tokens
     * @param tokens at least one, each from 0 to 255
     * @return the scores of what could be answered after the last of them
     */
    public float[] append(KvCache cache, int... tokens) {
        if (tokens.length == 0 || tokens.length > shape.maxTokens() - cache.tokens()) {
            throw new IllegalArgumentException(tokens.length + " tokens after " + cache.tokens()
                    + ": at least one, and at most " + shape.maxTokens() + " in all");
        }
        int width = shape.width();
        float[] last = new float[width];
        for (int start = 0; start < tokens.length; start += BLOCK) {
            int rows = Math.min(BLOCK, tokens.length - start);
            int position = cache.tokens();
            cache.grow(rows);
            float[] state = new float[rows * width];
            for (int t = 0; t < rows; t++) {
                System.arraycopy(embedding, tokens[start + t] * width, state, t * width, width);
            }
            for (Layer layer : layers) {
                layer.apply(state, rows, position, cache);
            }
            System.arraycopy(state, (rows - 1) * width, last, 0, width);
        }
        Kernels.normalize(last, last, width, 1);
        float[] scores = new float[ANSWERS];
        Kernels.multiplyAdd(last, width, head, scores, ANSWERS, 1);
        return scores;
    }
}

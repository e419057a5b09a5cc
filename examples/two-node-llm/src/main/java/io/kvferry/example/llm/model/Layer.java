package io.kvferry.example.llm.model;

import java.util.Arrays;
import java.util.Random;

/** One layer of the model: attention over all tokens so far, then a network on each token alone. */
final class Layer {
    private final ModelShape shape;
    private final int index;
    private final Rotation rotation;
    private final float scale;
    private final float[] toQuery;
    private final float[] toKey;
    private final float[] toValue;
    private final float[] fromHeads;
    private final float[] toHidden;
    private final float[] fromHidden;

    Layer(ModelShape shape, int index, Rotation rotation, Random random) {
        this.shape = shape;
        this.index = index;
        this.rotation = rotation;
        int width = shape.width();
        int hidden = shape.hiddenWidth();
        scale = (float) (1 / Math.sqrt(shape.headWidth()));
        toQuery = Transformer.matrix(random, width, width * width);
        toKey = Transformer.matrix(random, width, width * width);
        toValue = Transformer.matrix(random, width, width * width);
        fromHeads = Transformer.matrix(random, width, width * width);
        toHidden = Transformer.matrix(random, width, width * hidden);
        fromHidden = Transformer.matrix(random, hidden, hidden * width);
    }

    /** Changes the state of {@code rows} tokens whose first is at {@code position}, and remembers their keys and values. */
    void apply(float[] state, int rows, int position, KvCache cache) {
        int width = shape.width();
        float[] normal = new float[rows * width];
        Kernels.normalize(state, normal, width, rows);
        float[] queries = times(normal, toQuery, rows);
        for (int j = 0; j < queries.length; j++) {
            queries[j] *= scale;
        }
        remember(times(normal, toKey, rows), times(normal, toValue, rows), rows, position, cache);
        float[] seen = new float[rows * width];
        float[] scores = new float[position + rows];
        for (int t = 0; t < rows; t++) {
            rotation.turn(queries, t * width, shape.heads(), position + t);
            for (int head = 0; head < shape.heads(); head++) {
                int at = t * width + head * shape.headWidth();
                attend(queries, seen, at, head, position + t + 1, scores, cache);
            }
        }
        Kernels.multiplyAdd(seen, width, fromHeads, state, width, rows);

        Kernels.normalize(state, normal, width, rows);
        float[] hidden = new float[rows * shape.hiddenWidth()];
        Kernels.multiplyAdd(normal, width, toHidden, hidden, shape.hiddenWidth(), rows);
        for (int j = 0; j < hidden.length; j++) {
            hidden[j] = Math.max(hidden[j], 0);
        }
        Kernels.multiplyAdd(hidden, shape.hiddenWidth(), fromHidden, state, width, rows);
    }

    private float[] times(float[] in, float[] matrix, int rows) {
        float[] out = new float[rows * shape.width()];
        Kernels.multiplyAdd(in, shape.width(), matrix, out, shape.width(), rows);
        return out;
    }

    private void remember(float[] keys, float[] values, int rows, int position, KvCache cache) {
        int width = shape.width();
        int pageTokens = shape.pageTokens();
        for (int t = 0; t < rows; t++) {
            rotation.turn(keys, t * width, shape.heads(), position + t);
            float[] page = cache.page((position + t) / pageTokens);
            int slot = (position + t) % pageTokens;
            int keysAt = index * shape.layerFloats();
            for (int j = 0; j < width; j++) {
                page[keysAt + j * pageTokens + slot] = keys[t * width + j];
            }
            System.arraycopy(values, t * width, page, keysAt + width * pageTokens + slot * width, width);
        }
    }

    /** One head of one token looks at the first {@code count} tokens; {@code at} is where the head's numbers begin. */
    private void attend(float[] queries, float[] seen, int at, int head, int count, float[] scores, KvCache cache) {
        int headWidth = shape.headWidth();
        int width = shape.width();
        int pageTokens = shape.pageTokens();
        int keysAt = index * shape.layerFloats() + head * headWidth * pageTokens;
        int valuesAt = index * shape.layerFloats() + width * pageTokens + head * headWidth;
        Arrays.fill(scores, 0, count, 0);
        for (int first = 0; first < count; first += pageTokens) {
            int tokens = Math.min(pageTokens, count - first);
            float[] page = cache.page(first / pageTokens);
            Kernels.add(queries, at, headWidth, page, keysAt, pageTokens, scores, first, tokens);
        }
        Kernels.softmax(scores, count);
        for (int first = 0; first < count; first += pageTokens) {
            int tokens = Math.min(pageTokens, count - first);
            float[] page = cache.page(first / pageTokens);
            Kernels.add(scores, first, tokens, page, valuesAt, width, seen, at, headWidth);
        }
    }
}

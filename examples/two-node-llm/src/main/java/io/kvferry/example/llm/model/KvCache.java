package io.kvferry.example.llm.model;

import java.util.ArrayList;
import java.util.List;

/**
 * The keys and values of the tokens of one request, in pages. A page is one array with everything that the layers remember of
 * its tokens: for each layer the keys, a row of positions for each number of a key, then the values, a row of numbers for each
 * position.
 *
 * <p><b>Threads:</b> Confined to the thread that works on the request.
 */
public final class KvCache {
    private final ModelShape shape;
    private final List<float[]> pages = new ArrayList<>();
    private int tokens;

    /**
     * Makes an empty cache.
     *
     * @param shape the model's
     */
    public KvCache(ModelShape shape) {
        this.shape = shape;
    }

    /**
     * Returns the size of the model that this cache is of.
     *
     * @return the shape
     */
    public ModelShape shape() {
        return shape;
    }

    /**
     * Returns how many tokens are remembered.
     *
     * @return tokens
     */
    public int tokens() {
        return tokens;
    }

    /**
     * Returns one page.
     *
     * @param index from zero; the last one may be incomplete
     * @return the page itself
     */
    public float[] page(int index) {
        return pages.get(index);
    }

    /**
     * Appends a whole page that was computed elsewhere or before.
     *
     * @param page {@link ModelShape#pageFloats()} numbers; belongs to the cache from now on
     */
    public void append(float[] page) {
        if (page.length != shape.pageFloats() || tokens % shape.pageTokens() != 0) {
            throw new IllegalArgumentException("a page of " + page.length + " numbers after " + tokens
                    + " tokens; pages are of " + shape.pageFloats() + " numbers and " + shape.pageTokens() + " tokens");
        }
        pages.add(page);
        tokens += shape.pageTokens();
    }

    /** Makes room for more tokens; what they are is written by the layers. */
    void grow(int count) {
        tokens += count;
        while (pages.size() * shape.pageTokens() < tokens) {
            pages.add(new float[shape.pageFloats()]);
        }
    }
}

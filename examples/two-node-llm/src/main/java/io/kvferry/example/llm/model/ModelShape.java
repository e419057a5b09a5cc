package io.kvferry.example.llm.model;

/**
 * The size of a model.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param layers how many layers it has
 * @param heads how many attention heads each layer has
 * @param headWidth numbers of one head
 * @param hiddenWidth numbers between the two matrices after attention
 * @param pageTokens tokens of one page of its KV cache
 * @param maxTokens the longest prompt with its answer
 */
public record ModelShape(int layers, int heads, int headWidth, int hiddenWidth, int pageTokens, int maxTokens) {
    /** The model that the example serves: 2 MiB of KV cache for 256 tokens. */
    public static final ModelShape SERVED = new ModelShape(4, 4, 64, 1024, 256, 16 << 10);

    /** Checks the numbers. */
    public ModelShape {
        if (layers < 1 || heads < 1 || headWidth < 2 || headWidth % 2 != 0 || hiddenWidth < 1 || pageTokens < 1) {
            throw new IllegalArgumentException("no such model: layers=" + layers + ", heads=" + heads + ", headWidth="
                    + headWidth + " (even), hiddenWidth=" + hiddenWidth + ", pageTokens=" + pageTokens);
        }
    }

    /**
     * Returns how many numbers describe a token between two layers.
     *
     * @return the numbers of all heads
     */
    public int width() {
        return heads * headWidth;
    }

    /**
     * Returns how many numbers of a page belong to one layer: its keys, then its values.
     *
     * @return floats
     */
    public int layerFloats() {
        return 2 * width() * pageTokens;
    }

    /**
     * Returns the size of a page.
     *
     * @return floats of all layers, one after the other
     */
    public int pageFloats() {
        return layers * layerFloats();
    }
}

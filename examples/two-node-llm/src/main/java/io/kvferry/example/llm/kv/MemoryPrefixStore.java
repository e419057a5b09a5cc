package io.kvferry.example.llm.kv;

import io.kvferry.example.llm.model.KvCache;
import io.kvferry.example.llm.model.ModelShape;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Keeps pages in this process, for one server alone. The page that was not used for longest makes room for a new one.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
public final class MemoryPrefixStore implements PrefixStore {
    private final ModelShape shape;
    private final StoreMetrics metrics = new StoreMetrics();
    private final Map<IntBuffer, float[]> pages;

    /**
     * Makes an empty store.
     *
     * @param shape the model's
     * @param maxPages how many pages it keeps
     */
    public MemoryPrefixStore(ModelShape shape, int maxPages) {
        this.shape = shape;
        this.pages = new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<IntBuffer, float[]> eldest) {
                return size() > maxPages;
            }
        };
    }

    @Override
    public synchronized Prefix fetch(int[] tokens, KvCache into, Deadline deadline) {
        checkNotLate(deadline);
        for (int end = shape.pageTokens(); end <= tokens.length; end += shape.pageTokens()) {
            float[] page = pages.get(prefix(tokens, end));
            if (page == null) {
                break;
            }
            into.append(page.clone());
        }
        metrics.lookedUp(tokens.length, into.tokens());
        return new Prefix(into.tokens(), 0, "");
    }

    @Override
    public synchronized int publish(int[] tokens, KvCache from, Deadline deadline) {
        checkNotLate(deadline);
        int added = 0;
        for (int end = shape.pageTokens(); end <= Math.min(tokens.length, from.tokens()); end += shape.pageTokens()) {
            float[] page = from.page(end / shape.pageTokens() - 1);
            if (pages.putIfAbsent(prefix(tokens, end), page.clone()) == null) {
                added += shape.pageTokens();
            }
        }
        metrics.stored(added);
        return added;
    }

    /** A page means something only after all tokens before it, so they are its key. */
    private static IntBuffer prefix(int[] tokens, int end) {
        return IntBuffer.wrap(Arrays.copyOf(tokens, end));
    }

    private static void checkNotLate(Deadline deadline) {
        if (deadline.isExpired()) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED, Stage.PREPARE, "the deadline had passed before the call");
        }
    }

    @Override
    public String metrics() {
        return metrics.text();
    }

    @Override
    public void close() {}
}

package io.kvferry.example.llm.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.example.llm.model.KvCache;
import io.kvferry.example.llm.model.ModelShape;
import io.kvferry.example.llm.model.Transformer;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MemoryPrefixStoreTest {
    private static final ModelShape SHAPE = new ModelShape(1, 1, 4, 4, 8, 200);
    private static final Deadline SOON = Deadline.after(Duration.ofSeconds(20));

    private final Transformer model = Transformer.seeded(SHAPE, 1);
    private final MemoryPrefixStore store = new MemoryPrefixStore(SHAPE, 4);

    @Test
    void theLongestPrefixOfWholePagesIsFound() {
        int[] tokens = new Random(1).ints(30, 0, 256).toArray();
        KvCache cache = cacheOf(tokens);

        assertThat(store.publish(tokens, cache, SOON)).isEqualTo(24);
        assertThat(store.publish(tokens, cache, SOON)).isZero();

        KvCache found = new KvCache(SHAPE);
        int[] other = tokens.clone();
        other[17]++;
        assertThat(store.fetch(other, found, SOON).tokens()).isEqualTo(16);
        assertThat(found.page(1)).containsExactly(cache.page(1));
    }

    @Test
    void thePageThatWasNotUsedForLongestMakesRoom() {
        int[] first = new Random(1).ints(16, 0, 256).toArray();
        int[] second = new Random(2).ints(16, 0, 256).toArray();
        int[] third = new Random(3).ints(8, 0, 256).toArray();
        store.publish(first, cacheOf(first), SOON);
        store.publish(second, cacheOf(second), SOON);
        assertThat(fetched(first)).isEqualTo(16);

        store.publish(third, cacheOf(third), SOON);

        assertThat(fetched(first)).isEqualTo(16);
        assertThat(fetched(second)).isZero();
        assertThat(fetched(third)).isEqualTo(8);
    }

    @Test
    void aCallAfterItsDeadlineDoesNothing() {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> store.fetch(new int[8], new KvCache(SHAPE), Deadline.after(Duration.ZERO)))
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED));
    }

    private int fetched(int[] tokens) {
        return store.fetch(tokens, new KvCache(SHAPE), SOON).tokens();
    }

    private KvCache cacheOf(int[] tokens) {
        KvCache cache = new KvCache(SHAPE);
        var ignored = model.append(cache, tokens);
        return cache;
    }
}

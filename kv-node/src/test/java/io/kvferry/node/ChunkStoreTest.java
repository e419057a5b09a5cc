package io.kvferry.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FakeTicker;
import io.kvferry.control.cluster.ChunkKeys;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What leaves when there is no room, and what never does. */
class ChunkStoreTest {
    private final FakeTicker ticker = new FakeTicker();
    private final List<String> changes = new ArrayList<>();
    private final ChunkStore store = new ChunkStore(4, new ChunkListener() {
        @Override
        public void admitted(ChunkId chunk) {
            changes.add("+" + chunk.bytes()[0]);
        }

        @Override
        public void evicted(ChunkId chunk) {
            changes.add("-" + chunk.bytes()[0]);
        }

        @Override
        public void changed() {}
    });

    @Test
    void theChunkThatWasUsedLongestAgoIsEvictedFirst() {
        store(1, 2, 3, 4);
        store.prefix(keys(1));

        store(5);

        assertThat(changes).endsWith("-2", "+5");
        assertThat(store.prefix(keys(1))).isEqualTo(1);
    }

    @Test
    void aChainLosesItsEndFirst() {
        store(1, 2, 3, 4);
        store.release(store.acquirePrefix(keys(1, 2, 3, 4)));

        store(5);

        assertThat(changes).endsWith("-4", "+5");
    }

    @Test
    void whatIsInUseOrPinnedIsNeverEvicted() {
        store(1, 2, 3, 4);
        List<StoredChunk> used = store.acquirePrefix(keys(1, 2));
        assertThat(store.pin(keys(3), ticker.in(Duration.ofSeconds(9)))).isTrue();

        assertThat(store.reserve(4)).as("room for one only").hasSize(1);

        assertThat(store.prefix(keys(1, 2, 3))).isEqualTo(3);
        assertThat(store.counts().shortages()).isEqualTo(1);
        store.release(used);
        assertThat(store.reserve(4)).hasSize(2);
        assertThat(store.prefix(keys(3))).isEqualTo(1);
    }

    @Test
    void aPinEndsByItselfAndALongerOneWins() {
        store(1, 2, 3, 4);
        store.pin(keys(1, 2, 3, 4), ticker.in(Duration.ofSeconds(10)));
        store.pin(keys(1), ticker.in(Duration.ofSeconds(20)));
        store.pin(keys(1), ticker.in(Duration.ofSeconds(5)));

        ticker.advance(Duration.ofSeconds(9));
        assertThat(store.reserve(1)).isEmpty();
        ticker.advance(Duration.ofSeconds(1));

        assertThat(store.reserve(4)).hasSize(3);
        assertThat(store.counts().pinned()).isEqualTo(1);
        assertThat(store.counts().expiredPins()).isEqualTo(3);
    }

    @Test
    void pinsAreAllOrNoneAndCanBeTakenBack() {
        store(1, 2);

        assertThat(store.pin(keys(1, 9), ticker.in(Duration.ofSeconds(9)))).isFalse();
        assertThat(store.counts().pinned()).isZero();
        store.pin(keys(1, 2), ticker.in(Duration.ofSeconds(9)));
        assertThat(store.unpin(keys(2, 9))).isEqualTo(1);

        assertThat(store.clear()).isEqualTo(1);
        assertThat(store.held()).extracting(id -> id.bytes()[0]).containsExactly((byte) 1);
    }

    @Test
    void theSecondOfTwoThatFillTheSameChunkGetsTheFirstOnes() {
        int[] slots = store.reserve(2);
        StoredChunk first = store.commit(id(1), slots[0]);

        StoredChunk second = store.commit(id(1), slots[1]);

        assertThat(second).isSameAs(first);
        assertThat(store.counts().free()).isEqualTo(3);
        store.release(List.of(first));
        assertThat(store.drop(id(1))).as("still in use by the second").isFalse();
        store.release(List.of(second));
        assertThat(store.drop(id(1))).isTrue();
        assertThat(changes).containsExactly("+1", "-1");
    }

    @Test
    void aChunkWithAGapBeforeItIsNoPrefix() {
        store(1, 3);

        assertThat(store.prefix(keys(1, 2, 3))).isEqualTo(1);
        assertThat(store.acquirePrefix(keys(2, 3))).isEmpty();
        StoredChunk third = store.acquire(id(3));
        assertThat(third).isNotNull();
    }

    @Test
    void slotsThatWereReservedInVainCanBeReservedAgain() {
        int[] slots = store.reserve(4);
        assertThat(store.reserve(1)).isEmpty();

        store.unreserve(slots);

        assertThat(store.reserve(4)).containsExactlyInAnyOrder(0, 1, 2, 3);
    }

    private void store(int... keys) {
        for (int key : keys) {
            store.release(List.of(store.commit(id(key), store.reserve(1)[0])));
        }
    }

    private static ChunkId id(int key) {
        return new ChunkId(new byte[] {(byte) key});
    }

    private static ChunkKeys keys(int... keys) {
        byte[] packed = new byte[keys.length];
        for (int i = 0; i < keys.length; i++) {
            packed[i] = (byte) keys[i];
        }
        return ChunkKeys.of(1, packed);
    }
}

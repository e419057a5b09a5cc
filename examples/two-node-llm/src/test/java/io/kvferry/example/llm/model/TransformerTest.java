package io.kvferry.example.llm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Reuse is only right if a cache means the same whoever computed it, so these results are compared to the last bit. */
class TransformerTest {
    private static final ModelShape SMALL = new ModelShape(2, 2, 12, 50, 32, 400);
    private static final int[] TOKENS = new Random(7).ints(200, 0, 256).toArray();

    private final Transformer model = Transformer.seeded(SMALL, 1);

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 32, 64, 65, 199})
    void theAnswerIsTheSameHoweverThePromptIsSplit(int piece) {
        KvCache whole = new KvCache(SMALL);
        float[] expected = model.append(whole, TOKENS);

        KvCache pieces = new KvCache(SMALL);
        float[] scores = {};
        for (int at = 0; at < TOKENS.length; at += piece) {
            scores = model.append(pieces, Arrays.copyOfRange(TOKENS, at, Math.min(at + piece, TOKENS.length)));
        }

        assertThat(scores).containsExactly(expected);
        assertThat(pieces.tokens()).isEqualTo(whole.tokens());
        for (int page = 0; page * SMALL.pageTokens() < TOKENS.length; page++) {
            assertThat(pieces.page(page)).containsExactly(whole.page(page));
        }
    }

    @Test
    void pagesOfAnotherCacheStandForTheTokensTheyAreOf() {
        KvCache first = new KvCache(SMALL);
        float[] expected = model.append(first, TOKENS);

        KvCache second = new KvCache(SMALL);
        for (int page = 0; page < 5; page++) {
            second.append(first.page(page).clone());
        }
        float[] scores = model.append(second, Arrays.copyOfRange(TOKENS, 160, TOKENS.length));

        assertThat(scores).containsExactly(expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void everyPartOfAPageMatters(int quarter) {
        KvCache first = new KvCache(SMALL);
        float[] expected = model.append(first, TOKENS);
        float[] page = first.page(0).clone();
        page[quarter * page.length / 4] += 0.5f;

        KvCache second = new KvCache(SMALL);
        second.append(page);
        float[] scores = model.append(second, Arrays.copyOfRange(TOKENS, SMALL.pageTokens(), TOKENS.length));

        assertThat(scores).isNotEqualTo(expected);
    }

    @Test
    void theFirstTokenChangesTheAnswer() {
        int[] other = TOKENS.clone();
        other[0] ^= 1;

        assertThat(model.append(new KvCache(SMALL), other)).isNotEqualTo(model.append(new KvCache(SMALL), TOKENS));
    }

    @Test
    void theSeedMakesTheModel() {
        float[] scores = model.append(new KvCache(SMALL), TOKENS);

        assertThat(Transformer.seeded(SMALL, 1).append(new KvCache(SMALL), TOKENS))
                .containsExactly(scores);
        assertThat(Transformer.seeded(SMALL, 2).append(new KvCache(SMALL), TOKENS))
                .isNotEqualTo(scores);
    }

    /** A golden number: nodes on different machines and versions of Java share a cache only if they agree on it. */
    @Test
    void theBitsAreTheSameOnEveryMachine() {
        assertThat(Arrays.hashCode(model.append(new KvCache(SMALL), TOKENS))).isEqualTo(-1438507969);
    }

    @Test
    void aCacheHasABound() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> model.append(new KvCache(SMALL), new int[SMALL.maxTokens() + 1]))
                .withMessageContaining("401")
                .withMessageContaining("400");
        assertThatIllegalArgumentException().isThrownBy(() -> model.append(new KvCache(SMALL)));
    }

    @Test
    void aPageBelongsAfterWholePagesAndHasOneSize() {
        KvCache cache = new KvCache(SMALL);
        assertThatIllegalArgumentException().isThrownBy(() -> cache.append(new float[3]));
        var ignored = model.append(cache, 1, 2, 3);
        assertThatIllegalArgumentException().isThrownBy(() -> cache.append(new float[SMALL.pageFloats()]));
    }
}

package io.kvferry.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every byte of a model's cache, split as the source does, arrives where the target's split has it. */
class TensorParallelMapTest {
    private static final int HEADS = 8;
    private static final int DIM = 3;
    private static final int TOKENS = 5;

    static Stream<Arguments> splits() {
        return Stream.of(PageOrder.values())
                .flatMap(order -> Stream.of(
                                new int[] {1, 1},
                                new int[] {4, 1},
                                new int[] {8, 2},
                                new int[] {1, 4},
                                new int[] {2, 8},
                                new int[] {4, 4})
                        .map(ranks -> Arguments.of(order, ranks[0], ranks[1])));
    }

    @ParameterizedTest
    @MethodSource("splits")
    void everyByteArrivesWhereItBelongs(PageOrder order, int sourceRanks, int targetRanks) {
        TensorParallelMap map = new TensorParallelMap(HEADS, sourceRanks, targetRanks);
        KvLayout source = layout(order, HEADS / sourceRanks);
        KvLayout target = layout(order, HEADS / targetRanks);

        for (int rank = 0; rank < targetRanks; rank++) {
            byte[] received = new byte[(int) target.layerBytes(TOKENS)];
            for (TensorParallelMap.Part part : map.parts(rank)) {
                byte[] held = layer(order, source.kvHeads(), part.sourceRank());
                for (TensorParallelMap.Run run : map.runs(part, source, target, TOKENS)) {
                    System.arraycopy(
                            held, (int) run.sourceOffset(), received, (int) run.targetOffset(), (int) run.bytes());
                }
            }
            assertThat(received).isEqualTo(layer(order, target.kvHeads(), rank));
        }
    }

    @Test
    void headsFirstMovesInTwoPieces() {
        TensorParallelMap map = new TensorParallelMap(HEADS, 4, 2);
        TensorParallelMap.Part part = map.parts(1).getFirst();

        assertThat(part).isEqualTo(new TensorParallelMap.Part(2, 0, 0, 2));
        assertThat(map.runs(part, layout(PageOrder.HEADS_FIRST, 2), layout(PageOrder.HEADS_FIRST, 4), TOKENS))
                .hasSize(2);
        assertThat(map.runs(part, layout(PageOrder.TOKENS_FIRST, 2), layout(PageOrder.TOKENS_FIRST, 4), TOKENS))
                .hasSize(2 * TOKENS);
    }

    @ParameterizedTest
    @CsvSource({"8, 3, 2", "8, 2, 3", "6, 4, 4", "8, 16, 1", "0, 1, 1", "8, 0, 1"})
    void whatDoesNotDivideIsRefused(int heads, int sourceRanks, int targetRanks) {
        assertThatThrownBy(() -> new TensorParallelMap(heads, sourceRanks, targetRanks))
                .hasMessageContaining("INCOMPATIBLE_PEER");
    }

    @Test
    void layoutsThatDifferInMoreThanTheirHeadsAreRefused() {
        TensorParallelMap map = new TensorParallelMap(HEADS, 2, 1);
        TensorParallelMap.Part part = map.parts(0).getFirst();
        KvLayout target = layout(PageOrder.HEADS_FIRST, 8);

        assertThatThrownBy(() -> map.runs(part, layout(PageOrder.TOKENS_FIRST, 4), target, TOKENS))
                .hasMessageContaining("TOKENS_FIRST");
        assertThatThrownBy(() -> map.runs(part, layout(PageOrder.HEADS_FIRST, 2), target, TOKENS))
                .hasMessageContaining("not 8 both times");
    }

    private static KvLayout layout(PageOrder order, int heads) {
        return new KvLayout(1, heads, DIM, KvDataType.F8, order);
    }

    /** A rank's layer; each byte says which plane, token, head of the model and number it is. */
    private static byte[] layer(PageOrder order, int heads, int rank) {
        byte[] layer = new byte[2 * TOKENS * heads * DIM];
        int at = 0;
        for (int plane = 0; plane < 2; plane++) {
            int outer = order == PageOrder.HEADS_FIRST ? heads : TOKENS;
            int inner = order == PageOrder.HEADS_FIRST ? TOKENS : heads;
            for (int i = 0; i < outer; i++) {
                for (int j = 0; j < inner; j++) {
                    int head = rank * heads + (order == PageOrder.HEADS_FIRST ? i : j);
                    int token = order == PageOrder.HEADS_FIRST ? j : i;
                    Arrays.fill(layer, at, at + DIM, (byte) (plane * 100 + token * HEADS + head));
                    at += DIM;
                }
            }
        }
        return layer;
    }
}

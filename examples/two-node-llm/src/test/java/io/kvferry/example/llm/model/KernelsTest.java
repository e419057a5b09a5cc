package io.kvferry.example.llm.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KernelsTest {
    private final Random random = new Random(3);

    @ParameterizedTest
    @CsvSource({"1,1,1", "8,8,1", "9,5,3", "23,64,2", "64,17,5"})
    void aProductIsTheSumFromTheFirstTermToTheLast(int inWidth, int outWidth, int rows) {
        float[] in = numbers(rows * inWidth);
        float[] matrix = numbers(inWidth * outWidth);
        float[] out = numbers(rows * outWidth);
        float[] expected = out.clone();
        for (int t = 0; t < rows; t++) {
            for (int j = 0; j < outWidth; j++) {
                for (int i = 0; i < inWidth; i++) {
                    expected[t * outWidth + j] += in[t * inWidth + i] * matrix[i * outWidth + j];
                }
            }
        }

        Kernels.multiplyAdd(in, inWidth, matrix, out, outWidth, rows);

        assertThat(out).containsExactly(expected);
    }

    @Test
    void exponentialsAreRight() {
        float[] numbers = new float[2000];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = -i / 25f;
        }

        Kernels.exp(numbers, 0, numbers.length);

        for (int i = 0; i < numbers.length; i++) {
            double expected = StrictMath.exp(-i / 25f);
            assertThat((double) numbers[i]).isCloseTo(expected, within(expected * 1e-5));
        }
        assertThat(numbers[0]).isEqualTo(1f);
    }

    @Test
    void weightsSumToOneWhateverTheScores() {
        float[] scores = {1e30f, 3, -1e30f, 1e30f};

        Kernels.softmax(scores, 4);

        assertThat(scores).containsExactly(new float[] {0.5f, 0, 0, 0.5f}, org.assertj.core.data.Offset.offset(1e-6f));
    }

    private float[] numbers(int count) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = random.nextFloat() - 0.5f;
        }
        return numbers;
    }
}

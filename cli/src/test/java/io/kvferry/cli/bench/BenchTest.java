package io.kvferry.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.StringReader;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

class BenchTest {
    private static final long MEMORY = 8 << 20;

    private TransferEngine initiator;
    private TransferEngine target;
    private BenchTarget benchTarget;

    @BeforeEach
    void open() {
        initiator = TransferEngine.open(KvFerryConfig.builder().build());
        target = TransferEngine.open(KvFerryConfig.builder().build());
        benchTarget = BenchTarget.start(target, MEMORY);
    }

    @AfterEach
    void close() {
        benchTarget.close();
        initiator.close();
        target.close();
    }

    @ParameterizedTest
    @CsvSource({"READ,false,1,1", "WRITE,false,1,2", "READ,true,2,1", "WRITE,true,4,2"})
    void everyPointMovesBytesAndTimesEachStep(Operation operation, boolean standing, int pipeline, int threads) {
        try (Bench bench = Bench.open(initiator, target.address(), settings(standing, pipeline))) {
            BenchResult result = bench.run(new BenchCase(operation, 64 << 10, 4, threads));

            assertThat(result.transfers()).isPositive();
            assertThat(result.bytes()).isEqualTo(result.transfers() * (256 << 10));
            assertThat(result.gigabytesPerSecond()).isPositive();
            assertThat(result.prepare().p99())
                    .isGreaterThanOrEqualTo(result.prepare().p50());
            assertThat(result.transfer().p50()).isPositive();
            assertThat(result.initiatorCpuNanos()).isPositive();
        }
        assertThat(initiator.status().memories()).isZero();
    }

    @Test
    void theTargetLendsNoMoreMemoryThanItMay() {
        try (Bench first = Bench.open(initiator, target.address(), settings(true, 1))) {
            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(() -> Bench.open(initiator, target.address(), settings(true, 1)))
                    .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED))
                    .withMessageContaining("--bench-memory");
            assertThat(first).isNotNull();
        }
        Bench.open(initiator, target.address(), settings(true, 1)).close();
    }

    @Test
    void aPointThatNeedsMoreMemoryThanThereIsSaysSo() {
        try (Bench bench = Bench.open(initiator, target.address(), settings(true, 1))) {
            assertThatExceptionOfType(TransferException.class)
                    .isThrownBy(() -> bench.run(new BenchCase(Operation.READ, MEMORY, 2, 1)))
                    .withMessageContaining("--memory");
        }
    }

    @Test
    void reportsHaveARowForEachPoint() throws Exception {
        List<BenchResult> results;
        try (Bench bench = Bench.open(initiator, target.address(), settings(true, 1))) {
            results = List.of(
                    bench.run(new BenchCase(Operation.READ, 64 << 10, 1, 1)),
                    bench.run(new BenchCase(Operation.WRITE, 1 << 20, 1, 1)));
        }

        List<Map<String, String>> rows =
                results.stream().map(BenchResult::columns).toList();
        BenchPlot.Figure figure = new BenchPlot.Figure(
                "a < b & c",
                "block size",
                bytes -> bytes + " B",
                "GB/s",
                Map.of("read", Map.of(65536L, 1.5), "write", Map.of(1L << 20, 0.5)));
        assertThat(BenchReport.csv(rows).lines())
                .hasSize(3)
                .element(1)
                .asString()
                .startsWith("read,tcp,65536,1,1,");
        assertThat(BenchReport.json(rows))
                .startsWith("[\n  {\"operation\": \"read\", \"backend\": \"tcp\", \"block_bytes\": 65536, ")
                .endsWith("}\n]\n");
        assertThat(elements(BenchPlot.svg(figure), "polyline")).isEqualTo(2);
        assertThat(elements(BenchPlot.svg(figure), "circle")).isEqualTo(2);
        assertThat(BenchPlot.html(figure, rows))
                .contains("<svg", "</svg>", "<td>65536</td>", "a &lt; b &amp; c", "65536 B");
    }

    @Test
    void percentilesAreThoseOfTheSamples() {
        Latencies latencies = new Latencies();
        for (int i = 5000; i >= 1; i--) {
            latencies.add(i * 1000L);
        }

        assertThat(latencies.micros(0.5)).isEqualTo(2500);
        assertThat(latencies.micros(0.99)).isEqualTo(4950);
        assertThat(new Latencies().micros(0.5)).isZero();
    }

    private static int elements(String svg, String name) throws Exception {
        Document document =
                DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
        return document.getElementsByTagName(name).getLength();
    }

    private static BenchSettings settings(boolean standing, int pipeline) {
        return new BenchSettings(
                MEMORY, Duration.ofMillis(20), Duration.ofMillis(100), pipeline, standing, ChecksumMode.AUTO);
    }
}

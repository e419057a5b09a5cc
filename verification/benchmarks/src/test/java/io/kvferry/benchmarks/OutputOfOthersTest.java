package io.kvferry.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OutputOfOthersTest {
    private static final String IPERF = """
            {"intervals": [
               {"sum": {"seconds": 1.0, "bytes": 4e9, "omitted": true}},
               {"sum": {"seconds": 2.0, "bytes": 11e9, "omitted": false}}],
             "end": {"sum_received": {"bits_per_second": 44e9},
               "cpu_utilization_percent": {"host_total": 100.0, "remote_total": 50.0},
               "sender_tcp_congestion": "cubic", "receiver_tcp_congestion": "cubic"}}
            """;

    @Test
    void iperfCountsProcessorTimeOverTheWarmUpToo() throws IOException {
        Sample write = Iperf.sample(IPERF, "write", "cubic");

        assertThat(write.figure(Sample.BANDWIDTH)).isEqualTo(5.5);
        assertThat(write.figure(Sample.SENDER_CPU)).isEqualTo(0.2);
        assertThat(write.figure(Sample.CPU)).isEqualTo(0.2 + 0.1);
    }

    @Test
    void theServerOfIperfSendsInARead() throws IOException {
        assertThat(Iperf.sample(IPERF, "read", "cubic").figure(Sample.SENDER_CPU))
                .isEqualTo(0.1);
    }

    @Test
    void iperfOnAnotherCongestionControlIsRefused() {
        assertThatThrownBy(() -> Iperf.sample(IPERF, "write", "bbr"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cubic")
                .hasMessageContaining("bbr");
    }

    @Test
    void congestionControlIsReadFromTheSocketAndNotFromItsFigures() {
        String lines = """
                0 0 127.0.0.1:45991 127.0.0.1:44528 users:(("java",pid=71,fd=5)) cubic wscale:10,10 bytes_sent:900 bytes_acked:9 bytes_received:37
                0 0 127.0.0.1:44528 127.0.0.1:45991 users:(("java",pid=72,fd=4)) ts sack bbr wscale:10,10 bytes_received:900 bbr:(bw:3bps,mrtt:0.008)
                0 0 127.0.0.1:1 127.0.0.1:2 cubic wscale:10,10
                """;

        assertThat(new Sockets(Path.of("."), Set.of("reno", "cubic", "bbr")).parse(lines))
                .containsExactly(new Sockets.Socket(71, "cubic", 900, 37), new Sockets.Socket(72, "bbr", 0, 900));
    }

    @Test
    void residentMemoryIsTheProcessThatGrewMost() {
        assertThat(Soak.residentKibibytes("Name:\tjava\nVmPeak:\t 900 kB\nVmRSS:\t  512 kB\n"))
                .isEqualTo(512);
        Sample sample = Soak.sample(Map.of(1L, 100L, 2L, 1000L), Map.of(1L, 110L, 2L, 1000L));
        assertThat(sample.figure(Soak.GROWTH)).isEqualTo(1.1);
    }

    @Test
    void jmhGivesTimeAndBytesOfEachBenchmark() {
        Sample sample = EngineCost.sample("""
                [{"benchmark": "io.kvferry.benchmarks.EngineOverhead.initiatorAlone",
                  "primaryMetric": {"score": 2500.0, "scoreUnit": "ns/op"},
                  "secondaryMetrics": {"gc.alloc.rate.norm": {"score": 900.0}}}]
                """);

        assertThat(sample.figure(EngineCost.TIME)).isEqualTo(2.5);
        assertThat(sample.figure(EngineCost.BYTES)).isEqualTo(900);
    }
}

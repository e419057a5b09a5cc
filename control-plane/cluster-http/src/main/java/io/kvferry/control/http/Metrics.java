package io.kvferry.control.http;

import io.kvferry.control.cluster.ControllerView;
import io.kvferry.control.cluster.HttpExtension;
import io.kvferry.control.cluster.NodeState;
import io.kvferry.control.cluster.NodeView;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToLongFunction;

/**
 * A controller's metrics as Prometheus reads them: everything is taken from one look at the controller, so that figures that
 * belong together agree. Where LMCache's controller has a metric of the same meaning, it is there under that name too.
 */
final class Metrics {
    private static final PrometheusTextFormatWriter WRITER = PrometheusTextFormatWriter.create();
    private static final Labels LMCACHE = Labels.of("role", "controller");

    private final List<MetricSnapshot> snapshots = new ArrayList<>();

    private Metrics() {}

    static HttpAnswer.Whole answer(
            ControllerView view, Traffic traffic, HttpCounters http, int metadataKeys, List<HttpExtension> extensions) {
        Metrics metrics = new Metrics();
        metrics.cluster(view, traffic);
        metrics.controller(view);
        metrics.http(http, metadataKeys);
        metrics.lmcache(view);
        for (HttpExtension extension : extensions) {
            extension.metrics().forEach(metrics::add);
        }
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try {
            WRITER.write(text, new MetricSnapshots(metrics.snapshots));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return HttpAnswer.bytes(WRITER.getContentType(), text.toByteArray());
    }

    private void cluster(ControllerView view, Traffic traffic) {
        Traffic.Totals totals = traffic.totals();
        gauges(
                "kvferry_cluster_nodes",
                "Nodes that are not gone, by what the controller thinks of them.",
                "state",
                Map.of(
                        "live", (double) count(view, NodeState.LIVE),
                        "suspect", (double) count(view, NodeState.SUSPECT)));
        gauge(
                "kvferry_cluster_pool_bytes",
                "Size of all block pools.",
                sum(view, node -> node.stats().poolBytes()));
        gauge(
                "kvferry_cluster_used_bytes",
                "Bytes of them in use.",
                sum(view, node -> node.stats().usedBytes()));
        gauge(
                "kvferry_cluster_transfers_in_flight",
                "Transfers that have not ended.",
                sum(view, node -> node.stats().transfersInFlight()));
        gauge(
                "kvferry_cluster_quarantined_bytes",
                "Memory of ended transfers that is not yet proved quiet.",
                sum(view, node -> node.stats().quarantinedBytes()));
        counter(
                "kvferry_cluster_moved_bytes",
                "Bytes that nodes sent and received; each counts at both ends.",
                totals.movedBytes());
        counter("kvferry_cluster_requested_tokens", "Tokens that nodes were asked for.", totals.requestedTokens());
        counter("kvferry_cluster_hit_tokens", "Tokens of those that they found.", totals.hitTokens());
    }

    private void controller(ControllerView view) {
        gauge("kvferry_controller_index_chunks", "Different chunks in the index.", view.indexedChunks());
        gauge("kvferry_controller_index_pairs", "Pairs of chunk and holder in the index.", view.indexedPairs());
        gauge("kvferry_controller_index_bytes", "Memory of the index.", view.indexBytes());
        gauge(
                "kvferry_controller_index_complete",
                "1 once every node has told what it holds.",
                view.indexComplete() ? 1 : 0);
        gauge("kvferry_controller_store_available", "1 while the store answers.", view.storeAvailable() ? 1 : 0);
        gauge(
                "kvferry_controller_peers",
                "Controllers that share the store, this one too.",
                view.controllers().size());
        gauge(
                "kvferry_controller_lease_seconds",
                "How long a node may be silent.",
                view.lease().toMillis() / 1e3);
        gauge("kvferry_controller_open_orders", "Orders that are not finished.", view.openOrders());
        gauge("kvferry_controller_pins", "Pins that have not run out.", view.pins());
        new TreeMap<>(view.counters())
                .forEach((name, value) -> counter(
                        "kvferry_controller_" + name.replace('-', '_'),
                        "What the controller counts as " + name + " since it started.",
                        value));
    }

    private void http(HttpCounters http, int metadataKeys) {
        CounterSnapshot.Builder answers = CounterSnapshot.builder()
                .name("kvferry_controller_http_answers")
                .help("Answers of the HTTP port, by class of status.");
        http.answers()
                .forEach((kind, value) -> answers.dataPoint(CounterSnapshot.CounterDataPointSnapshot.builder()
                        .labels(Labels.of("status", kind))
                        .value((double) value)
                        .build()));
        snapshots.add(answers.build());
        gauge(
                "kvferry_controller_http_connections",
                "Open connections of the HTTP port.",
                http.connections().get());
        gauge(
                "kvferry_controller_http_streams",
                "Connections of them that listen to events.",
                http.streams().get());
        gauge("kvferry_controller_metadata_keys", "Keys of Mooncake processes at /metadata.", metadataKeys);
    }

    private void lmcache(ControllerView view) {
        long synced = view.nodes().stream().filter(NodeView::synced).count();
        int nodes = view.nodes().size();
        lmcache("kv_pool_keys_count", "Pairs of chunk and holder in the index.", view.indexedPairs());
        lmcache("registered_workers_count", "Nodes that are not gone.", nodes);
        lmcache(
                "kv_op_seq_discontinuity_count",
                "Batches that did not come in sequence; each was healed by a sync.",
                view.counters().getOrDefault("sequence-gaps", 0L));
        lmcache("full_sync_workers_syncing", "Nodes that have not told yet what they hold.", nodes - synced);
        lmcache("full_sync_workers_completed", "Nodes that have told what they hold.", synced);
        lmcache(
                "full_sync_global_progress",
                "Share of nodes that have told it.",
                nodes == 0 ? 1.0 : (double) synced / nodes);
    }

    private void add(HttpExtension.Metric metric) {
        Labels labels = Labels.EMPTY;
        for (Map.Entry<String, String> label : new TreeMap<>(metric.labels()).entrySet()) {
            labels = labels.add(label.getKey(), label.getValue());
        }
        if (metric.counter()) {
            snapshots.add(CounterSnapshot.builder()
                    .name(metric.name())
                    .help(metric.help())
                    .dataPoint(CounterSnapshot.CounterDataPointSnapshot.builder()
                            .labels(labels)
                            .value(metric.value())
                            .build())
                    .build());
        } else {
            gauge(metric.name(), metric.help(), labels, metric.value());
        }
    }

    private void lmcache(String name, String help, long value) {
        lmcache(name, help, (double) value);
    }

    private void lmcache(String name, String help, double value) {
        gauge("lmcache:cache_controller_" + name, help, LMCACHE, value);
    }

    private void gauge(String name, String help, long value) {
        gauge(name, help, Labels.EMPTY, (double) value);
    }

    private void gauge(String name, String help, double value) {
        gauge(name, help, Labels.EMPTY, value);
    }

    private void gauge(String name, String help, Labels labels, double value) {
        snapshots.add(GaugeSnapshot.builder()
                .name(name)
                .help(help)
                .dataPoint(GaugeSnapshot.GaugeDataPointSnapshot.builder()
                        .labels(labels)
                        .value(value)
                        .build())
                .build());
    }

    private void gauges(String name, String help, String label, Map<String, Double> values) {
        GaugeSnapshot.Builder gauge = GaugeSnapshot.builder().name(name).help(help);
        values.forEach((key, value) -> gauge.dataPoint(GaugeSnapshot.GaugeDataPointSnapshot.builder()
                .labels(Labels.of(label, key))
                .value(value)
                .build()));
        snapshots.add(gauge.build());
    }

    private void counter(String name, String help, long value) {
        snapshots.add(CounterSnapshot.builder()
                .name(name)
                .help(help)
                .dataPoint(CounterSnapshot.CounterDataPointSnapshot.builder()
                        .value((double) value)
                        .build())
                .build());
    }

    private static long count(ControllerView view, NodeState state) {
        return view.nodes().stream().filter(node -> node.state() == state).count();
    }

    private static long sum(ControllerView view, ToLongFunction<NodeView> part) {
        return view.nodes().stream().mapToLong(part).sum();
    }
}

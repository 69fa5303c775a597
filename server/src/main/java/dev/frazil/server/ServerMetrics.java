package dev.frazil.server;

import io.prometheus.metrics.instrumentation.jvm.JvmBufferPoolMetrics;
import io.prometheus.metrics.instrumentation.jvm.JvmGarbageCollectorMetrics;
import io.prometheus.metrics.instrumentation.jvm.JvmMemoryMetrics;
import io.prometheus.metrics.instrumentation.jvm.JvmThreadsMetrics;
import io.prometheus.metrics.instrumentation.jvm.ProcessMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.Map;

/** What Prometheus is told: the server's totals under their names, and the basics of the JVM. */
final class ServerMetrics {
  private final PrometheusRegistry jvm = new PrometheusRegistry();

  ServerMetrics() {
    JvmMemoryMetrics.builder().register(jvm);
    JvmBufferPoolMetrics.builder().register(jvm);
    JvmGarbageCollectorMetrics.builder().register(jvm);
    JvmThreadsMetrics.builder().register(jvm);
    ProcessMetrics.builder().register(jvm);
  }

  /**
   * Everything as it is now.
   *
   * @param lag how long the event loops took to answer, in seconds
   */
  MetricSnapshots of(
      Totals totals,
      AllocationCounts counts,
      ServerConfiguration limits,
      boolean draining,
      double lag) {
    MetricSnapshots.Builder all = MetricSnapshots.builder();
    gauge(
        all,
        "allocations",
        "Allocations there are now, by what their clients use.",
        "transport",
        counts.live());
    counter(all, "allocations_created", "Allocations made.", "transport", counts.created());
    counter(all, "allocations_ended", "Allocations that ended, by why.", "reason", counts.ended());
    gauge(all, "allocations_limit", "The most allocations there may be.", limits.allocations());
    gauge(
        all,
        "reservations",
        "Relayed ports that are reserved for an allocation to come.",
        totals.reservations());
    counter(
        all,
        "relayed_packets",
        "Payloads relayed.",
        "direction",
        Map.of(
            "to-peer",
            totals.traffic().packetsToPeers(),
            "to-client",
            totals.traffic().packetsToClient()));
    counter(
        all,
        "relayed_bytes",
        "Bytes of payloads relayed, without headers.",
        "direction",
        Map.of(
            "to-peer",
            totals.traffic().bytesToPeers(),
            "to-client",
            totals.traffic().bytesToClient()));
    counter(all, "turn_responses", "Requests of TURN that succeeded.", totals.answered());
    counter(
        all,
        "turn_refusals",
        "Requests of TURN that were refused, by error code.",
        "code",
        totals.refused());
    counter(all, "binding_responses", "Binding requests that were answered.", totals.bindings());
    counter(
        all, "binding_refusals", "Binding requests that were refused.", totals.bindingsRefused());
    counter(
        all,
        "dropped",
        "What came in and had neither effect nor answer, by why.",
        "reason",
        totals.dropped());
    counter(all, "unsent", "What could not be sent because the way out was full.", totals.unsent());
    counter(
        all, "too_long", "Datagrams that came in longer than the server takes.", totals.tooLong());
    gauge(all, "draining", "1 while the server makes no more allocations.", draining ? 1 : 0);
    gauge(
        all,
        "event_loop_lag_seconds",
        "How long the event loops took to answer this very question.",
        lag);
    jvm.scrape().forEach(all::metricSnapshot);
    return all.build();
  }

  private static void gauge(MetricSnapshots.Builder all, String name, String help, double value) {
    all.metricSnapshot(GaugeSnapshot.builder()
        .name("frazil_" + name)
        .help(help)
        .dataPoint(GaugeDataPointSnapshot.builder().value(value).build())
        .build());
  }

  private static void gauge(
      MetricSnapshots.Builder all, String name, String help, String label, Map<?, Long> values) {
    GaugeSnapshot.Builder gauge = GaugeSnapshot.builder().name("frazil_" + name).help(help);
    values.forEach((key, value) -> gauge.dataPoint(GaugeDataPointSnapshot.builder()
        .labels(Labels.of(label, key.toString()))
        .value((double) value)
        .build()));
    all.metricSnapshot(gauge.build());
  }

  private static void counter(MetricSnapshots.Builder all, String name, String help, long value) {
    all.metricSnapshot(CounterSnapshot.builder()
        .name("frazil_" + name)
        .help(help)
        .dataPoint(CounterDataPointSnapshot.builder().value((double) value).build())
        .build());
  }

  private static void counter(
      MetricSnapshots.Builder all, String name, String help, String label, Map<?, Long> values) {
    CounterSnapshot.Builder counter =
        CounterSnapshot.builder().name("frazil_" + name).help(help);
    values.forEach((key, value) -> counter.dataPoint(CounterDataPointSnapshot.builder()
        .labels(Labels.of(label, key.toString()))
        .value((double) value)
        .build()));
    all.metricSnapshot(counter.build());
  }
}

package dev.frazil.cli;

import dev.frazil.ice.IceStatistics;
import dev.frazil.ice.IceStatistics.PairStatistics;
import java.util.List;
import java.util.function.ToLongFunction;
import tools.jackson.databind.node.ObjectNode;

/** A session's statistics in a few figures, for one line. */
final class Summary {
  private Summary() {}

  static ObjectNode of(IceStatistics statistics) {
    List<PairStatistics> pairs = statistics.pairs();
    ObjectNode summary = Json.object()
        .put("role", Json.name(statistics.role()))
        .put("pairs", pairs.size())
        .put("checks_sent", sum(pairs, PairStatistics::requestsSent))
        .put("checks_retransmitted", sum(pairs, PairStatistics::retransmissionsSent))
        .put("checks_answered", sum(pairs, PairStatistics::responsesReceived))
        .put("checks_received", sum(pairs, PairStatistics::requestsReceived));
    summary.set("dropped", Json.tree(statistics.dropped()));
    pairs.stream()
        .filter(PairStatistics::nominated)
        .findFirst()
        .ifPresent(pair -> summary
            .put("rtt_ms", millis(pair.currentRoundTripTime()))
            .put(
                "mean_rtt_ms",
                millis(pair.totalRoundTripTime() / Math.max(1, pair.responsesReceived()))));
    return summary;
  }

  private static long sum(List<PairStatistics> pairs, ToLongFunction<PairStatistics> figure) {
    return pairs.stream().mapToLong(figure).sum();
  }

  private static double millis(double seconds) {
    return Math.round(seconds * 1e6) / 1e3;
  }
}

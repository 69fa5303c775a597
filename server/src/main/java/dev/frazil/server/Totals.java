package dev.frazil.server;

import dev.frazil.netty.TurnService;
import dev.frazil.turn.TurnServer;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a server has and did since its start.
 *
 * @param refused error responses by code, those to Binding requests left out
 * @param dropped what had no answer, by reason
 * @param unsent what was to be sent while the way out was full
 * @param tooLong datagrams that came in longer than the server takes
 */
record Totals(
    int allocations,
    int reservations,
    long answered,
    Map<Integer, Long> refused,
    Map<String, Long> dropped,
    TurnServer.Traffic traffic,
    long bindings,
    long bindingsRefused,
    long unsent,
    long tooLong) {

  static Totals of(TurnService.Statistics all) {
    TurnServer.Statistics server = all.server();
    Map<String, Long> dropped = named(server.dropped());
    named(server.binding().dropped())
        .forEach((reason, count) -> dropped.merge(reason, count, Long::sum));
    return new Totals(
        server.allocations(),
        server.reservations(),
        server.answered(),
        new TreeMap<>(server.refused()),
        dropped,
        server.traffic(),
        server.binding().answered(),
        server.binding().refused(),
        all.unsent(),
        all.tooLong());
  }

  /** {@code NO_PERMISSION} is {@code no-permission}. */
  private static Map<String, Long> named(Map<? extends Enum<?>, Long> counts) {
    Map<String, Long> named = new TreeMap<>();
    counts.forEach((reason, count) -> named.put(Names.of(reason), count));
    return named;
  }

  private static long sum(Map<?, Long> counts) {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }

  /** In {@code key=value}, for the log. */
  @Override
  public String toString() {
    return "allocations=" + allocations
        + " answered=" + answered
        + " refused=" + sum(refused)
        + " dropped=" + sum(dropped)
        + " bindings=" + bindings
        + " packets-to-peers=" + traffic.packetsToPeers()
        + " bytes-to-peers=" + traffic.bytesToPeers()
        + " packets-to-client=" + traffic.packetsToClient()
        + " bytes-to-client=" + traffic.bytesToClient()
        + " unsent=" + unsent;
  }
}

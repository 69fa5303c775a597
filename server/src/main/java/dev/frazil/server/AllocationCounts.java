package dev.frazil.server;

import dev.frazil.net.FiveTuple;
import dev.frazil.turn.TurnServerEvent;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Function;

/** Counts allocations by what clients reach the server through, and by why they ended. Hears of events on any thread. */
final class AllocationCounts implements Consumer<TurnServerEvent> {
  private final Function<FiveTuple, String> transports;
  private final Map<Long, String> live = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> created = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> ended = new ConcurrentHashMap<>();

  /** Counts by the name that a client's path has. */
  AllocationCounts(Function<FiveTuple, String> transports) {
    this.transports = transports;
  }

  @Override
  public void accept(TurnServerEvent event) {
    if (event instanceof TurnServerEvent.AllocationCreated allocation) {
      String transport = transports.apply(allocation.client());
      live.put(allocation.allocation(), transport);
      increment(created, transport);
    } else if (event instanceof TurnServerEvent.AllocationMoved moved) {
      live.replace(moved.allocation(), transports.apply(moved.client()));
    } else if (event instanceof TurnServerEvent.AllocationEnded allocation) {
      live.remove(allocation.allocation());
      increment(ended, Names.of(allocation.reason()));
    }
  }

  private static void increment(Map<String, LongAdder> counts, String name) {
    counts.computeIfAbsent(name, any -> new LongAdder()).increment();
  }

  /** How many there are now, by transport. */
  Map<String, Long> live() {
    Map<String, Long> counts = new TreeMap<>();
    created.keySet().forEach(transport -> counts.put(transport, 0L));
    live.values().forEach(transport -> counts.merge(transport, 1L, Long::sum));
    return counts;
  }

  /** How many were made, by transport. */
  Map<String, Long> created() {
    return sums(created);
  }

  /** How many ended, by reason. */
  Map<String, Long> ended() {
    return sums(ended);
  }

  private static Map<String, Long> sums(Map<String, LongAdder> counts) {
    Map<String, Long> sums = new TreeMap<>();
    counts.forEach((name, count) -> sums.put(name, count.sum()));
    return sums;
  }
}

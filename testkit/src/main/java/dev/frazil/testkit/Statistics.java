package dev.frazil.testkit;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * The packets that a virtual Internet has seen so far. What was sent or duplicated has been delivered, has been dropped
 * or is still on its way.
 *
 * @param sent packets that sockets sent; a port unreachable message counts as well
 * @param duplicated second copies made by links
 * @param delivered packets handed to sockets
 * @param dropped packets dropped, by reason; reasons that did not occur are left out
 */
public record Statistics(
    long sent, long duplicated, long delivered, Map<DropReason, Long> dropped) {
  /** Copies the map. */
  public Statistics {
    EnumMap<DropReason, Long> copy = new EnumMap<>(DropReason.class);
    copy.putAll(dropped);
    dropped = Collections.unmodifiableMap(copy);
  }

  /** How many packets were dropped for this reason. */
  public long dropped(DropReason reason) {
    return dropped.getOrDefault(reason, 0L);
  }

  /** How many packets were dropped for whatever reason. */
  public long totalDropped() {
    return dropped.values().stream().mapToLong(Long::longValue).sum();
  }
}

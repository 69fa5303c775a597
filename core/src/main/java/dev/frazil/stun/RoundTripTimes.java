package dev.frazil.stun;

import dev.frazil.net.IpAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The retransmission timeout of each server, estimated from the round trips to it as in RFC 6298, but with an accuracy
 * of a millisecond (RFC 8489 6.2.1). Clients of one owner share it. At most 256 servers are remembered.
 */
public final class RoundTripTimes {
  /** RFC 8489 6.2.1: the cached value is worthless 10 minutes after the last transaction. */
  private static final long STALE = Duration.ofMinutes(10).toNanos();

  private static final long GRANULARITY = Duration.ofMillis(1).toNanos();
  private static final long LONGEST = Duration.ofMinutes(1).toNanos();
  private static final int CAPACITY = 256;

  private final long shortest;
  private final Map<IpAddress, Estimate> estimates = new LinkedHashMap<>(16, 0.75f, true) {
    @Override
    protected boolean removeEldestEntry(Map.Entry<IpAddress, Estimate> eldest) {
      return size() > CAPACITY;
    }
  };

  private static final class Estimate {
    long smoothed;
    long variation;
    long lastUse;
  }

  /**
   * No round trip is known yet.
   *
   * @param shortest the timeout where nothing was measured, and the least that is ever estimated
   */
  public RoundTripTimes(Duration shortest) {
    this.shortest = shortest.toNanos();
  }

  /** The timeout for a transaction that starts now, in nanoseconds. */
  public long rto(IpAddress server, long now) {
    Estimate estimate = current(server, now);
    if (estimate == null) {
      return shortest;
    }
    long rto = estimate.smoothed + Math.max(GRANULARITY, 4 * estimate.variation);
    long rounded = (rto + GRANULARITY - 1) / GRANULARITY * GRANULARITY;
    return Math.max(shortest, Math.min(LONGEST, rounded));
  }

  /**
   * Takes in a round trip. By Karn's rule only one of a request that was sent once counts, or one whose response tells
   * which send it answers (RFC 7982).
   */
  public void measured(IpAddress server, long roundTrip, long now) {
    Estimate estimate = current(server, now);
    if (estimate == null) {
      estimate = new Estimate();
      estimate.smoothed = roundTrip;
      estimate.variation = roundTrip / 2;
      estimate.lastUse = now;
      estimates.put(server, estimate);
    } else {
      estimate.variation += (Math.abs(estimate.smoothed - roundTrip) - estimate.variation) / 4;
      estimate.smoothed += (roundTrip - estimate.smoothed) / 8;
    }
  }

  private @Nullable Estimate current(IpAddress server, long now) {
    Estimate estimate = estimates.get(server);
    if (estimate != null && now - estimate.lastUse >= STALE) {
      estimates.remove(server);
      return null;
    }
    if (estimate != null) {
      estimate.lastUse = now;
    }
    return estimate;
  }
}

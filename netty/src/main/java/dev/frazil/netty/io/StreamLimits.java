package dev.frazil.netty.io;

import java.time.Duration;

/**
 * What the streams of clients may cost.
 *
 * @param most streams at the same time
 * @param mostUnused of them without an allocation; a further one ends the oldest
 * @param mostUnusedPerSource of them from an IPv4 address or an IPv6 /64; a further one is refused
 * @param patience how long a stream may be without an allocation
 */
public record StreamLimits(int most, int mostUnused, int mostUnusedPerSource, Duration patience) {
  public static final StreamLimits DEFAULT =
      new StreamLimits(20_000, 4096, 256, Duration.ofSeconds(30));
}

package dev.frazil.stun;

import java.time.Duration;

/**
 * When requests over datagrams are sent again and given up (RFC 8489 6.2.1).
 */
public record Retransmission(
    Duration initialRto, int requestCount, int lastWait, Duration streamTimeout) {
  public static final Retransmission DEFAULT =
      new Retransmission(Duration.ofMillis(500), 7, 16, Duration.ofMillis(39_500));
}

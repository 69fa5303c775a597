package dev.frazil.stun;

import java.time.Duration;

/**
 * When a request is sent again and when it has failed (RFC 8489 6.2.1, 6.2.2).
 *
 * @param initialRto the first retransmission timeout over datagrams where no round trip was measured; doubled after
 *     each send
 * @param requestCount Rc: how often the request is sent at most
 * @param lastWait Rm: for how many initial timeouts an answer is awaited after the last send
 * @param streamTimeout Ti: how long an answer is awaited over a stream, where nothing is sent again
 */
public record Retransmission(
    Duration initialRto, int requestCount, int lastWait, Duration streamTimeout) {
  /** 500 ms, 7, 16 and 39.5 s. */
  public static final Retransmission DEFAULT =
      new Retransmission(Duration.ofMillis(500), 7, 16, Duration.ofMillis(39_500));

  public Retransmission {
    if (initialRto.isNegative()
        || initialRto.isZero()
        || initialRto.compareTo(Duration.ofMinutes(1)) > 0) {
      throw new IllegalArgumentException(
          "initialRto is over 0 and at most a minute, not " + initialRto);
    }
    if (requestCount < 1 || requestCount > 16) {
      throw new IllegalArgumentException("requestCount is 1 to 16, not " + requestCount);
    }
    if (lastWait < 1 || lastWait > 1000) {
      throw new IllegalArgumentException("lastWait is 1 to 1000, not " + lastWait);
    }
    if (streamTimeout.isNegative()
        || streamTimeout.isZero()
        || streamTimeout.compareTo(Duration.ofDays(1)) > 0) {
      throw new IllegalArgumentException(
          "streamTimeout is over 0 and at most a day, not " + streamTimeout);
    }
  }

  /** {@link #initialRto} in nanoseconds. */
  public long initialRtoNanos() {
    return initialRto.toNanos();
  }

  /**
   * How long after the n-th send the next one is due, or after the last one the failure, in nanoseconds.
   *
   * @param sends n, 1 to {@link #requestCount}
   * @param rtoNanos the transaction's initial timeout
   */
  public long waitAfter(int sends, long rtoNanos) {
    return sends >= requestCount ? lastWait * rtoNanos : rtoNanos << sends - 1;
  }

  /** How long after the first send the transaction has failed, in nanoseconds. */
  public long transactionTimeout(long rtoNanos) {
    return (1L << requestCount - 1) * rtoNanos - rtoNanos + lastWait * rtoNanos;
  }
}

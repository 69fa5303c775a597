package dev.frazil.ice;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The pace at which all agents of a process together start transactions (RFC 8445 14.2): one in 5 ms.
 *
 * <p>One object is shared by every agent of the process, on whatever thread each runs, provided that they read the same
 * clock. {@link #unlimited()} is the named way out for a server of many agents; it departs from RFC 8445 14.2.
 */
public final class Pacer {
  /** RFC 8445 14.2: ICE transactions start no more often than this over all agents. */
  public static final Duration PROCESS_INTERVAL = Duration.ofMillis(5);

  private final long interval;
  private final AtomicLong next = new AtomicLong();

  private Pacer(long interval) {
    this.interval = interval;
  }

  /** A pacer of one transaction in 5 ms. */
  public static Pacer standard() {
    return new Pacer(PROCESS_INTERVAL.toNanos());
  }

  /** A pacer that holds nothing back. */
  public static Pacer unlimited() {
    return new Pacer(0);
  }

  /** Takes the first free slot that is not before {@code earliest}, in nanoseconds. */
  long reserve(long earliest) {
    if (interval == 0) {
      return earliest;
    }
    long before = next.getAndUpdate(free -> Math.max(free, earliest) + interval);
    return Math.max(before, earliest);
  }
}

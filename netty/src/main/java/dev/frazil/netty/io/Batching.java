package dev.frazil.netty.io;

/**
 * Decides when an event loop naps so that datagrams collect: many sockets to which little comes cost a wake-up for each
 * datagram, else. It naps while that collects some, and not when next to nothing comes, when more comes than is done, or
 * when less comes because of the naps, as of clients that wait for an answer before they send more.
 *
 * <p>A <em>round</em> is all that the event loop does between two looks at its sockets.
 */
final class Batching {
  /** The answer that asks for another round without waiting for datagrams. */
  static final long LOOK_AGAIN = -1;

  private static final long WINDOW = 4_000_000;
  private static final long SHORTEST_REST = 50_000_000;
  private static final long LONGEST_REST = 1_600_000_000;
  /** A nap that collects fewer is not worth it. */
  private static final int WORTH = 4;

  private static final int CONVINCING = 3;
  /** So many naps show what comes of them. */
  private static final int TRIAL = 24;

  private static final double LEAST_SHARE = 0.75;

  private enum State {
    /** Counts how much comes. */
    AWAKE,
    /** The first round after a nap handles what it collected. */
    WOKEN,
    /** The round after that handles what came in the meantime. */
    LOOKING
  }

  private final long nap;
  private State state = State.AWAKE;
  private long windowStart;
  private long window;
  /** Datagrams per nanosecond, before the naps. */
  private double rate;

  private int naps;
  private long rest = SHORTEST_REST;
  private long restUntil;
  private int collected;
  private int lean;
  private int crowded;

  /** @param nap in nanoseconds, more than 0 */
  Batching(long nap) {
    this.nap = nap;
  }

  /**
   * A round is over.
   *
   * @param datagrams that were received in it
   * @return how many nanoseconds to nap now; 0 for none, or {@link #LOOK_AGAIN}
   */
  long afterRound(int datagrams, long now) {
    window += datagrams;
    return switch (state) {
      case AWAKE -> count(now);
      case WOKEN -> judgeNap(datagrams, now);
      case LOOKING -> judgeLoad(datagrams, now);
    };
  }

  private long count(long now) {
    long elapsed = now - windowStart;
    if (elapsed < WINDOW) {
      return 0;
    }
    rate = (double) window / elapsed;
    startWindow(now);
    if (rate * nap < WORTH || now < restUntil) {
      return 0;
    }
    lean = 0;
    crowded = 0;
    return nap();
  }

  private void startWindow(long now) {
    windowStart = now;
    window = 0;
    naps = 0;
  }

  private long nap() {
    naps++;
    state = State.WOKEN;
    return nap;
  }

  private long judgeNap(int datagrams, long now) {
    lean = datagrams < WORTH / 2 ? lean + 1 : 0;
    if (lean == CONVINCING) {
      return stayAwake(now);
    }
    collected = datagrams;
    state = State.LOOKING;
    return LOOK_AGAIN;
  }

  /** When nearly as much comes while a batch is worked on, the event loop has no time to nap. */
  private long judgeLoad(int datagrams, long now) {
    if (datagrams >= WORTH && 4 * datagrams >= 3 * collected) {
      collected = datagrams;
      return ++crowded < CONVINCING ? LOOK_AGAIN : takeRest(now);
    }
    crowded = 0;
    if (naps < TRIAL) {
      return nap();
    } else if (window < LEAST_SHARE * rate * (now - windowStart)) {
      return takeRest(now);
    }
    rest = SHORTEST_REST;
    startWindow(now);
    return nap();
  }

  private long takeRest(long now) {
    restUntil = now + rest;
    rest = Math.min(2 * rest, LONGEST_REST);
    return stayAwake(now);
  }

  private long stayAwake(long now) {
    state = State.AWAKE;
    startWindow(now);
    return 0;
  }
}

package dev.frazil.lab.interop;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Everything that was said in a crossing, in the order in which the harness saw it. Its peers keep their state under its
 * lock, so that one wait can look at all of them.
 */
final class Transcript {
  private final long begin = System.nanoTime();
  private final List<String> lines = new ArrayList<>();
  private final boolean live;

  /** With {@code live}, every line is also printed as it comes. */
  Transcript(boolean live) {
    this.live = live;
  }

  /** Notes a line of a peer; the direction is {@code ->} towards it, {@code <-} from it, {@code !!} its standard error. */
  synchronized void add(String peer, String direction, String text) {
    String line =
        "%9.1f %-5s %s %s".formatted((System.nanoTime() - begin) / 1e6, peer, direction, text);
    lines.add(line);
    if (live) {
      System.out.println(line);
    }
  }

  /** Makes a change that somebody may be waiting for. */
  synchronized void update(Runnable change) {
    change.run();
    notifyAll();
  }

  /** Waits until something is so; false when the time is over before. */
  synchronized boolean await(Duration limit, BooleanSupplier condition) {
    long deadline = System.nanoTime() + limit.toNanos();
    while (!condition.getAsBoolean()) {
      long left = deadline - System.nanoTime();
      if (left <= 0) {
        return false;
      }
      try {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    return true;
  }

  @Override
  public synchronized String toString() {
    return String.join("\n", lines);
  }
}

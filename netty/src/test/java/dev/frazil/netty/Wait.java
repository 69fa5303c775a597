package dev.frazil.netty;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Waits for what happens outside of the test's reach, such as in the kernel. */
final class Wait {
  /** What may not be so yet. */
  @FunctionalInterface
  interface Condition {
    boolean holds() throws Exception;
  }

  private Wait() {}

  static void until(Condition condition) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Loopback.LIMIT_SECONDS);
    while (!condition.holds()) {
      if (System.nanoTime() - end > 0) {
        throw new AssertionError("it did not become so in time");
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
    }
  }
}

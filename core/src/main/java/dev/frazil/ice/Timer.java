package dev.frazil.ice;

import dev.frazil.net.DeadlineQueue;
import java.util.function.LongConsumer;

/** Something that an agent does at a time. */
final class Timer extends DeadlineQueue.Entry {
  private final LongConsumer action;

  /** @param action is given the time at which it runs */
  Timer(LongConsumer action) {
    this.action = action;
  }

  void fire(long now) {
    action.accept(now);
  }
}

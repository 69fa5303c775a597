package dev.frazil.ice;

import dev.frazil.net.ProtocolMachine;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.function.BooleanSupplier;

/** The clock that agents and what surrounds them share; it moves from one thing that is due to the next. */
final class VirtualTime {
  private record Task(long time, long sequence, Runnable action) {}

  /** More steps than this without time moving on are a loop. */
  private static final int MAX_STEPS_AT_ONCE = 10_000;

  private final PriorityQueue<Task> tasks =
      new PriorityQueue<>(Comparator.comparingLong(Task::time).thenComparingLong(Task::sequence));
  private final List<AgentHarness> agents = new ArrayList<>();
  private long now = Duration.ofSeconds(1).toNanos();
  private long sequence;

  /** Nanoseconds; starts at a second. */
  long now() {
    return now;
  }

  void add(AgentHarness agent) {
    agents.add(agent);
  }

  /** Does something later; what is due at one time is done in the order in which it was asked for. */
  void after(Duration delay, Runnable action) {
    tasks.add(new Task(now + delay.toNanos(), sequence++, action));
  }

  /** Lets so much time pass. */
  void runFor(Duration duration) {
    runUntil(() -> false, duration);
  }

  /** Lets time pass until the condition holds, at most so long; answers whether it holds. */
  boolean runUntil(BooleanSupplier condition, Duration limit) {
    long end = now + limit.toNanos();
    int stepsAtOnce = 0;
    while (!condition.getAsBoolean()) {
      long next = next();
      if (next > end) {
        now = end;
        return condition.getAsBoolean();
      }
      stepsAtOnce = next > now ? 0 : stepsAtOnce + 1;
      if (stepsAtOnce > MAX_STEPS_AT_ONCE) {
        throw new AssertionError("something is due again and again at " + now);
      }
      now = Math.max(now, next);
      step();
    }
    return true;
  }

  private long next() {
    long next = tasks.isEmpty() ? ProtocolMachine.NEVER : tasks.peek().time();
    for (AgentHarness agent : agents) {
      next = Math.min(next, agent.agent().nextTimeout());
    }
    return next;
  }

  private void step() {
    if (!tasks.isEmpty() && tasks.peek().time() <= now) {
      tasks.remove().action().run();
      return;
    }
    for (AgentHarness agent : agents) {
      if (agent.agent().nextTimeout() <= now) {
        agent.call(agent.agent()::handleTimeout);
      }
    }
  }
}

package dev.frazil.cli;

import dev.frazil.ice.SendResult;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Sends bursts of payloads and reports what came back. Runs on its owner's thread. */
final class Payloads {
  /** How long after the last payload answers are awaited (agent protocol, section 5). */
  private static final long LAST_WAIT_MILLIS = 2000;
  /** Answers that wait for a path; what a peer sends before we have one is little. */
  private static final int MAX_WAITING = 1024;

  /** Where payloads go. */
  @FunctionalInterface
  interface Sender {
    SendResult send(ByteBuffer payload);
  }

  private final ScheduledExecutorService owner;
  private final PeerLines lines;
  private final Sender sender;
  private final int size;
  private final long intervalNanos;
  private final boolean progress;
  private final List<Running> bursts = new ArrayList<>();
  private final Deque<ByteBuffer> waiting = new ArrayDeque<>();
  private int nextNumber;

  private static final class Running {
    final Burst burst;

    @Nullable ScheduledFuture<?> timer;

    Running(Burst burst) {
      this.burst = burst;
    }
  }

  Payloads(
      ScheduledExecutorService owner,
      PeerLines lines,
      Sender sender,
      int size,
      double intervalMillis,
      boolean progress) {
    this.progress = progress;
    this.owner = owner;
    this.lines = lines;
    this.sender = sender;
    this.size = size;
    this.intervalNanos = Math.round(intervalMillis * 1e6);
  }

  /** Starts a burst; its echo line follows. */
  void send(int count) {
    if (count > Instruction.MAX_COUNT - nextNumber) {
      throw new IllegalArgumentException("count " + count + ": must be at most "
          + (Instruction.MAX_COUNT - nextNumber) + ", numbers have 8 digits");
    }
    Running running = new Running(new Burst(nextNumber, count));
    nextNumber += count;
    bursts.add(running);
    if (count == 0 || intervalNanos == 0) {
      while (!running.burst.isSent()) {
        sendNext(running);
      }
      awaitRest(running);
    } else {
      running.timer =
          owner.scheduleAtFixedRate(() -> tick(running), 0, intervalNanos, TimeUnit.NANOSECONDS);
    }
  }

  private void tick(Running running) {
    sendNext(running);
    if (running.burst.isSent()) {
      awaitRest(running);
    }
  }

  private void sendNext(Running running) {
    sender.send(running.burst.next(size)); // one that was not sent is one that does not come back
  }

  private void awaitRest(Running running) {
    if (running.timer != null) {
      running.timer.cancel(false);
    }
    if (running.burst.isComplete()) {
      report(running);
    } else {
      running.timer =
          owner.schedule(() -> report(running), LAST_WAIT_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  private void report(Running running) {
    if (bursts.remove(running)) {
      Burst burst = running.burst;
      lines.echo(burst.count(), burst.returned(), burst.firstMillis());
    }
  }

  /** A payload that we sent came back. */
  void handleReturn(int number) {
    for (Running running : List.copyOf(bursts)) {
      running.burst.handleReturn(number, lines.millis());
      tellProgress(running.burst);
      if (running.burst.isComplete()) {
        if (running.timer != null) {
          running.timer.cancel(false);
        }
        report(running);
      }
    }
  }

  /** Tells a harness that shows progress, ten times a burst. */
  private void tellProgress(Burst burst) {
    if (progress && burst.returned() % Math.max(1, burst.count() / 10) == 0) {
      lines.info(Json.object().put("returned", burst.returned()).put("count", burst.count()));
    }
  }

  /** Keeps an answer until there is a path: the other side may have one before us. */
  void keep(ByteBuffer answer) {
    if (sender.send(answer) == SendResult.NO_PATH && waiting.size() < MAX_WAITING) {
      waiting.add(answer);
    }
  }

  /** There is a path: sends what waited for it. */
  void handlePath() {
    while (!waiting.isEmpty() && sender.send(waiting.peek()) != SendResult.NO_PATH) {
      waiting.remove();
    }
  }
}

package dev.frazil.lab.interop;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** One direction of the signalling between two peers. What it hands over, it hands over on its owner's one thread. */
final class SignallingPath {
  static final long LATE_MS = 1500;

  private final Signalling way;
  private final Peer to;
  private final ScheduledExecutorService owner;
  private final Deque<String> kept = new ArrayDeque<>();

  SignallingPath(Signalling way, Peer to, ScheduledExecutorService owner) {
    this.way = way;
    this.to = to;
    this.owner = owner;
  }

  /** A peer has said this; callable from any thread. */
  void handle(String line) {
    try {
      owner.schedule(() -> pass(line), way == Signalling.LATE ? LATE_MS : 0, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException over) {
      // The crossing has ended.
    }
  }

  private void pass(String line) {
    if (way != Signalling.REVERSED) {
      to.send(line);
      return;
    }
    kept.push(line);
    if (PeerLines.parse(line).path("type").asString("").equals("end-of-candidates")) {
      kept.forEach(to::send);
      kept.clear();
    }
  }
}

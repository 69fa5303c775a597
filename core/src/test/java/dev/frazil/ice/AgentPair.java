package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.function.Predicate;

/** Two agents that reach each other's addresses directly; signalling is instant, items of any generation included. */
final class AgentPair {
  final VirtualTime time = new VirtualTime();
  final AgentHarness left;
  final AgentHarness right;
  private final Duration delay;
  private Predicate<FiveTuple> passes = path -> true;

  /** @param delay one way */
  AgentPair(IceConfiguration left, IceConfiguration right, Duration delay) {
    this.left = new AgentHarness(time, left);
    this.right = new AgentHarness(time, right);
    this.delay = delay;
    this.left.onSent((path, datagram) -> carry(this.right, path, datagram));
    this.right.onSent((path, datagram) -> carry(this.left, path, datagram));
  }

  /** A left that controls and a right that is controlled, 10 ms apart. */
  static AgentPair standard() {
    return new AgentPair(
        AgentHarness.settings(Role.CONTROLLING).build(),
        AgentHarness.settings(Role.CONTROLLED).build(),
        Duration.ofMillis(10));
  }

  /** Which datagrams get through, by the path as the sender sees it. Default all. */
  void passing(Predicate<FiveTuple> rule) {
    passes = rule;
  }

  private void carry(AgentHarness to, FiveTuple path, ByteBuffer datagram) {
    if (passes.test(path)) {
      time.after(delay, () -> {
        if (to.bases().contains(path.remote())) {
          to.receive(path.reversed(), datagram);
        }
      });
    }
  }

  /** Streams on both sides, with so many components each. */
  AgentPair streams(int... components) {
    for (int count : components) {
      left.call(now -> left.agent().addStream(count, now));
      right.call(now -> right.agent().addStream(count, now));
    }
    return this;
  }

  /** Tells each side what the other has gathered so far, parameters first, and that this is all. */
  void exchange() {
    exchange(left, right);
    exchange(right, left);
  }

  private static void exchange(AgentHarness from, AgentHarness to) {
    int streams = (int) from.events(IceEvent.GatheringComplete.class).stream()
        .mapToInt(IceEvent.GatheringComplete::stream)
        .distinct()
        .count();
    for (int i = 0; i < streams; i++) {
      int stream = i;
      IceParameters parameters = from.agent().localParameters(stream);
      to.call(now -> to.agent().setRemote(stream, parameters, now));
      for (IceEvent.CandidateGathered each : from.events(IceEvent.CandidateGathered.class)) {
        if (each.stream() == stream && each.ufrag().equals(parameters.ufrag())) {
          to.call(
              now -> to.agent().addRemoteCandidate(stream, each.ufrag(), each.candidate(), now));
        }
      }
      to.call(now -> to.agent().endOfRemoteCandidates(stream, parameters.ufrag(), now));
    }
  }

  /** Runs until both sides are in a state; answers whether they are. */
  boolean runUntil(IceState state, Duration limit) {
    return time.runUntil(
        () -> left.agent().state() == state && right.agent().state() == state, limit);
  }
}

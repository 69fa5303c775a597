package dev.frazil.lab;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceStatistics.PairStatistics;
import dev.frazil.testkit.ice.VirtualAgent;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One of two agents that connect: notes when what happened to it, and sends payloads from the moment it can. */
final class Side {
  private static final Duration SEND_INTERVAL = Duration.ofMillis(20);

  final VirtualAgent agent;
  long valid = ConnectTime.NEVER;
  long received = ConnectTime.NEVER;
  long selected = ConnectTime.NEVER;
  /** How many pairs stood before the first valid one. */
  int pairsAhead;
  /** The peer's candidate in the first valid pair. */
  @Nullable Candidate working;

  private final List<Told> told = new ArrayList<>();

  /** A candidate of this side, and when the peer was told of it. */
  private record Told(Candidate candidate, long at) {}

  Side(VirtualAgent agent) {
    this.agent = agent;
    agent.onEvent(this::handle);
    agent.onData((stream, component, payload) -> received = once(received));
  }

  private void handle(IceEvent event) {
    if (event instanceof IceEvent.CandidateGathered gathered) {
      told.add(new Told(gathered.candidate(), now()));
    } else if (event instanceof IceEvent.PathChanged changed
        && changed.path() != null
        && valid == ConnectTime.NEVER) {
      valid = now();
      agent.later(now -> useFirstPath());
    } else if (event instanceof IceEvent.PairSelected) {
      selected = once(selected);
    }
  }

  private void useFirstPath() {
    send();
    List<PairStatistics> pairs = new ArrayList<>(agent.agent().statistics().pairs());
    pairs.sort(Comparator.comparingLong(PairStatistics::priority).reversed());
    while (pairs.get(pairsAhead).responsesReceived() == 0) {
      pairsAhead++;
    }
    working = pairs.get(pairsAhead).remote();
  }

  /** Goes on as media does: one lost packet is not the end. */
  private void send() {
    agent.send(0, 1, ByteBuffer.wrap(new byte[] {1}));
    agent.host().internet().schedule(SEND_INTERVAL, this::send);
  }

  private long once(long before) {
    return before == ConnectTime.NEVER ? now() : before;
  }

  private long now() {
    return agent.host().internet().now();
  }

  boolean isDone() {
    return selected != ConnectTime.NEVER && received != ConnectTime.NEVER;
  }

  /**
   * When the peer was told of this candidate of ours; of one that it learnt from a check, when it was told of one with
   * the same IP address, for that is what opens the peer's NAT to the check.
   */
  long toldOf(@Nullable Candidate candidate) {
    long at = 0;
    for (Told each : told) {
      if (candidate != null
          && each.candidate.address().ip().equals(candidate.address().ip())) {
        at = Math.max(at, each.at);
      }
    }
    return at;
  }
}

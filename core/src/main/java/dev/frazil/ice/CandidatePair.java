package dev.frazil.ice;

import dev.frazil.ice.CheckClient.Check;
import dev.frazil.ice.Generation.LocalCandidate;
import dev.frazil.ice.Generation.RemoteCandidate;
import dev.frazil.ice.IceStream.Base;
import dev.frazil.net.FiveTuple;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * A pair on a checklist: a base and where it sends to, with the candidates that these stand for.
 *
 * <p>A reflexive local candidate is replaced by its base (RFC 8445 6.1.2.4); once a check succeeded, {@link #valid}
 * names the local candidate as the peer sees it, and the pair is on the valid list (RFC 8445 7.2.5.3.2).
 */
final class CandidatePair {
  final long id;
  final Generation generation;
  final Base base;
  /** The base's address and the destination, which differs from the remote candidate behind NAT64. */
  final FiveTuple path;

  LocalCandidate local;
  RemoteCandidate remote;
  long priority;
  PairState state = PairState.FROZEN;
  /** The check that runs now. */
  @Nullable Check check;
  /** Earlier checks that were cancelled and may still be answered. */
  final ArrayDeque<Check> cancelled = new ArrayDeque<>(0);
  /** How often the peer answered that the roles conflict. */
  int conflicts;
  /**
   * The last check failed without the silence of a whole transaction: it was answered from elsewhere (RFC 8445
   * 7.2.5.2.1), or given up for another pair. The next may do better.
   */
  boolean failedEarly;
  /** When the pair was first checked; -1 before. */
  long firstSent = -1;
  /** When it was checked for the second time, by whatever send; -1 before. */
  long secondSent = -1;

  /** The local candidate of the valid pair; null while this is none. */
  @Nullable LocalCandidate valid;
  /** The pair whose check made this one valid: the one to check again to nominate this. */
  CandidatePair checked = this;
  /** Controlling: the next check, or the one that runs, carries USE-CANDIDATE. */
  boolean nominating;
  /** Controlled: the peer nominated the pair before our own check succeeded. */
  boolean nominatedByPeer;
  /** The value of the NOMINATION attribute; 0 for a plain USE-CANDIDATE, and before. */
  int nomination;

  /** Until when the peer's consent to receive lasts (RFC 7675); 0 when there is none. */
  long consentUntil;

  /** Consent was had and lost: the generation's credentials are not used on this path again (RFC 7675 5.1). */
  boolean consentLost;

  /** When something was last sent that keeps the path alive. */
  long lastSent;

  /** No longer on its checklist. */
  boolean removed;

  final Counters counters = new Counters();

  CandidatePair(
      long id,
      Generation generation,
      Base base,
      LocalCandidate local,
      RemoteCandidate remote,
      FiveTuple path) {
    this.id = id;
    this.generation = generation;
    this.base = base;
    this.local = local;
    this.remote = remote;
    this.path = path;
  }

  int component() {
    return base.component;
  }

  /** A check was sent. */
  void sent(long now) {
    if (firstSent < 0) {
      firstSent = now;
    } else if (secondSent < 0) {
      secondSent = now;
    }
  }

  /** Whether a relay is known to be on the way. */
  boolean isRelayed() {
    return base.relay != null || remote.candidate().type() == CandidateType.RELAYED;
  }

  boolean isValid() {
    return valid != null;
  }

  boolean hasConsent(long now) {
    return now < consentUntil;
  }

  /** RFC 8445 6.1.2.6: the pair's foundation is that of both its candidates. */
  Foundation foundation() {
    return new Foundation(local.candidate().foundation(), remote.candidate().foundation());
  }

  /** The local candidate as the peer sees it, as far as that is known. */
  Candidate localAsSeen() {
    return valid == null ? local.candidate() : valid.candidate();
  }

  /** What is told of the pair once it is selected. */
  IceEvent.PairSelected toSelected() {
    return new IceEvent.PairSelected(
        generation.stream.index, component(), localAsSeen(), remote.candidate());
  }

  /** The priority of the valid pair (RFC 8445 7.2.5.3.2), which peers agree on. */
  long validPriority(Role role) {
    return priority(role, localAsSeen().priority(), remote.candidate().priority());
  }

  void computePriority(Role role) {
    priority = priority(role, local.candidate().priority(), remote.candidate().priority());
  }

  /** RFC 8445 6.1.2.3. */
  static long priority(Role role, int local, int remote) {
    long controlling = role == Role.CONTROLLING ? local : remote;
    long controlled = role == Role.CONTROLLING ? remote : local;
    return (Math.min(controlling, controlled) << 32)
        + 2 * Math.max(controlling, controlled)
        + (controlling > controlled ? 1 : 0);
  }

  @Override
  public String toString() {
    return localAsSeen() + " > " + remote;
  }

  /** What happened on a pair. */
  static final class Counters {
    long requestsSent;
    long retransmissionsSent;
    long responsesReceived;
    long requestsReceived;
    long responsesSent;
    long consentRequestsSent;
    long totalRoundTrip;
    long currentRoundTrip;
    long packetsSent;
    long bytesSent;
    long packetsReceived;
    long bytesReceived;
    long packetsDiscarded;
    long bytesDiscarded;
    long lastPacketSent = -1;
    long lastPacketReceived = -1;
    IceStatistics.@Nullable NetworkHint remoteNetwork;

    /** Application data was handed on. */
    void sent(int bytes, long now) {
      packetsSent++;
      bytesSent += bytes;
      lastPacketSent = now;
    }

    /** What was handed on last did not leave after all. */
    void discarded(int bytes) {
      packetsSent--;
      bytesSent -= bytes;
      packetsDiscarded++;
      bytesDiscarded += bytes;
    }

    /** Application data came in. */
    void received(int bytes, long now) {
      packetsReceived++;
      bytesReceived += bytes;
      lastPacketReceived = now;
    }

    void answered(long roundTrip) {
      responsesReceived++;
      totalRoundTrip += roundTrip;
      currentRoundTrip = roundTrip;
    }
  }

  /** The foundations of both candidates of a pair, in order (RFC 8445 6.1.2.6). */
  record Foundation(String local, String remote) {}
}

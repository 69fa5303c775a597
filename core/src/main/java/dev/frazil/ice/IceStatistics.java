package dev.frazil.ice;

import dev.frazil.ice.CandidatePair.Counters;
import dev.frazil.ice.Generation.LocalCandidate;
import dev.frazil.ice.Generation.RemoteCandidate;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A snapshot of what an agent did, in the terms of the W3C's WebRTC statistics where those have one.
 *
 * @param state the session's state
 * @param role the agent's role
 * @param localCandidates every local candidate of the current generations
 * @param remoteCandidates every remote candidate of the current generations
 * @param pairs every candidate pair of the current generations
 * @param dropped how many datagrams were dropped, by reason
 */
public record IceStatistics(
    IceState state,
    Role role,
    List<CandidateStatistics> localCandidates,
    List<CandidateStatistics> remoteCandidates,
    List<PairStatistics> pairs,
    Map<DropReason, Long> dropped) {
  private static final double NANOS_PER_SECOND = 1e9;

  /**
   * A candidate.
   *
   * @param stream the stream's index
   * @param candidate the candidate as it is told to the peer
   * @param usernameFragment the ufrag of the generation it belongs to; null while the peer's is not known
   * @param url the server that showed or gave it, for a server-reflexive or relayed candidate; null for others
   * @param networkInterface the interface it belongs to; null for a remote candidate
   */
  public record CandidateStatistics(
      int stream,
      Candidate candidate,
      @Nullable String usernameFragment,
      @Nullable String url,
      @Nullable String networkInterface) {}

  /**
   * What a peer built on libwebrtc tells of the network that it sends a pair's checks from. A hint: nothing depends on it.
   *
   * @param id the peer's number of the network, 0 to 65535
   * @param cost how much the peer would rather not use it, 0 to 65535
   */
  public record NetworkHint(int id, int cost) {}

  /**
   * A candidate pair. Durations are in seconds, points in time in nanoseconds of the clock that drives the agent.
   *
   * @param stream the stream's index
   * @param component 1 to 256
   * @param id unique within the agent
   * @param local the local candidate, as the peer sees it once that is known
   * @param remote the remote candidate
   * @param state the pair's state
   * @param nominated whether it is the selected pair
   * @param priority RFC 8445 6.1.2.3
   * @param requestsSent checks without retransmissions
   * @param retransmissionsSent further sends of those
   * @param responsesReceived answers to checks and consent checks that held
   * @param requestsReceived checks from the peer that held
   * @param responsesSent answers to those
   * @param consentRequestsSent RFC 7675
   * @param totalRoundTripTime the sum over the answers to requests that were sent once: of others nobody knows which send
   *     was answered
   * @param currentRoundTripTime of the last answer; 0 before the first
   * @param packetsSent application datagrams
   * @param bytesSent their payload
   * @param packetsReceived application datagrams
   * @param bytesReceived their payload
   * @param packetsDiscardedOnSend application datagrams that the runtime could not send
   * @param bytesDiscardedOnSend their payload
   * @param lastPacketSentTimestamp of application data; -1 before the first
   * @param lastPacketReceivedTimestamp of application data; -1 before the first
   * @param remoteNetwork the last hint of the peer; null without one
   */
  public record PairStatistics(
      int stream,
      int component,
      long id,
      Candidate local,
      Candidate remote,
      PairState state,
      boolean nominated,
      long priority,
      long requestsSent,
      long retransmissionsSent,
      long responsesReceived,
      long requestsReceived,
      long responsesSent,
      long consentRequestsSent,
      double totalRoundTripTime,
      double currentRoundTripTime,
      long packetsSent,
      long bytesSent,
      long packetsReceived,
      long bytesReceived,
      long packetsDiscardedOnSend,
      long bytesDiscardedOnSend,
      long lastPacketSentTimestamp,
      long lastPacketReceivedTimestamp,
      @Nullable NetworkHint remoteNetwork) {}

  /** Takes a snapshot. */
  static IceStatistics of(Session session, IceState state) {
    List<CandidateStatistics> locals = new ArrayList<>();
    List<CandidateStatistics> remotes = new ArrayList<>();
    List<PairStatistics> pairs = new ArrayList<>();
    for (IceStream stream : session.streams) {
      Generation generation = stream.current;
      for (LocalCandidate local : generation.locals()) {
        locals.add(new CandidateStatistics(
            stream.index,
            local.candidate(),
            generation.ufrag,
            local.url(),
            local.base().network.name()));
      }
      for (RemoteCandidate remote : generation.remotes()) {
        String ufrag = generation.remote == null ? null : generation.remote.ufrag();
        remotes.add(new CandidateStatistics(stream.index, remote.candidate(), ufrag, null, null));
      }
      for (CandidatePair pair : generation.list.pairs()) {
        pairs.add(pair(stream, pair));
      }
    }
    Map<DropReason, Long> dropped = new EnumMap<>(DropReason.class);
    for (DropReason reason : DropReason.values()) {
      if (session.dropped(reason) > 0) {
        dropped.put(reason, session.dropped(reason));
      }
    }
    return new IceStatistics(
        state,
        session.role,
        List.copyOf(locals),
        List.copyOf(remotes),
        List.copyOf(pairs),
        Map.copyOf(dropped));
  }

  private static PairStatistics pair(IceStream stream, CandidatePair pair) {
    Counters counters = pair.counters;
    return new PairStatistics(
        stream.index,
        pair.component(),
        pair.id,
        pair.localAsSeen(),
        pair.remote.candidate(),
        pair.state,
        pair.generation.isSelected(pair),
        pair.priority,
        counters.requestsSent,
        counters.retransmissionsSent,
        counters.responsesReceived,
        counters.requestsReceived,
        counters.responsesSent,
        counters.consentRequestsSent,
        counters.totalRoundTrip / NANOS_PER_SECOND,
        counters.currentRoundTrip / NANOS_PER_SECOND,
        counters.packetsSent,
        counters.bytesSent,
        counters.packetsReceived,
        counters.bytesReceived,
        counters.packetsDiscarded,
        counters.bytesDiscarded,
        counters.lastPacketSent,
        counters.lastPacketReceived,
        counters.remoteNetwork);
  }
}

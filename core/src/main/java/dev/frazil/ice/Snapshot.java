package dev.frazil.ice;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Takes the statistics of an agent. */
final class Snapshot {
  private static final double NANOS = 1e9;

  private Snapshot() {}

  static IceStatistics of(Session session, IceState state) {
    List<IceStatistics.CandidateStatistics> locals = new ArrayList<>();
    List<IceStatistics.CandidateStatistics> remotes = new ArrayList<>();
    List<IceStatistics.PairStatistics> pairs = new ArrayList<>();
    for (IceStream stream : session.streams) {
      Generation generation = stream.current;
      for (LocalCandidate local : generation.locals()) {
        locals.add(new IceStatistics.CandidateStatistics(
            stream.index, local.candidate(), local.base().network.name()));
      }
      for (RemoteCandidate remote : generation.remotes()) {
        remotes.add(new IceStatistics.CandidateStatistics(stream.index, remote.candidate(), null));
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

  private static IceStatistics.PairStatistics pair(IceStream stream, CandidatePair pair) {
    PairCounters counters = pair.counters;
    return new IceStatistics.PairStatistics(
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
        counters.totalRoundTrip / NANOS,
        counters.currentRoundTrip / NANOS,
        counters.packetsSent,
        counters.bytesSent,
        counters.packetsReceived,
        counters.bytesReceived);
  }
}

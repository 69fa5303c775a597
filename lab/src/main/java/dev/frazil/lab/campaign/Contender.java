package dev.frazil.lab.campaign;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceRequest;
import dev.frazil.ice.IceState;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.ice.VirtualAgent;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One of the two agents of a run, with what the run remembers of it. */
final class Contender implements Monitor.Ports {
  /** What was said of one stream since its current generation began. */
  private static final class StreamRecord {
    final List<Candidate> told = new ArrayList<>();
    final Set<Integer> selected = new HashSet<>();
    int failures;
    /** When the peer's parameters came; -1 before. */
    long remoteKnown = -1;

    long failedAt = -1;
    long lastCheckBeforeFailure = -1;

    @Nullable String failure;
  }

  private static final long TA = 10_000_000L;
  /** How long a triggered check may wait for those before it, in units of Ta. */
  private static final int PATIENCE = 60;

  private static final int MANY_PAIRS = 40;

  /** How long end-of-candidates may take after the parameters, gathering included, in seconds. */
  private static final int SIGNALLING = 7;

  final VirtualAgent agent;
  final Monitor monitor;
  private final List<StreamRecord> streams = new ArrayList<>();
  private final List<String> violations = new ArrayList<>();
  private final boolean strict;
  private @Nullable Contender peer;

  Contender(Host host, IceConfiguration configuration, int streamCount, boolean strict) {
    agent = new VirtualAgent(host, configuration);
    monitor = new Monitor(host.name(), this);
    this.strict = strict;
    for (int i = 0; i < streamCount; i++) {
      streams.add(new StreamRecord());
    }
    agent.onEvent(this::hear);
  }

  void meets(Contender other) {
    peer = other;
  }

  private void hear(IceEvent event) {
    if (event instanceof IceEvent.CandidateGathered gathered) {
      streams.get(gathered.stream()).told.add(gathered.candidate());
    } else if (event instanceof IceEvent.PairSelected selected) {
      streams.get(selected.stream()).selected.add(selected.component());
    } else if (event instanceof IceEvent.StreamFailed failed) {
      StreamRecord record = streams.get(failed.stream());
      record.failure = failed.reason();
      record.failedAt = now();
      record.lastCheckBeforeFailure = monitor.lastCheck();
      if (++record.failures > 1) {
        violations.add("stream " + failed.stream() + " failed twice: " + failed.reason());
      }
    } else if (event instanceof IceEvent.Restarted restarted) {
      streams.set(restarted.stream(), new StreamRecord());
      monitor.restarted();
    }
  }

  private long now() {
    return agent.host().internet().now();
  }

  /** The peer's parameters of a stream were delivered. */
  void remoteKnown(int stream) {
    StreamRecord record = streams.get(stream);
    record.remoteKnown = record.remoteKnown < 0 ? now() : record.remoteKnown;
  }

  boolean hasFailed() {
    return streams.stream().anyMatch(record -> record.failure != null);
  }

  List<String> violations() {
    List<String> all = new ArrayList<>(violations);
    all.addAll(monitor.violations());
    return all;
  }

  boolean isSettled() {
    for (int stream = 0; stream < streams.size(); stream++) {
      if (!isUp(stream) && failure(stream) == null) {
        return false;
      }
    }
    return true;
  }

  /** Whether every component of a stream has its selected pair and a path. */
  boolean isUp(int stream) {
    StreamRecord record = streams.get(stream);
    int components = components(stream);
    if (failure(stream) != null || record.selected.size() < components) {
      return false;
    }
    for (int component = 1; component <= components; component++) {
      if (agent.path(stream, component) == null) {
        return false;
      }
    }
    return true;
  }

  private int components(int stream) {
    return agent.bases().values().stream()
        .filter(open -> open.stream() == stream)
        .mapToInt(IceRequest.Open::component)
        .max()
        .orElse(1);
  }

  /** Why a stream failed; null when it did not. */
  @Nullable String failure(int stream) {
    return streams.get(stream).failure;
  }

  /** Whether some stream ended because a path was lost, which a restart can mend. */
  boolean lostAPath() {
    return streams.stream()
        .anyMatch(record -> record.failure != null && !record.failure.equals(Run.NO_PAIR));
  }

  /** When a failure for want of a pair came too early or too late, in words. */
  void judgeFailureTime() {
    for (StreamRecord record : streams) {
      if (record.failedAt < 0 || record.remoteKnown < 0 || !Run.NO_PAIR.equals(record.failure)) {
        continue;
      }
      double patience = (record.failedAt - record.remoteKnown) / 1e9;
      double since =
          (record.failedAt - Math.max(record.lastCheckBeforeFailure, record.remoteKnown)) / 1e9;
      if (patience < 39.5) {
        violations.add("failed " + patience + " s after checks could start: RFC 8863 wants 39.5");
      }
      if (since > 40 + SIGNALLING) {
        violations.add("failed only " + since + " s after the last transaction began");
      }
    }
  }

  Oracle.Side side(int stream, int component) {
    Set<TransportAddress> bases = new HashSet<>();
    for (Map.Entry<TransportAddress, IceRequest.Open> base : agent.bases().entrySet()) {
      if (base.getValue().stream() == stream && base.getValue().component() == component) {
        bases.add(base.getKey());
      }
    }
    List<TransportAddress> told = streams.get(stream).told.stream()
        .filter(candidate -> candidate.component() == component)
        .map(Candidate::address)
        .toList();
    return new Oracle.Side(agent.host(), bases.stream().sorted().toList(), told, monitor.asked());
  }

  IceState state() {
    return agent.state();
  }

  // what the monitor asks

  @Override
  public String ufrag(TransportAddress base) {
    IceRequest.Open open = agent.bases().get(base);
    return open == null ? "" : agent.agent().localParameters(open.stream()).ufrag();
  }

  @Override
  public long ta() {
    return TA;
  }

  @Override
  public boolean carriesData(FiveTuple path) {
    IceRequest.Open open = agent.bases().get(path.local());
    return open != null && path.equals(agent.path(open.stream(), open.component()));
  }

  @Override
  public long checkBackWithin(FiveTuple path) {
    IceRequest.Open open = agent.bases().get(path.local());
    if (!strict || open == null || agent.agent().generation(open.stream()) > 0) {
      return -1;
    }
    StreamRecord record = streams.get(open.stream());
    if (record.remoteKnown < 0) {
      return -1;
    }
    if (agent.agent().statistics().pairs().size() >= MANY_PAIRS) {
      return -1; // near the bound on what checks may teach
    }
    boolean over = record.selected.contains(open.component()) || record.failure != null;
    return over ? -1 : PATIENCE * TA;
  }

  @Override
  public @Nullable FiveTuple frozenBehind(FiveTuple path) {
    IceRequest.Open open = agent.bases().get(path.local());
    if (!strict
        || open == null
        || open.component() == 1
        || agent.agent().generation(open.stream()) > 0) {
      return null;
    }
    if (streams.get(open.stream()).selected.contains(1)) {
      return null; // what it was frozen behind is gone from the checklist
    }
    List<Candidate> ours = streams.get(open.stream()).told;
    List<Candidate> theirs = Objects.requireNonNull(peer).streams.get(open.stream()).told;
    Candidate local = find(ours, path.local());
    Candidate remote = find(theirs, path.remote());
    Candidate localBefore = local == null ? null : like(ours, local);
    Candidate remoteBefore = remote == null ? null : like(theirs, remote);
    if (localBefore == null
        || remoteBefore == null
        || ours.indexOf(localBefore) > ours.indexOf(local)
        || theirs.indexOf(remoteBefore) > theirs.indexOf(remote)) {
      return null;
    }
    return new FiveTuple(localBefore.address(), remoteBefore.address());
  }

  private static @Nullable Candidate find(List<Candidate> candidates, TransportAddress address) {
    return candidates.stream()
        .filter(candidate -> candidate.address().equals(address))
        .findFirst()
        .orElse(null);
  }

  /** The candidate of component 1 with the same foundation. */
  private static @Nullable Candidate like(List<Candidate> candidates, Candidate other) {
    return candidates.stream()
        .filter(candidate ->
            candidate.component() == 1 && candidate.foundation().equals(other.foundation()))
        .findFirst()
        .orElse(null);
  }
}

package dev.frazil.lab.campaign;

import dev.frazil.ice.AddressHandling;
import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceRequest;
import dev.frazil.ice.IceStatistics;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.ice.VirtualAgent;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One of the two agents of a run, with what the run remembers of it. */
final class Contender implements Monitor.Ports {
  /** What was said of one stream since its current generation began. */
  private static final class StreamRecord {
    /** Empty until it was told. */
    String ufrag;

    final String ufragBefore;
    final long since;
    final List<Candidate> told = new ArrayList<>();
    final Set<Integer> selected = new HashSet<>();
    int failures;
    /** A server did not know an allocation any more, as after a NAT gave its client another address. */
    boolean lostRelay;

    /** When the peer's parameters came; -1 before. */
    long remoteKnown = -1;

    long failedAt = -1;
    long lastCheckBeforeFailure = -1;

    @Nullable String failure;

    StreamRecord(String ufrag, String ufragBefore, long since) {
      this.ufrag = ufrag;
      this.ufragBefore = ufragBefore;
      this.since = since;
    }
  }

  private static final long TA = 10_000_000L;
  /** How long a triggered check may wait for those before it, in units of Ta. */
  private static final int PATIENCE = 60;

  private static final int MANY_PAIRS = 40;

  /** How long end-of-candidates may take after the parameters, gathering included, in seconds. */
  private static final int SIGNALLING = 7;

  /** How many remote candidates a generation keeps. */
  private static final int MOST_REMOTES = 128;
  /** How many generations of a stream have remote candidates: the one to come, this one, and four before. */
  private static final int MOST_GENERATIONS = 6;
  /** How many objects an agent at rest may keep; fitted to what six hundred runs measured. */
  private static final int OBJECTS_PER_PAIR = 25;

  private static final int OBJECTS_PER_REMOTE = 6;
  private static final int OBJECTS_PER_STREAM = 300;
  private static final int OBJECTS_PER_RELAY = 400;

  /**
   * What an agent's invariants depend on.
   *
   * @param strict whether the world is so calm that each check has its time
   * @param relays the TURN servers that it was told of
   * @param relayOnly whether it may use nothing else
   * @param flooded whether a stranger has the agent told more candidates than it can keep
   */
  record Rules(
      boolean strict,
      boolean flooded,
      boolean renomination,
      int maxPairs,
      AddressHandling addressHandling,
      List<TransportAddress> relays,
      boolean relayOnly) {}

  final VirtualAgent agent;
  final Monitor monitor;
  private final Tunnels tunnels;
  private final List<StreamRecord> streams = new ArrayList<>();
  /** The hosts that the peer was ever told of. */
  private final Set<IpAddress> everTold = new HashSet<>();

  private final Map<TransportAddress, IceRequest.Open> relayedOverStreams = new HashMap<>();
  private final List<String> violations = new ArrayList<>();
  private final Rules rules;
  private @Nullable Contender peer;

  Contender(Host host, IceConfiguration configuration, int streamCount, Rules rules) {
    agent = new VirtualAgent(host, configuration);
    this.rules = rules;
    tunnels = new Tunnels(rules.relays());
    monitor = new Monitor(host.name(), this, tunnels);
    for (int i = 0; i < streamCount; i++) {
      streams.add(new StreamRecord("", "", -1));
    }
    agent.onEvent(this::hear);
  }

  void meets(Contender other) {
    peer = other;
  }

  private void hear(IceEvent event) {
    if (event instanceof IceEvent.CandidateGathered gathered) {
      tell(gathered.candidate());
      StreamRecord record = streams.get(gathered.stream());
      record.ufrag = gathered.ufrag();
      record.told.add(gathered.candidate());
      everTold.add(gathered.candidate().address().ip());
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
      judgeFailureTime(record);
    } else if (event instanceof IceEvent.RestartAdvised advice) {
      streams.get(advice.stream()).lostRelay |= advice.reason().startsWith("relay");
    } else if (event instanceof IceEvent.Restarted restarted) {
      String before = streams.get(restarted.stream()).ufrag;
      streams.set(restarted.stream(), new StreamRecord(restarted.local().ufrag(), before, now()));
      monitor.restarted(base -> stream(base) == restarted.stream());
    } else if (event instanceof IceEvent.PathChanged changed
        && changed.path() == null
        && streams.get(changed.stream()).since == now()) {
      violations.add("a restart took the path away from stream " + changed.stream() + "."
          + changed.component());
    }
  }

  /** What the peer is told must not show more of the host than RFC 8828 allows. */
  private void tell(Candidate candidate) {
    TransportAddress base = candidate.address();
    TransportAddress related = candidate.related();
    boolean hidden = rules.addressHandling == AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY;
    boolean leaks = hidden
        ? candidate.type() == CandidateType.HOST || related != null && isOwn(related)
        : isForbidden(base) || related != null && isForbidden(related);
    if (rules.relayOnly()) {
      leaks = candidate.type() != CandidateType.RELAYED || related != null;
    }
    if (leaks) {
      violations.add("told the forbidden address of " + candidate);
    }
  }

  private boolean isOwn(TransportAddress address) {
    return agent.bases().containsKey(address);
  }

  /** What the socket was opened for that a base is, or that it was relayed to. */
  private IceRequest.@Nullable Open open(TransportAddress base) {
    TransportAddress socket = tunnels.socket(base);
    return socket.transport() == Transport.UDP
        ? agent.bases().get(socket)
        : relayedOverStreams.computeIfAbsent(base, this::openOfRelayed);
  }

  /** A stream to a relay belongs to no socket, but its relayed address to a component, which has some. */
  private IceRequest.@Nullable Open openOfRelayed(TransportAddress relayed) {
    return localRelayed()
        .filter(each -> each.candidate().address().equals(relayed))
        .findFirst()
        .flatMap(each -> agent.bases().values().stream()
            .filter(open -> open.stream() == each.stream()
                && open.component() == each.candidate().component())
            .findFirst())
        .orElse(null);
  }

  private Stream<IceStatistics.CandidateStatistics> localRelayed() {
    return agent.agent().statistics().localCandidates().stream()
        .filter(each -> each.candidate().type() == CandidateType.RELAYED);
  }

  private int stream(TransportAddress base) {
    IceRequest.Open open = open(base);
    return open == null ? -1 : open.stream();
  }

  private long now() {
    return agent.host().internet().now();
  }

  /** The peer's parameters of a stream were delivered. */
  void remoteKnown(int stream) {
    StreamRecord record = streams.get(stream);
    record.remoteKnown = record.remoteKnown < 0 ? now() : record.remoteKnown;
  }

  /** The username fragment of a stream's current generation. */
  String ufrag(int stream) {
    return agent.agent().localParameters(stream).ufrag();
  }

  /** The addresses that the peer was told of in a stream's current generation. */
  List<TransportAddress> told(int stream) {
    return streams.get(stream).told.stream().map(Candidate::address).toList();
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

  /** Memory is bounded: an agent that has come to rest has forgotten what is over. */
  void weigh() {
    IceStatistics statistics = agent.agent().statistics();
    int remotes = rules.flooded
        ? MOST_GENERATIONS * MOST_REMOTES * streams.size()
        : statistics.remoteCandidates().size();
    int bound = OBJECTS_PER_STREAM * streams.size()
        + OBJECTS_PER_PAIR * statistics.pairs().size()
        + OBJECTS_PER_REMOTE * remotes
        + OBJECTS_PER_RELAY * tunnels.size();
    int weight = Footprint.of(agent.agent());
    if (weight > bound) {
      violations.add(monitor.host + " remembers " + weight + " objects at rest, not " + bound);
    }
  }

  /** The highest component for which the peer was told a candidate. */
  OptionalInt highestTold(int stream) {
    return streams.get(stream).told.stream().mapToInt(Candidate::component).max();
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

  /** Relays alone may not be had for every component. */
  private int components(int stream) {
    int opened = agent.bases().values().stream()
        .filter(open -> open.stream() == stream)
        .mapToInt(IceRequest.Open::component)
        .max()
        .orElse(1);
    int left = highestTold(stream).orElse(opened);
    int right = Objects.requireNonNull(peer).highestTold(stream).orElse(opened);
    return Math.min(opened, Math.min(left, right));
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

  /** A failure for want of a pair must not come too early or too late. */
  private void judgeFailureTime(StreamRecord record) {
    if (!Run.NO_PAIR.equals(record.failure)) {
      return;
    }
    if (record.remoteKnown < 0) {
      violations.add("failed before the peer's parameters came");
      return;
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

  /**
   * What the oracle may try.
   *
   * @param generous whether relays let through all hosts that the peer ever told of: no less than they do
   */
  Oracle.Side side(int stream, int component, boolean generous) {
    Set<TransportAddress> bases = new HashSet<>();
    for (Map.Entry<TransportAddress, IceRequest.Open> base : agent.bases().entrySet()) {
      if (base.getValue().stream() == stream
          && base.getValue().component() == component
          && isUsed(stream, base.getValue())) {
        bases.add(base.getKey());
      }
    }
    List<TransportAddress> told = streams.get(stream).told.stream()
        .filter(candidate -> candidate.component() == component)
        .map(Candidate::address)
        .toList();
    List<TransportAddress> relayed = told.stream()
        .filter(tunnels::isRelayed)
        .filter(address -> bases.contains(tunnels.socket(address)) || isOverStream(address))
        .filter(address -> generous || !streams.get(stream).lostRelay)
        .toList();
    List<FiveTuple> heard = List.copyOf(monitor.asked());
    List<TransportAddress> own =
        rules.relayOnly() ? List.of() : bases.stream().sorted().toList();
    Contender other = Objects.requireNonNull(peer);
    Set<IpAddress> permitted = generous
        ? other.everTold
        : other.streams.get(stream).told.stream()
            .filter(candidate -> candidate.component() == component)
            .map(candidate -> candidate.address().ip())
            .collect(Collectors.toSet());
    return new Oracle.Side(agent.host(), own, relayed, permitted, told, heard);
  }

  private boolean isOverStream(TransportAddress relayed) {
    return tunnels.socket(relayed).transport() == Transport.TCP
        && localRelayed().anyMatch(each -> each.candidate().address().equals(relayed));
  }

  /** Whether the peer was told of an address of this base, without which it has no pair (RFC 8828, modes 2 and 3). */
  private boolean isUsed(int stream, IceRequest.Open open) {
    if (rules.relayOnly() || rules.addressHandling == AddressHandling.ALL_INTERFACES) {
      return true;
    }
    boolean ipv6Only =
        agent.bases().keySet().stream().allMatch(base -> base.ip().isIpv6());
    int family = open.address().address().family();
    return agent.agent().statistics().localCandidates().stream()
        .filter(local -> local.stream() == stream
            && local.candidate().component() == open.component()
            && open.address().name().equals(local.networkInterface())
            && streams.get(stream).told.contains(local.candidate()))
        .anyMatch(local -> ipv6Only || local.candidate().address().ip().family() == family);
  }

  // what the monitor asks

  @Override
  public String ufrag(TransportAddress base) {
    IceRequest.Open open = open(base);
    return open == null ? "" : ufrag(open.stream());
  }

  @Override
  public long ta() {
    return TA;
  }

  @Override
  public boolean carriesData(FiveTuple path) {
    IceRequest.Open open = open(path.local());
    return open != null && path.equals(agent.path(open.stream(), open.component()));
  }

  @Override
  public long checkBackWithin(FiveTuple path) {
    IceRequest.Open open = open(path.local());
    if (!rules.strict || open == null || agent.agent().generation(open.stream()) > 0) {
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
    IceRequest.Open open = open(path.local());
    if (!rules.strict
        || open == null
        || open.component() == 1
        || tunnels.isRelayed(path.local())
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

  @Override
  public boolean isForbidden(TransportAddress base) {
    if (rules.addressHandling == AddressHandling.ALL_INTERFACES) {
      return false;
    }
    IceRequest.Open open = open(base);
    return open != null && !open.address().flags().defaultRoute();
  }

  @Override
  public boolean isRelayOnly() {
    return rules.relayOnly();
  }

  @Override
  public boolean isConcluded(TransportAddress base) {
    IceRequest.Open open = open(base);
    return !rules.renomination
        && open != null
        && streams.get(open.stream()).selected.contains(open.component());
  }

  @Override
  public boolean answersFor(TransportAddress base, String ufrag) {
    IceRequest.Open open = open(base);
    if (open == null || ufrag.isEmpty()) {
      return false;
    }
    StreamRecord record = streams.get(open.stream());
    return ufrag.equals(ufrag(base))
        || ufrag.equals(record.ufragBefore) && record.selected.isEmpty();
  }

  @Override
  public @Nullable String excess() {
    IceStatistics statistics = agent.agent().statistics();
    if (statistics.pairs().size() > rules.maxPairs) {
      return statistics.pairs().size() + " pairs, " + rules.maxPairs + " are allowed";
    }
    int remotes = statistics.remoteCandidates().size();
    return remotes > MOST_REMOTES * streams.size() ? remotes + " remote candidates" : null;
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

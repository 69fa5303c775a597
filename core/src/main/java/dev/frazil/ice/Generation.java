package dev.frazil.ice;

import dev.frazil.ice.IceStream.Base;
import dev.frazil.ice.Session.Timer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.IntegrityKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * One stream between two restarts (RFC 8445 9): credentials, candidates, checklist and what was selected. A restart
 * makes a new one, so nothing is ever cleared.
 */
final class Generation {
  private static final String ICE_CHARS =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  /** 48 bits; RFC 8445 5.3 wants at least 24. */
  private static final int UFRAG_LENGTH = 8;
  /** 144 bits; RFC 8445 5.3 wants at least 128. */
  private static final int PASSWORD_LENGTH = 24;
  /** How many remote candidates are kept. */
  static final int MAX_REMOTES = 128;
  /** How many checks are kept until the peer's parameters come. */
  private static final int MAX_EARLY = 64;

  /** A check that was answered before the peer's parameters came (RFC 8445 7.3). */
  record EarlyCheck(Base base, TransportAddress source, CheckServer.Facts facts) {}

  private record Lesson(Base base, IpAddress peer) {}

  /** What tells remote candidates apart: two components may share an address. */
  private record Place(TransportAddress address, int component) {
    Place {
      address = withoutScope(address);
    }
  }

  final IceStream stream;
  final int number;
  final String ufrag;
  final String password;
  final IntegrityKey localKey;
  final Checklist list;
  private final List<LocalCandidate> locals = new ArrayList<>(4);
  /** What a peer that does not trickle is told when gathering is complete, all at once. */
  final List<LocalCandidate> withheld = new ArrayList<>(0);
  /** The highest component that the peer was told a candidate of, even if that is lost by now; 0 for none. */
  int highestTold;

  private final Map<Place, RemoteCandidate> remotes = new LinkedHashMap<>(8);
  /** What is being asked of STUN servers. */
  final Set<ServerReflexive.Probe> probes = new LinkedHashSet<>(4);
  /** Which servers were asked, and from where. */
  final Set<FiveTuple> asked = new HashSet<>(4);

  /** The places of our addresses in our preference. */
  private final Map<IpAddress, Integer> ranks = new HashMap<>(4);

  private final List<EarlyCheck> early = new ArrayList<>(0);
  /** How many addresses the peer's checks taught, by where they came in and from which host. */
  private final Map<Lesson, Integer> learnt = new HashMap<>(2);
  /** The selected pairs, by component. */
  private final @Nullable CandidatePair[] selected;

  @Nullable IceParameters remote;

  @Nullable IntegrityKey remoteKey;
  /** USERNAME of our checks: the peer's ufrag and ours (RFC 8445 7.2.2). */
  String username = "";
  /** Checks have begun. */
  boolean started;

  boolean gathered;
  boolean remoteEnded;
  /** When the PAC timer ends (RFC 8863); 0 before it starts. */
  long patienceUntil;
  /** We no longer consent to receive (RFC 7675 5.2). */
  boolean revoked;
  /** The check of a nominated pair failed, and no nomination has succeeded since. */
  boolean nominationFailed;
  /** StreamFailed was told. */
  boolean failureTold;
  /** Why the list failed. */
  String failure = "";
  /** The largest round trip measured, in nanoseconds. */
  long maxRoundTrip;
  /** The highest NOMINATION value sent. */
  int nominations;

  /** Checks again what may have changed; null while there is nothing. */
  @Nullable Timer rechecking;
  /** Looks again whether a pair may be nominated. */
  @Nullable Timer judging;
  /** The PAC timer, then the wait for end-of-candidates, then the one until unused candidates are freed. */
  @Nullable Timer patience;

  @Nullable Timer remoteSilence;

  @Nullable Timer release;

  @Nullable Timer gatheringLimit;

  Generation(IceStream stream, int number, RandomGenerator random) {
    this.stream = stream;
    this.number = number;
    ufrag = randomText(random, UFRAG_LENGTH);
    password = randomText(random, PASSWORD_LENGTH);
    localKey = IntegrityKey.shortTerm(password);
    list = new Checklist(stream.components);
    selected = new CandidatePair[stream.components];
  }

  private static String randomText(RandomGenerator random, int length) {
    StringBuilder text = new StringBuilder(length);
    for (int i = 0; i < length; i++) {
      text.append(ICE_CHARS.charAt(random.nextInt(64)));
    }
    return text.toString();
  }

  void bind(IceParameters parameters) {
    remote = parameters;
    remoteKey = IntegrityKey.shortTerm(parameters.password());
    username = parameters.ufrag() + ":" + ufrag;
  }

  /** No longer current: nothing of it is left but what answers its checks, and the pair that still carries data. */
  void retire(Session session) {
    for (Timer timer :
        new @Nullable Timer[] {rechecking, judging, patience, remoteSilence, release, gatheringLimit
        }) {
      if (timer != null) {
        session.cancel(timer);
      }
    }
    remotes.clear();
    learnt.clear();
    early.clear();
  }

  /** Whether the peer may nominate aggressively, as RFC 5245 had it: it does not say that it follows RFC 8445. */
  boolean peerMayBeAggressive() {
    return remote != null && !remote.has("ice2");
  }

  /** Whether this is the stream's current generation. */
  boolean isCurrent() {
    return stream.current == this;
  }

  // candidates

  /** The place of an address in our preference, from 0; one that was not known before comes last. */
  int rank(IpAddress address) {
    return ranks.computeIfAbsent(address, unknown -> ranks.size());
  }

  List<LocalCandidate> locals() {
    return Collections.unmodifiableList(locals);
  }

  void addLocal(LocalCandidate local) {
    locals.add(local);
  }

  /** Adds what a check showed; of more than so many, one that no valid pair needs any more goes. */
  void addPeerReflexive(LocalCandidate learnt, int limit) {
    List<LocalCandidate> others = locals.stream()
        .filter(local -> local.candidate().type() == CandidateType.PEER_REFLEXIVE)
        .toList();
    if (others.size() >= limit) {
      others.stream()
          .filter(local -> list.pairs().stream().noneMatch(pair -> pair.valid == local))
          .findFirst()
          .ifPresent(locals::remove);
    }
    locals.add(learnt);
  }

  void removeLocals(Base base) {
    locals.removeIf(local -> local.base() == base);
    withheld.removeIf(local -> local.base() == base);
  }

  Collection<RemoteCandidate> remotes() {
    return remotes.values();
  }

  @Nullable LocalCandidate local(TransportAddress address, int component) {
    for (LocalCandidate local : locals) {
      if (local.candidate().component() == component
          && withoutScope(local.candidate().address()).equals(withoutScope(address))) {
        return local;
      }
    }
    return null;
  }

  /** The candidate that stands for a base in a triggered check (RFC 8445 7.3.1.4): the best that the peer is told. */
  @Nullable LocalCandidate localOf(Base base) {
    LocalCandidate best = null;
    for (LocalCandidate local : locals) {
      boolean better =
          best == null || local.candidate().priority() > best.candidate().priority();
      if (local.base() == base && local.told() && better) {
        best = local;
      }
    }
    return best;
  }

  @Nullable RemoteCandidate remote(TransportAddress address, int component) {
    return remotes.get(new Place(address, component));
  }

  void add(RemoteCandidate candidate) {
    remotes.put(placeOf(candidate.candidate()), candidate);
  }

  void remove(RemoteCandidate candidate) {
    remotes.remove(placeOf(candidate.candidate()));
  }

  private static Place placeOf(Candidate candidate) {
    return new Place(candidate.address(), candidate.component());
  }

  static TransportAddress withoutScope(TransportAddress address) {
    IpAddress ip = address.ip();
    return ip.scopeId() == 0
        ? address
        : new TransportAddress(ip.withScopeId(0), address.port(), address.transport());
  }

  /**
   * Whether one more address of the peer may be learnt from a check; counts it. Two NATs that give each destination a
   * port of its own and let everybody in would otherwise go on for ever (RFC 8445 19.5.1), or leave nothing for the
   * address that works.
   */
  boolean mayLearn(Base base, IpAddress peer, int maxPairs) {
    Lesson lesson = new Lesson(base, peer);
    int same = learnt.getOrDefault(lesson, 0);
    int all = learnt.values().stream().mapToInt(Integer::intValue).sum();
    if (same >= Math.max(1, maxPairs / 8) || all >= Math.max(1, maxPairs / 2)) {
      return false;
    }
    learnt.put(lesson, same + 1);
    return true;
  }

  /** The foundation of a candidate learnt from a check: unlike that of any other (RFC 8445 7.3.1.3). */
  String freshRemoteFoundation() {
    for (int i = remotes.size(); ; i++) {
      String foundation = "prflx" + i;
      if (remotes.values().stream()
          .noneMatch(candidate -> candidate.candidate().foundation().equals(foundation))) {
        return foundation;
      }
    }
  }

  // early checks

  /** Keeps a check for later; false when too many wait already. */
  boolean keep(EarlyCheck check) {
    for (int i = 0; i < early.size(); i++) {
      EarlyCheck present = early.get(i);
      if (present.base() == check.base() && present.source().equals(check.source())) {
        early.set(i, check.facts().nominates(true) ? check : present);
        return true;
      }
    }
    return early.size() < MAX_EARLY && early.add(check);
  }

  List<EarlyCheck> takeEarly() {
    List<EarlyCheck> taken = List.copyOf(early);
    early.clear();
    return taken;
  }

  // selection

  @Nullable CandidatePair selected(int component) {
    return selected[component - 1];
  }

  void select(int component, @Nullable CandidatePair pair) {
    selected[component - 1] = pair;
  }

  boolean isSelected(CandidatePair pair) {
    return selected(pair.component()) == pair;
  }

  boolean hasSelectedAll() {
    for (int component = 1; component <= list.components; component++) {
      if (selected(component) == null) {
        return false;
      }
    }
    return true;
  }

  /**
   * A candidate of ours.
   *
   * @param candidate as the peer is told, or sees it
   * @param base where it sends from
   * @param told whether the peer is told of it; checks may still arrive at one that is not
   * @param url the server that showed it; null when none did
   */
  record LocalCandidate(
      Candidate candidate,
      Base base,
      boolean told,
      @Nullable String url) {
    LocalCandidate(Candidate candidate, Base base, boolean told) {
      this(candidate, base, told, null);
    }

    @Override
    public String toString() {
      return candidate.toString();
    }
  }

  /** A candidate of the peer: signalled, or learnt from a check (RFC 8445 7.3.1.3) and perhaps signalled later. */
  static final class RemoteCandidate {
    private Candidate candidate;
    private boolean signalled;

    RemoteCandidate(Candidate candidate, boolean signalled) {
      this.candidate = candidate;
      this.signalled = signalled;
    }

    Candidate candidate() {
      return candidate;
    }

    boolean signalled() {
      return signalled;
    }

    /** Takes over what the peer says of a candidate that was known from a check only (ICE-2420). */
    void adopt(Candidate told) {
      candidate = told;
      signalled = true;
    }

    @Override
    public String toString() {
      return candidate.toString();
    }
  }
}

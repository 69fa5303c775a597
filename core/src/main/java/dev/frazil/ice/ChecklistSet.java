package dev.frazil.ice;

import dev.frazil.ice.CheckClient.Check;
import dev.frazil.ice.Generation.LocalCandidate;
import dev.frazil.ice.Generation.RemoteCandidate;
import dev.frazil.ice.IceStream.Base;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Nat64Prefix;
import dev.frazil.net.TransportAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The checklists of all streams' current generations: forms pairs, freezes and thaws them, picks the next to check. */
final class ChecklistSet {
  /** How many sends of a check may go unanswered until its foundation is no longer held back: 3.5 s. */
  private static final int SENDS_THAT_HOLD_BACK = 3;
  /** How many cancelled checks of a pair may still be answered: a peer can have one cancelled with each of its own. */
  private static final int MAX_CANCELLED = 4;

  private final Session session;
  private final Schedule schedule;
  /** The stream whose checklist had the last turn. */
  private int lastPicked = -1;

  ChecklistSet(Session session, Schedule schedule) {
    this.session = session;
    this.schedule = schedule;
  }

  /** The generations whose checks have begun, in the order of their streams. */
  private List<Generation> started() {
    List<Generation> started = new ArrayList<>(session.streams.size());
    for (IceStream stream : session.streams) {
      if (stream.current.started) {
        started.add(stream.current);
      }
    }
    return started;
  }

  // RFC 8445 6.1.2.2: forming pairs

  /** Forms all pairs of a generation that begins its checks, and sets their states (RFC 8445 6.1.2.6). */
  void start(Generation generation, long now) {
    generation.started = true;
    for (LocalCandidate local : List.copyOf(generation.locals())) {
      for (RemoteCandidate remote : List.copyOf(generation.remotes())) {
        form(generation, local, remote);
      }
    }
    Set<CandidatePair.Foundation> seen = new HashSet<>();
    for (CandidatePair pair : byComponent(generation)) {
      if (seen.add(pair.foundation())) {
        initialState(pair);
      }
    }
    schedule.wake(now);
  }

  /** Ordered as RFC 8445 6.1.2.6 picks them: the lowest component first, then the highest priority. */
  private static List<CandidatePair> byComponent(Generation generation) {
    List<CandidatePair> pairs = new ArrayList<>(generation.list.pairs());
    pairs.sort((a, b) -> Integer.compare(a.component(), b.component())); // stable
    return pairs;
  }

  private void initialState(CandidatePair first) {
    boolean active = false;
    boolean succeeded = false;
    boolean earliest = true;
    for (Generation other : started()) {
      for (CandidatePair pair : other.list.pairs()) {
        if (pair.foundation().equals(first.foundation())) {
          earliest &= other.stream.index >= first.generation.stream.index;
          active |= pair.state == PairState.WAITING || pair.state == PairState.IN_PROGRESS;
          succeeded |= pair.state == PairState.SUCCEEDED;
        }
      }
    }
    if (succeeded) {
      thaw(first.foundation());
    } else if (!active || earliest) { // a later stream may have started before
      set(first, PairState.WAITING, "the first of its foundation");
    }
  }

  /** Pairs a local candidate that the peer was told of with the remote ones that are known (RFC 8838 10). */
  void addLocal(Generation generation, LocalCandidate local, long now) {
    for (RemoteCandidate remote : List.copyOf(generation.remotes())) {
      add(generation, local, remote, now);
    }
  }

  /** Pairs a remote candidate that came later with the local ones (RFC 8838 11). */
  void addRemote(Generation generation, RemoteCandidate remote, long now) {
    for (LocalCandidate local : List.copyOf(generation.locals())) {
      add(generation, local, remote, now);
    }
  }

  private void add(Generation generation, LocalCandidate local, RemoteCandidate remote, long now) {
    if (!generation.started) {
      return;
    }
    CandidatePair pair = form(generation, local, remote);
    if (pair != null) {
      set(pair, insertedState(pair), "joined the checklist");
      schedule.wake(now);
    }
  }

  /** RFC 8838 12. */
  private PairState insertedState(CandidatePair inserted) {
    boolean topmost = true;
    for (Generation generation : started()) {
      for (CandidatePair pair : generation.list.pairs()) {
        if (pair == inserted || !pair.foundation().equals(inserted.foundation())) {
          continue;
        }
        if (pair.state == PairState.SUCCEEDED) {
          return PairState.WAITING;
        }
        topmost &= isAbove(inserted, pair);
      }
    }
    return topmost ? PairState.WAITING : PairState.FROZEN;
  }

  /**
   * Whether a pair comes before another of its foundation: the lower component, then the higher priority, then the
   * earlier stream. Without the last rule two agents could each freeze what the other checks.
   */
  private static boolean isAbove(CandidatePair pair, CandidatePair other) {
    if (pair.component() != other.component()) {
      return pair.component() < other.component();
    }
    return pair.priority != other.priority
        ? pair.priority > other.priority
        : pair.generation.stream.index < other.generation.stream.index;
  }

  private @Nullable CandidatePair form(
      Generation generation, LocalCandidate local, RemoteCandidate remote) {
    if (!local.told()
        || local.candidate().type() == CandidateType.PEER_REFLEXIVE
        || local.candidate().component() != remote.candidate().component()
        || !generation.list.wants(remote.candidate().component())) {
      return null;
    }
    TransportAddress destination = destination(local.base(), remote.candidate().address());
    if (destination == null) {
      return null;
    }
    return form(generation, local, remote, new FiveTuple(local.base().address, destination), false);
  }

  /**
   * Puts a pair on the checklist unless one with the same base and destination is there (RFC 8445 6.1.2.4) or the
   * limit forbids it; a pair that is not yet checked takes over the better local candidate, and any pair a remote one
   * that was told for one that was learnt (RFC 8838 11).
   *
   * @param heard whether the peer's check just came in on this path: then it is worth more than any unproven pair
   */
  @Nullable CandidatePair form(
      Generation generation,
      LocalCandidate local,
      RemoteCandidate remote,
      FiveTuple path,
      boolean heard) {
    CandidatePair present = generation.list.find(path);
    if (present != null) {
      merge(present, local, remote);
      session.log(
          local + " > " + remote + " pruned",
          "pair " + present.id + " has the same base and destination");
      return null;
    }
    CandidatePair pair =
        new CandidatePair(session.newPairId(), generation, local.base(), local, remote, path);
    pair.computePriority(session.role);
    if (!heard && allowance() <= 0 || !makeRoom(pair, heard)) {
      session.log(
          pair, null, "refused: " + session.configuration.maxPairs + " pairs are the limit");
      return null;
    }
    generation.list.insert(pair);
    session.log(pair, pair.state, "formed");
    return pair;
  }

  private void merge(CandidatePair present, LocalCandidate local, RemoteCandidate remote) {
    boolean untouched = present.state == PairState.WAITING || present.state == PairState.FROZEN;
    if (untouched && local.candidate().priority() > present.local.candidate().priority()) {
      present.local = local;
    }
    if (remote.signalled() && !present.remote.signalled()) { // behind NAT64 their addresses differ
      present.generation.remove(present.remote);
      present.remote = remote;
    }
    present.computePriority(session.role);
    present.generation.list.sort();
  }

  /** Where a base sends to reach a remote address; null when the two don't go together. */
  private @Nullable TransportAddress destination(Base base, TransportAddress remote) {
    IpAddress from = base.address.ip();
    IpAddress to = remote.ip();
    if (remote.transport() != base.address.transport()) {
      return null;
    }
    if (base.relay != null) { // what a relay reaches has nothing to do with where we are
      return from.family() == to.family() && !to.isLinkLocal() ? remote : null;
    }
    if (from.family() != to.family()) {
      Nat64Prefix nat64 = session.nat64;
      return nat64 == null || from.isIpv4() || from.isLinkLocal()
          ? null
          : TransportAddress.udp(nat64.synthesize(to), remote.port());
    }
    if (from.isIpv6() && from.isLinkLocal() != to.isLinkLocal()) {
      return null; // RFC 8445 6.1.2.2
    }
    return to.isIpv6() && to.isLinkLocal() && from.scopeId() != 0
        ? TransportAddress.udp(to.withScopeId(from.scopeId()), remote.port())
        : remote;
  }

  // RFC 8445 6.1.2.5, 19.5.1: the limits

  /**
   * How many more pairs may be formed of what the peer tells. RFC 8838 10 lets new pairs take the place of failed ones,
   * RFC 8445 19.5.1 wants no more checks than the list is long: they share a list's length more.
   */
  private int allowance() {
    int spent = 0;
    for (IceStream stream : session.streams) {
      Checklist list = stream.current.list;
      spent += list.ordinaryChecks;
      for (CandidatePair pair : list.pairs()) {
        spent += pair.firstSent < 0 ? 1 : 0;
      }
    }
    return 2 * session.configuration.maxPairs - spent;
  }

  /** Makes room for a pair, evenly over the checklists; false when the pair itself is the one to go. */
  private boolean makeRoom(CandidatePair candidate, boolean heard) {
    int total = 0;
    Checklist largest = candidate.generation.list;
    for (IceStream stream : session.streams) {
      Checklist list = stream.current.list;
      total += list.pairs().size();
      largest = list.pairs().size() > largest.pairs().size() ? list : largest;
    }
    if (total < session.configuration.maxPairs) {
      return true;
    }
    CandidatePair victim = lastFailed();
    if (victim == null) {
      victim = lastUnproven(largest, heard);
      boolean own = largest == candidate.generation.list;
      if (victim == null || own && !heard && victim.priority >= candidate.priority) {
        return false;
      }
    }
    remove(victim, "made room for a better pair");
    return true;
  }

  /** Drops the worst remote candidate that nothing depends on and that is worse than this; false when there is none. */
  boolean makeRoom(Generation generation, int priority) {
    RemoteCandidate worst = null;
    for (RemoteCandidate remote : generation.remotes()) {
      int its = remote.candidate().priority();
      if ((worst == null ? its < priority : its < worst.candidate().priority())
          && generation.list.pairs().stream()
              .allMatch(pair -> pair.remote != remote || isIdle(pair))) {
        worst = remote;
      }
    }
    if (worst == null) {
      return false;
    }
    RemoteCandidate gone = worst;
    generation.remove(gone);
    generation.list.pairs().stream()
        .filter(pair -> pair.remote == gone)
        .toList()
        .forEach(pair -> remove(pair, "its remote candidate made room for a better one"));
    return true;
  }

  private static boolean isIdle(CandidatePair pair) {
    return !pair.isValid()
        && !pair.consentLost
        && (pair.state == PairState.FROZEN || pair.state == PairState.FAILED);
  }

  private @Nullable CandidatePair lastFailed() {
    CandidatePair last = null;
    for (Generation generation : started()) {
      for (CandidatePair pair : generation.list.pairs()) {
        boolean failed = pair.state == PairState.FAILED && !pair.consentLost;
        if (failed && (last == null || pair.priority < last.priority)) {
          last = pair;
        }
      }
    }
    return last;
  }

  /** @param checked whether a pair that is being checked may go too */
  private static @Nullable CandidatePair lastUnproven(Checklist list, boolean checked) {
    List<CandidatePair> pairs = list.pairs();
    for (int i = pairs.size() - 1; i >= 0; i--) {
      CandidatePair pair = pairs.get(i);
      boolean untouched = pair.state == PairState.WAITING || pair.state == PairState.FROZEN;
      if (!pair.isValid() && !pair.nominatedByPeer && (untouched || checked)) {
        return pair;
      }
    }
    return null;
  }

  // RFC 8445 6.1.4.2: performing checks

  boolean pending() {
    for (Generation generation : started()) {
      if (generation.list.hasTriggered()
          || generation.list.isActive() && hasCheckable(generation.list)) {
        return true;
      }
    }
    return false;
  }

  private boolean hasCheckable(Checklist list) {
    if (list.firstWaiting() != null) {
      return true;
    }
    for (CandidatePair pair : list.pairs()) {
      if (pair.state == PairState.FROZEN && !isActive(pair.foundation())) {
        return true;
      }
    }
    return false;
  }

  /** The pair to check now, or null: of the list whose turn it is, or else of the next that has one. */
  @Nullable CandidatePair next() {
    int streams = session.streams.size();
    for (int i = 1; i <= streams; i++) {
      IceStream stream = session.streams.get((lastPicked + i) % streams);
      CandidatePair pair = stream.current.started ? nextOf(stream.current.list) : null;
      if (pair != null) {
        lastPicked = stream.index;
        return pair;
      }
    }
    return null;
  }

  private @Nullable CandidatePair nextOf(Checklist list) {
    for (CandidatePair pair = list.pollTriggered(); pair != null; pair = list.pollTriggered()) {
      if (pair.state == PairState.WAITING || pair.state == PairState.SUCCEEDED) {
        return pair;
      }
    }
    if (!list.isActive()) {
      return null;
    }
    if (list.firstWaiting() == null) {
      thawOneOfEachFoundation(list);
    }
    CandidatePair pair = list.firstWaiting();
    list.ordinaryChecks += pair == null ? 0 : 1;
    return pair;
  }

  /** RFC 8445 6.1.4.2 step 2. */
  private void thawOneOfEachFoundation(Checklist list) {
    for (CandidatePair pair : List.copyOf(list.pairs())) {
      if (pair.state == PairState.FROZEN && !isActive(pair.foundation())) {
        set(pair, PairState.WAITING, "no other pair of its foundation is being checked");
      }
    }
  }

  /** Whether some pair of a foundation is still to be checked; one that came after its list was complete never is. */
  private boolean isActive(CandidatePair.Foundation foundation) {
    for (Generation generation : started()) {
      for (CandidatePair pair : generation.list.pairs()) {
        if (generation.list.isActive() && holdsBack(pair) && pair.foundation().equals(foundation)) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Whether the pairs of its foundation wait for this one. RFC 8445 6.1.4.2 would have them wait until the last of its
   * retransmissions has failed, by when the peer has given up those pairs.
   */
  private static boolean holdsBack(CandidatePair pair) {
    Check check = pair.check;
    return pair.state == PairState.WAITING
        || pair.state == PairState.IN_PROGRESS
            && (check == null || check.transaction.sends() <= SENDS_THAT_HOLD_BACK);
  }

  /** RFC 8445 7.2.5.3.3: a success thaws its foundation in all checklists. */
  void thaw(CandidatePair.Foundation foundation) {
    for (Generation generation : started()) {
      for (CandidatePair pair : generation.list.pairs()) {
        if (pair.state == PairState.FROZEN && pair.foundation().equals(foundation)) {
          set(pair, PairState.WAITING, "a pair of its foundation succeeded");
        }
      }
    }
  }

  /** A check is over or a pair has gone: others may have been waiting for that. */
  void wake(long now) {
    schedule.wake(now);
  }

  /** Has a pair checked next (RFC 8445 7.3.1.4). */
  void trigger(CandidatePair pair, String why, long now) {
    cancelCheck(pair);
    set(pair, PairState.WAITING, why);
    pair.generation.list.trigger(pair);
    schedule.wake(now);
  }

  /** Has a pair that succeeded checked again; it stays what it is meanwhile. */
  void triggerAgain(CandidatePair pair, long now) {
    pair.generation.list.trigger(pair);
    schedule.wake(now);
  }

  /** Has a valid pair checked again with USE-CANDIDATE, before anything else (RFC 8445 8.1.1). */
  void triggerNomination(CandidatePair pair, long now) {
    pair.nominating = true;
    if (pair.state
        == PairState.IN_PROGRESS) { // by a check without USE-CANDIDATE, or in a role that is over
      cancelCheck(pair);
      set(pair, PairState.WAITING, "to be checked again with USE-CANDIDATE");
    }
    pair.generation.list.triggerFirst(pair);
    schedule.wake(now);
  }

  // states

  void set(CandidatePair pair, PairState state, String why) {
    if (pair.state != state) {
      pair.state = state;
      session.log(pair, state, why);
    }
  }

  /** Lets a running check be: it is not sent again, but its answer still counts (RFC 8445 7.3.1.4). */
  void cancelCheck(CandidatePair pair) {
    Check check = pair.check;
    if (check == null) {
      return;
    }
    pair.check = null;
    check.transaction.cancel();
    session.schedule(check.timer, check.transaction.nextTimeout());
    pair.cancelled.add(check);
    if (pair.cancelled.size() > MAX_CANCELLED) {
      Check oldest = pair.cancelled.remove();
      session.cancel(oldest.timer);
      session.forget(oldest.transaction.id());
    }
  }

  void remove(CandidatePair pair, String why) {
    pair.generation.list.remove(pair);
    for (CandidatePair other : pair.generation.list.pairs()) {
      if (other.checked == pair) {
        other.checked = other;
      }
    }
    cancelCheck(pair);
    session.log(pair, null, "removed: " + why);
  }

  /** RFC 8445 7.3.1.1: priorities depend on the role. */
  void recomputePriorities() {
    for (Generation generation : started()) {
      generation.list.pairs().forEach(pair -> pair.computePriority(session.role));
      generation.list.sort();
    }
  }
}

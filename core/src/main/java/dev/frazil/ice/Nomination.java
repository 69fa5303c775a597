package dev.frazil.ice;

import dev.frazil.ice.CheckClient.Check;
import dev.frazil.ice.IceStream.Base;
import dev.frazil.ice.Session.Timer;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Concluding ICE: which pair is nominated and when, what follows from it, and when a list has failed (RFC 8445 8). */
final class Nomination {
  /** How many sends of a nominating check may go unanswered while another valid pair waits: 3.5 s at the usual RTO. */
  static final int SENDS_BEFORE_ANOTHER = 3;

  private final Session session;
  private final ChecklistSet set;
  private final Paths paths;

  Nomination(Session session, ChecklistSet set, Paths paths) {
    this.session = session;
    this.set = set;
    this.paths = paths;
  }

  // controlling: choosing

  /** Nominates what can be nominated now, and comes back when waiting will have shown more. */
  void evaluate(Generation generation, long now) {
    if (session.role != Role.CONTROLLING
        || session.configuration.lite
        || !generation.isCurrent()
        || !generation.list.isActive()) {
      return;
    }
    long again = ProtocolMachine.NEVER;
    for (int component = 1; component <= generation.list.components; component++) {
      CandidatePair best = candidateForNomination(generation, component);
      if (best == null) {
        continue;
      }
      long judged = judgedAt(generation, best, now);
      if (judged <= now) {
        session.log("nominate " + best, "every better pair has been judged");
        set.triggerNomination(best.checked, now);
      } else {
        again = Math.min(again, judged);
      }
    }
    if (generation.judging == null) {
      generation.judging = new Timer(time -> evaluate(generation, time));
    }
    session.schedule(generation.judging, again);
  }

  private static @Nullable CandidatePair candidateForNomination(
      Generation generation, int component) {
    CandidatePair best = null;
    for (CandidatePair pair : generation.list.pairs()) {
      if (pair.component() == component) {
        if (pair.nominating) {
          return null;
        }
        if (pair.isValid() && best == null) {
          best = pair;
        }
      }
    }
    CandidatePair selected = generation.selected(component);
    if (selected == null || best == null) {
      return best;
    }
    boolean another = generation.list.renomination && !generation.list.pinned.get(component);
    return another && best.priority > selected.priority ? best : null;
  }

  /**
   * When every pair better than this one has been judged: it failed, or it has had one and a half of the longest round
   * trips since it was first checked; since it was checked twice where the alternative is a relay, so that one lost
   * check does not cost the direct path. A frozen pair is judged by the pair of its foundation that is being checked.
   */
  private long judgedAt(Generation generation, CandidatePair best, long now) {
    long patience = Math.max(generation.maxRoundTrip * 3 / 2, session.ta);
    long judged = now;
    for (CandidatePair pair : generation.list.pairs()) {
      if (pair == best) {
        return judged;
      }
      boolean open = pair.state == PairState.WAITING || pair.state == PairState.IN_PROGRESS;
      if (open && pair.component() == best.component()) {
        boolean direct = best.isRelayed() && !pair.isRelayed();
        long since = direct ? pair.secondSent : pair.firstSent;
        judged = since < 0 ? ProtocolMachine.NEVER : Math.max(judged, since + patience);
        if (judged == ProtocolMachine.NEVER) {
          return judged;
        }
      }
    }
    return judged;
  }

  /** Whether to try another valid pair rather than send this nominating check again. */
  boolean givesUp(Check check, long now) {
    CandidatePair pair = check.pair;
    if (!check.useCandidate
        || pair.check != check
        || check.transaction.sends() < SENDS_BEFORE_ANOTHER) {
      return false;
    }
    for (CandidatePair other : pair.generation.list.pairs()) {
      if (other != pair
          && other.component() == pair.component()
          && other.isValid()
          && other.hasConsent(now)) {
        return true;
      }
    }
    return false;
  }

  /** Nominates a pair that the application chose (draft-thatcher-ice-renomination 3); the choice then stays its own. */
  void nominate(CandidatePair pair, long now) {
    pair.generation.list.pinned.set(pair.component());
    session.log("nominate " + pair, "the application chose it");
    set.triggerNomination(pair.checked, now);
  }

  /** A NAT gave a selected path another address: the peer, which sees another pair now, is told again. */
  void remapped(CandidatePair pair, long now) {
    if (session.role == Role.CONTROLLING
        && pair.generation.list.renomination
        && pair.generation.isSelected(pair)
        && !pair.checked.nominating) {
      session.log("nominate " + pair, "a NAT gave it another address");
      set.triggerNomination(pair.checked, now);
    }
  }

  /** A nominating check failed. Whether the peer followed it is not known, so it is told again what holds. */
  void failed(Check check, long now) {
    Checklist list = check.pair.generation.list;
    if (!check.useCandidate || session.role != Role.CONTROLLING) {
      return;
    }
    CandidatePair selected = check.pair.generation.selected(check.pair.component());
    list.doubted.set(check.pair.component());
    if (list.renomination) {
      list.pinned.clear(check.pair.component());
      if (selected != null) {
        set.triggerNomination(selected.checked, now);
      }
    }
  }

  /**
   * The peer checks another pair than the selected one. A nomination that was given up may have come to it late, by a
   * relay over a slow stream, after the one that holds, so it is told that one again.
   *
   * @param pair the one that it checks; null for one that is no longer on the list
   */
  void contradicted(Generation generation, int component, @Nullable CandidatePair pair, long now) {
    CandidatePair selected = generation.selected(component);
    if (session.role == Role.CONTROLLING
        && generation.list.doubted.get(component)
        && selected != null
        && pair != selected
        && pair != selected.checked
        && !selected.checked.nominating) {
      session.log("nominate " + selected, "the peer still checks another pair");
      set.triggerNomination(selected.checked, now);
    }
  }

  // both roles: what a success means

  void succeeded(Check check, CandidatePair valid, long now) {
    CandidatePair pair = check.pair;
    if (check.useCandidate && pair.nominating) {
      pair.nominating = false;
      CandidatePair selected = valid.generation.selected(valid.component());
      if (selected == null || check.nomination >= selected.nomination) {
        valid.nomination = check.nomination;
        select(valid, now);
      }
    } else if (pair.nominatedByPeer && session.role == Role.CONTROLLED) {
      pair.nominatedByPeer = false;
      valid.nomination = pair.nomination;
      accept(valid, now);
    }
  }

  // controlled: being told

  /** A request with USE-CANDIDATE came in on a pair (RFC 8445 7.3.1.5). */
  void nominatedByPeer(CandidatePair pair, int value, long now) {
    if (session.role != Role.CONTROLLED) {
      return;
    }
    pair.nomination = Math.max(pair.nomination, value);
    forgetEarlierNominations(pair);
    CandidatePair valid = pair.isValid() ? pair : pair.generation.list.validOf(pair);
    if (pair.state == PairState.SUCCEEDED && valid != null && valid.hasConsent(now)) {
      valid.nomination = Math.max(valid.nomination, pair.nomination);
      accept(valid, now);
      return;
    }
    pair.nominatedByPeer = true;
    if (pair.state == PairState.SUCCEEDED) { // RFC 7675 5.1: regain consent first
      set.trigger(pair, "nominated when consent had run out: check again", now);
    }
  }

  /** A peer of RFC 8445 nominates another pair only when it has given up the one before. */
  private static void forgetEarlierNominations(CandidatePair nominated) {
    Generation generation = nominated.generation;
    if (generation.list.renomination || generation.peerMayBeAggressive()) {
      return;
    }
    for (CandidatePair other : generation.list.pairs()) {
      if (other != nominated && other.component() == nominated.component()) {
        other.nominatedByPeer = false;
      }
    }
  }

  private void accept(CandidatePair pair, long now) {
    CandidatePair selected = pair.generation.selected(pair.component());
    if (selected == pair) {
      return;
    }
    if (selected != null && !supersedes(pair, selected)) {
      session.log(pair, pair.state, "nominated, but " + selected + " stays selected");
      return;
    }
    select(pair, now);
  }

  /** Whether a further nomination takes the place of the one before. */
  private boolean supersedes(CandidatePair pair, CandidatePair selected) {
    if (pair.generation.list.renomination) {
      return pair.nomination >= selected.nomination;
    }
    if (pair.generation.peerMayBeAggressive()) {
      return pair.validPriority(session.role)
          > selected.validPriority(session.role); // RFC 8445 8.1.1
    }
    return true; // a peer of RFC 8445 nominates again only when its first attempt failed
  }

  /** Two lite agents: the pair is taken without a check (RFC 8445 8.2). */
  void selectAsLite(CandidatePair pair, long now) {
    select(pair, now);
  }

  // RFC 8445 8.1.2

  private void select(CandidatePair pair, long now) {
    Generation generation = pair.generation;
    if (generation.isSelected(pair)) {
      return;
    }
    generation.select(pair.component(), pair);
    generation.nominationFailed = false;
    session.log(pair, pair.state, "selected");
    session.outbox.event(pair.toSelected());
    for (CandidatePair other : List.copyOf(generation.list.pairs())) {
      if (other != pair && other.component() == pair.component() && !staysAfter(pair, other)) {
        set.remove(other, "another pair was selected");
      }
    }
    if (generation.list.state == Checklist.State.COMPLETED) {
      bindChannel(pair, now);
    }
    paths.update(generation.stream, now);
    updateList(generation, now);
    set.wake(now);
  }

  /** RFC 8445 12.1, and 7.2.1: not before ICE is complete. */
  private static void bindChannel(@Nullable CandidatePair selected, long now) {
    if (selected != null && selected.base.relay != null) {
      selected.base.relay.bind(selected.path.remote(), now);
    }
  }

  private boolean staysAfter(CandidatePair selected, CandidatePair other) {
    if (other.generation.list.renomination || other.consentLost) {
      return true; // it may be nominated later, or must stay refused
    }
    boolean couldStillWin =
        session.role == Role.CONTROLLED && other.generation.peerMayBeAggressive();
    return couldStillWin && other.priority > selected.priority;
  }

  void roleSwitched(long now) {
    for (IceStream stream : session.streams) {
      for (CandidatePair pair : stream.current.list.pairs()) {
        pair.nominating = false;
        pair.nominatedByPeer = false;
      }
      evaluate(stream.current, now);
    }
  }

  // RFC 8445 7.2.5.4, 8.1.2; RFC 8838 8; RFC 8863

  /** Judges the checklist's state anew. */
  void updateList(Generation generation, long now) {
    if (!generation.isCurrent()) {
      return;
    }
    Checklist list = generation.list;
    switch (list.state) {
      case RUNNING -> {
        if (generation.hasSelectedAll() && list.disputed.isEmpty()) {
          complete(generation, now);
        } else if (mayFail(generation, now)) {
          fail(generation, "no candidate pair works", now);
        } else if (generation.nominationFailed
            && now >= generation.patienceUntil
            && !isNominating(generation)) {
          fail(generation, "the nominated pair failed", now); // RFC 8445 7.2.5.3.4, 7.3.1.5
        }
      }
      case FAILED -> {
        // a late check of the peer opened a way (RFC 8445 7.3.1.4)
        if (!list.lost && hasValidForAll(generation)) {
          list.state = Checklist.State.RUNNING;
          paths.update(generation.stream, now);
          evaluate(generation, now);
          updateList(generation, now);
        }
      }
      case COMPLETED -> {}
    }
    paths.updateState(now);
  }

  /** A selected pair is gone. Without renomination no other may be nominated (RFC 8445 8.1.1): only a restart helps. */
  void selectedLost(CandidatePair pair, String why, long now) {
    Generation generation = pair.generation;
    Checklist list = generation.list;
    generation.select(pair.component(), null);
    list.pinned.clear(pair.component());
    boolean another = list.renomination && session.role == Role.CONTROLLING;
    if (another && list.hasValid(pair.component())) {
      list.state = Checklist.State.RUNNING;
      return;
    }
    if (!list.renomination) {
      list.lost = true;
      list.pairs().forEach(each -> abandon(each, null));
    }
    fail(generation, why, now);
  }

  /** Checks a pair no more, and fails it when there is a reason to. */
  void abandon(CandidatePair pair, @Nullable String why) {
    set.cancelCheck(pair);
    pair.nominating = false;
    pair.nominatedByPeer = false;
    pair.generation.list.untrigger(pair);
    if (why != null) {
      set.set(pair, PairState.FAILED, why);
    }
  }

  /** A relay does not send to a peer: no pair of it with this peer can work, unless it already does. */
  void forbidden(Base base, IpAddress peer, String why, long now) {
    Generation generation = base.stream.current;
    for (CandidatePair pair : List.copyOf(generation.list.pairs())) {
      if (pair.base == base && pair.path.remote().ip().equals(peer) && !pair.isValid()) {
        abandon(pair, why);
      }
    }
    evaluate(generation, now);
    updateList(generation, now);
    set.wake(now);
  }

  /** A base is freed, and its pairs with it. */
  void forget(Base base, String why) {
    for (CandidatePair pair : List.copyOf(base.stream.current.list.pairs())) {
      if (pair.base == base) {
        set.remove(pair, why);
      }
    }
  }

  /** After bases went, or a path was lost. */
  void reconsider(Generation generation, long now) {
    for (CandidatePair pair : List.copyOf(generation.list.pairs())) {
      boolean unused = pair.isValid()
          && !pair.hasConsent(now)
          && !pair.nominating
          && !generation.isSelected(pair);
      if (unused) {
        pair.valid = null; // RFC 7675 5.1: regain consent first
        set.trigger(pair, "consent ran out unused: check again", now);
      }
    }
    evaluate(generation, now);
    updateList(generation, now);
    set.wake(now);
  }

  private static boolean mayFail(Generation generation, long now) {
    if (!generation.started
        || now < generation.patienceUntil
        || !generation.gathered
        || !generation.remoteEnded
        || hasValidForAll(generation)) {
      return false;
    }
    for (CandidatePair pair : generation.list.pairs()) {
      if (pair.state != PairState.FAILED && pair.state != PairState.SUCCEEDED) {
        return false;
      }
    }
    return true;
  }

  private static boolean isNominating(Generation generation) {
    return generation.list.pairs().stream()
        .anyMatch(pair -> pair.nominating || pair.nominatedByPeer);
  }

  private static boolean hasValidForAll(Generation generation) {
    for (int component = 1; component <= generation.list.components; component++) {
      if (!generation.list.hasValid(component)) {
        return false;
      }
    }
    return true;
  }

  private void complete(Generation generation, long now) {
    generation.list.state = Checklist.State.COMPLETED;
    session.log(
        "stream " + generation.stream.index + " completed",
        "every component has its selected pair");
    generation.stream.previous.clear();
    for (int component = 1; component <= generation.list.components; component++) {
      bindChannel(generation.selected(component), now);
    }
    paths.update(generation.stream, now);
    paths.releaseLater(generation, now);
  }

  /** A stream has failed. */
  void fail(Generation generation, String why, long now) {
    generation.list.state = Checklist.State.FAILED;
    generation.failure = why;
    if (!generation.failureTold) {
      generation.failureTold = true;
      session.outbox.event(new IceEvent.StreamFailed(generation.stream.index, why));
    }
    paths.update(generation.stream, now);
  }
}

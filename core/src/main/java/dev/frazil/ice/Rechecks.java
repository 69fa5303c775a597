package dev.frazil.ice;

import dev.frazil.ice.Session.Timer;
import java.util.List;

/**
 * Checks again what may have changed while a component has no selected pair: a NAT that lost its state makes an address
 * that worked useless, and one that did not work useful, and no packet would tell.
 */
final class Rechecks {
  /** How often; RFC 7675 5.1 asks as often whether a path still works. */
  private static final long INTERVAL = 5_000_000_000L;

  private final Session session;
  private final ChecklistSet set;

  Rechecks(Session session, ChecklistSet set) {
    this.session = session;
    this.set = set;
  }

  /** A check ended: its pair may have to be checked again later. */
  void mayBeNeeded(Generation generation, long now) {
    if (generation.rechecking == null
        && generation.list.pairs().stream().anyMatch(pair -> isOpen(pair, now))) {
      generation.rechecking = new Timer(time -> recheck(generation, time));
      session.schedule(generation.rechecking, now + INTERVAL);
    }
  }

  /** Whether a pair's part in what comes is not settled, and nothing else tells of changes. */
  private static boolean isOpen(CandidatePair pair, long now) {
    Generation generation = pair.generation;
    if (generation.list.state != Checklist.State.RUNNING
        || generation.selected(pair.component()) != null
        || pair.consentLost) {
      return false;
    }
    return pair.isValid() || pair.failedEarly && now < generation.patienceUntil;
  }

  /** Whether a component has a valid pair, and not one whose nomination stays without an answer. */
  private static boolean hasBetter(Generation generation, int component) {
    return generation.list.pairs().stream()
        .anyMatch(pair -> pair.component() == component
            && pair.isValid()
            && !(pair.nominating
                && pair.check != null
                && pair.check.transaction.sends() >= Nomination.SENDS_BEFORE_ANOTHER));
  }

  private void recheck(Generation generation, long now) {
    generation.rechecking = null;
    for (CandidatePair pair : List.copyOf(generation.list.pairs())) {
      if (!isOpen(pair, now)) {
        continue;
      }
      boolean carriesData = generation.stream.route(pair.component()) == pair; // Consent asks
      if (pair.isValid() && pair.checked.state == PairState.SUCCEEDED && !carriesData) {
        set.triggerAgain(pair.checked, now);
      } else if (pair.state == PairState.FAILED && !hasBetter(generation, pair.component())) {
        set.trigger(pair, "failed early, and no other works: check again", now);
      }
    }
    mayBeNeeded(generation, now);
  }
}

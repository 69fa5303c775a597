package dev.frazil.ice;

import dev.frazil.ice.Generation.LocalCandidate;
import dev.frazil.ice.Generation.RemoteCandidate;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Two lite agents: no checks, each pairs what it was told (RFC 8445 8.2). */
final class LitePairing {
  private final Session session;
  private final ChecklistSet set;
  private final Nomination nomination;
  private final Paths paths;

  LitePairing(Session session, ChecklistSet set, Nomination nomination, Paths paths) {
    this.session = session;
    this.set = set;
    this.nomination = nomination;
    this.paths = paths;
  }

  void pair(Generation generation, long now) {
    List<CandidatePair> chosen = new ArrayList<>(generation.list.components);
    for (int component = 1; component <= generation.list.components; component++) {
      CandidatePair best = null;
      for (LocalCandidate local : generation.locals()) {
        for (RemoteCandidate remote : generation.remotes()) {
          CandidatePair pair = form(generation, component, local, remote);
          if (pair != null && best != null) {
            generation.list.disputed.set(1, generation.list.components + 1);
          }
          best = pair == null || best != null && !isBetter(pair, best) ? best : pair;
        }
      }
      if (best != null) {
        chosen.add(best);
      }
    }
    chosen.forEach(pair -> select(pair, now));
    if (!generation.hasSelectedAll()) {
      nomination.fail(generation, "no pair of one address family", now);
    } else if (!generation.list.disputed.isEmpty() && session.role == Role.CONTROLLING) {
      session.outbox.event(new IceEvent.SelectionToTell(
          generation.stream.index,
          chosen.stream().map(CandidatePair::toSelected).toList()));
    }
  }

  private void select(CandidatePair pair, long now) {
    pair.valid = pair.local;
    pair.consentUntil = paths.consentFrom(now);
    set.set(pair, PairState.SUCCEEDED, "both agents are lite");
    nomination.selectAsLite(pair, now);
  }

  /** The peer told which pair it uses (RFC 8445 8.2); when it has for every component, the list is complete. */
  void agree(
      Generation generation,
      int component,
      TransportAddress here,
      TransportAddress there,
      long now) {
    LocalCandidate local = generation.local(here, component);
    RemoteCandidate remote = generation.remote(there, component);
    if (local == null || remote == null) {
      session.drop(DropReason.CANDIDATE_REFUSED);
      return;
    }
    CandidatePair pair = generation.list.find(new FiveTuple(local.base().address, there));
    if (pair == null) {
      pair = form(generation, component, local, remote);
    }
    if (pair != null) {
      generation.list.disputed.clear(component);
      select(pair, now);
      nomination.updateList(generation, now);
    }
  }

  private @Nullable CandidatePair form(
      Generation generation, int component, LocalCandidate local, RemoteCandidate remote) {
    Candidate here = local.candidate();
    Candidate there = remote.candidate();
    boolean fits = here.component() == component
        && there.component() == component
        && here.address().transport() == there.address().transport()
        && here.address().ip().family() == there.address().ip().family();
    if (!fits) {
      return null;
    }
    local.base().authenticated(there.address()); // no check will say more than the description did
    return set.form(
        generation, local, remote, new FiveTuple(local.base().address, there.address()), false);
  }

  /** The default policy of RFC 6724 in short: IPv6 before IPv4, global before private; else the higher priority. */
  private static boolean isBetter(CandidatePair pair, CandidatePair than) {
    int order = Integer.compare(rank(pair), rank(than));
    return order != 0 ? order > 0 : pair.priority > than.priority;
  }

  private static int rank(CandidatePair pair) {
    IpAddress ip = pair.path.remote().ip();
    return (ip.isIpv6() && !ip.isPrivate() ? 2 : 0) + (ip.isPrivate() ? 0 : 1);
  }
}

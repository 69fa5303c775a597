package dev.frazil.ice;

import dev.frazil.ice.Generation.LocalCandidate;
import dev.frazil.ice.Generation.RemoteCandidate;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
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
    for (int component = 1; component <= generation.list.components; component++) {
      CandidatePair chosen = null;
      int candidates = 0;
      for (LocalCandidate local : generation.locals()) {
        for (RemoteCandidate remote : generation.remotes()) {
          CandidatePair pair = form(generation, component, local, remote);
          if (pair != null) {
            candidates++;
            chosen = chosen == null || isBetter(pair, chosen) ? pair : chosen;
          }
        }
      }
      if (chosen != null) {
        generation.list.ambiguous |= candidates > 1;
        chosen.valid = chosen.local;
        chosen.consentUntil = paths.consentFrom(now);
        set.set(chosen, PairState.SUCCEEDED, "both agents are lite");
        nomination.selectAsLite(chosen, now);
      }
    }
    if (!generation.hasSelectedAll()) {
      nomination.fail(generation, "no pair of one address family", now);
    } else if (generation.list.ambiguous && session.role == Role.CONTROLLING) {
      session.log(
          "stream " + generation.stream.index,
          "several pairs: tell the peer which one is in use (RFC 8445 8.2)");
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
    return fits
        ? set.form(generation, local, remote, new FiveTuple(local.base().address, there.address()))
        : null;
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

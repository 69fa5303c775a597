package dev.frazil.ice;

import dev.frazil.ice.Generation.RemoteCandidate;
import dev.frazil.ice.Session.Timer;
import dev.frazil.net.TransportAddress;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What agents tell each other: parameters and candidates (RFC 8445 5.3, RFC 8838), and restarts (RFC 8445 9). */
final class Exchange {
  /** How many candidates of a generation to come are kept, and how many ufrags of generations past. */
  private static final int MAX_EARLY = 128;

  private static final int MAX_PAST = 16;
  /** How many generations are still answered for: restarts may follow each other before one completes. */
  private static final int MAX_PREVIOUS = 4;

  private final Session session;
  private final ChecklistSet set;
  private final Gathering gathering;
  private final CheckServer server;
  private final Roles roles;
  private final Nomination nomination;
  private final Paths paths;
  private final LitePairing litePairing;

  Exchange(
      Session session,
      ChecklistSet set,
      Gathering gathering,
      CheckServer server,
      Roles roles,
      Nomination nomination,
      Paths paths) {
    this.session = session;
    this.set = set;
    this.gathering = gathering;
    this.server = server;
    this.roles = roles;
    this.nomination = nomination;
    this.paths = paths;
    litePairing = new LitePairing(session, set, nomination, paths);
  }

  // parameters

  void setRemote(IceStream stream, IceParameters remote, long now) {
    IceParameters known = stream.current.remote;
    if (known != null) {
      boolean sameUfrag = known.ufrag().equals(remote.ufrag());
      boolean samePassword = known.password().equals(remote.password());
      if (sameUfrag && samePassword) {
        if (known.lite() != remote.lite()) {
          throw new IllegalArgumentException("lite " + remote.lite()
              + ": only a restart changes between a lite and a full agent (RFC 8445 9)");
        }
        return;
      }
      if (sameUfrag || samePassword) {
        throw new IllegalArgumentException(
            (sameUfrag ? "ice-pwd ***" : "ice-ufrag \"" + remote.ufrag() + "\"")
                + " changed alone: a restart changes both (RFC 8445 9)");
      }
    }
    if (stream.pastRemoteUfrags.contains(remote.ufrag())) {
      session.drop(DropReason.CANDIDATE_LATE);
      return;
    }
    if (known != null) {
      restart(stream, now);
    }
    bind(stream, remote, now);
  }

  private void bind(IceStream stream, IceParameters remote, long now) {
    Generation generation = stream.current;
    generation.bind(remote);
    generation.list.renomination = session.configuration.renomination && remote.has("renomination");
    agreeOnPacing();
    roles.determine(remote, now);
    startPatience(generation, now);
    List<IceStream.EarlyCandidate> early = List.copyOf(stream.early);
    stream.early.clear();
    for (IceStream.EarlyCandidate item : early) {
      if (item.candidate() == null) {
        endOfRemoteCandidates(stream, item.ufrag(), now);
      } else {
        addRemoteCandidate(stream, item.ufrag(), item.candidate(), now);
      }
    }
    startIfReady(generation, now);
    paths.updateState(now);
  }

  /** RFC 8445 14.2: the largest that was proposed. */
  private void agreeOnPacing() {
    int pacing = session.configuration.pacing;
    for (IceStream stream : session.streams) {
      IceParameters remote = stream.current.remote;
      pacing = remote == null ? pacing : Math.max(pacing, remote.pacingMillis());
    }
    session.ta = pacing * 1_000_000L;
  }

  /** RFC 8863 4: no failure before the peer has had the time of a whole check. */
  private void startPatience(Generation generation, long now) {
    long rto = session.configuration.retransmission.initialRtoNanos();
    generation.patienceUntil = now + session.configuration.retransmission.transactionTimeout(rto);
    generation.patience = new Timer(time -> nomination.updateList(generation, time));
    session.schedule(generation.patience, generation.patienceUntil);
    generation.remoteSilence =
        new Timer(time -> endOfRemoteCandidates(generation.stream, null, time));
    session.schedule(generation.remoteSilence, now + session.configuration.endOfCandidatesLimit);
  }

  // candidates

  void addRemoteCandidate(IceStream stream, @Nullable String ufrag, Candidate candidate, long now) {
    Generation generation = stream.current;
    if (isEarly(stream, ufrag)) {
      keepEarly(stream, new IceStream.EarlyCandidate(ufrag, candidate));
      return;
    }
    if (!belongs(generation, ufrag) || generation.remoteEnded) {
      session.drop(DropReason.CANDIDATE_LATE);
      return;
    }
    if (session.configuration.refuses(candidate) || candidate.component() > stream.components) {
      session.drop(DropReason.CANDIDATE_REFUSED);
      session.log(
          "remote candidate " + candidate + " refused", "its address or component may not be used");
      return;
    }
    if (generation.remoteSilence != null) {
      session.schedule(generation.remoteSilence, now + session.configuration.endOfCandidatesLimit);
    }
    RemoteCandidate known = generation.remote(candidate.address(), candidate.component());
    if (known != null) {
      if (!known.signalled()) {
        adopt(generation, known, candidate);
        set.addRemote(generation, known, now); // so far it was paired with one base only
        nomination.evaluate(generation, now); // its pair may now be worse than the best valid one
      }
      return;
    }
    if (generation.remotes().size() >= Generation.MAX_REMOTES
        && !set.makeRoom(generation, candidate.priority())) {
      session.drop(DropReason.TABLE_FULL);
      return;
    }
    RemoteCandidate remote = new RemoteCandidate(candidate, true);
    generation.add(remote);
    set.addRemote(generation, remote, now);
  }

  void endOfRemoteCandidates(IceStream stream, @Nullable String ufrag, long now) {
    Generation generation = stream.current;
    if (isEarly(stream, ufrag)) {
      keepEarly(stream, new IceStream.EarlyCandidate(ufrag, null));
      return;
    }
    if (!belongs(generation, ufrag) || generation.remoteEnded) {
      return;
    }
    generation.remoteEnded = true;
    if (generation.remoteSilence != null) {
      session.cancel(generation.remoteSilence);
    }
    agreeOnComponents(generation);
    startIfReady(generation, now);
    nomination.evaluate(generation, now);
    nomination.updateList(generation, now);
  }

  /** RFC 8445 6.1.2.2: no more components than either side has candidates for, once it has told them all. */
  private static void agreeOnComponents(Generation generation) {
    Checklist list = generation.list;
    if (generation.remoteEnded) {
      list.limitComponents(generation.remotes().stream()
          .mapToInt(remote -> remote.candidate().component())
          .max()
          .orElse(0));
    }
    if (generation.gathered) {
      list.limitComponents(generation.highestTold);
    }
  }

  /** Whether something belongs to a generation of the peer whose parameters have not come yet. */
  private static boolean isEarly(IceStream stream, @Nullable String ufrag) {
    IceParameters remote = stream.current.remote;
    return remote == null
        ? ufrag == null || !stream.pastRemoteUfrags.contains(ufrag)
        : ufrag != null
            && !ufrag.equals(remote.ufrag())
            && !stream.pastRemoteUfrags.contains(ufrag);
  }

  private static boolean belongs(Generation generation, @Nullable String ufrag) {
    return generation.remote != null && (ufrag == null || ufrag.equals(generation.remote.ufrag()));
  }

  private void keepEarly(IceStream stream, IceStream.EarlyCandidate early) {
    if (stream.early.size() < MAX_EARLY) {
      stream.early.add(early);
    } else {
      session.drop(DropReason.TABLE_FULL);
    }
  }

  /** RFC 8445 7.3.1.3, RFC 8838 11: what was learnt from a check takes over what the peer says of it. */
  private void adopt(Generation generation, RemoteCandidate known, Candidate told) {
    known.adopt(told);
    for (CandidatePair pair : generation.list.pairs()) {
      if (pair.remote == known) {
        pair.computePriority(session.role);
      }
    }
    generation.list.sort();
  }

  /** The peer told which pair it uses, as two lite agents do (RFC 8445 8.2). */
  void addRemoteSelection(
      IceStream stream, int component, TransportAddress local, TransportAddress remote, long now) {
    Generation generation = stream.current;
    if (generation.started && session.configuration.lite) {
      litePairing.agree(generation, component, local, remote, now);
    }
  }

  // beginning and beginning again

  void gathered(Generation generation, long now) {
    agreeOnComponents(generation);
    startIfReady(generation, now);
    nomination.updateList(generation, now);
  }

  /** Checks begin when both sides' parameters are known; without trickling, when both have told all candidates. */
  private void startIfReady(Generation generation, long now) {
    if (generation.started || generation.remote == null) {
      return;
    }
    boolean allTold = generation.gathered && generation.remoteEnded;
    if (session.configuration.lite) {
      server.takeEarly(generation, now);
      if (allTold && generation.remote.lite()) {
        generation.started = true;
        litePairing.pair(generation, now);
      }
      return;
    }
    if (allTold || trickles(generation)) {
      set.start(generation, now);
      server.takeEarly(generation, now);
    }
  }

  /** RFC 8838 5: with a peer that says that it does not trickle, ICE is done in the regular way. */
  boolean trickles(Generation generation) {
    IceParameters remote = generation.remote;
    boolean peerMay = remote == null || remote.options() == null || remote.has("trickle");
    return session.configuration.trickle && peerMay;
  }

  /** RFC 8445 9. */
  void restart(IceStream stream, long now) {
    Generation old = stream.current;
    old.retire(session);
    stream.previous.add(old);
    if (stream.previous.size() > MAX_PREVIOUS) {
      stream.previous.remove(0);
    }
    if (old.remote != null) {
      stream.pastRemoteUfrags.add(old.remote.ufrag());
      if (stream.pastRemoteUfrags.size() > MAX_PAST) {
        stream.pastRemoteUfrags.remove(0);
      }
    }
    for (CandidatePair pair : List.copyOf(old.list.pairs())) {
      set.remove(pair, "the stream restarted");
    }
    stream.current = new Generation(stream, old.number + 1, session.configuration.random);
    session.outbox.event(
        new IceEvent.Restarted(stream.index, stream.current.number, parameters(stream.current)));
    gathering.begin(stream.current, now);
    paths.update(stream, now);
  }

  /** What the peer is told of a generation. */
  IceParameters parameters(Generation generation) {
    IceConfiguration configuration = session.configuration;
    Set<String> options = new LinkedHashSet<>();
    options.add("ice2"); // RFC 8445 10
    if (configuration.trickle) {
      options.add("trickle");
    }
    if (configuration.renomination) {
      options.add("renomination");
    }
    return new IceParameters(
        generation.ufrag,
        generation.password,
        configuration.lite,
        configuration.lite ? null : configuration.pacing, // RFC 8839 5.5: a lite agent tells none
        options);
  }
}

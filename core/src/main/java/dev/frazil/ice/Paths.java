package dev.frazil.ice;

import dev.frazil.ice.IceStream.Base;
import dev.frazil.ice.Session.Timer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which pair carries each component's data (RFC 8445 12), whether it still may, and what that makes of the session. */
final class Paths {
  private final Session session;
  private final Map<CandidatePair, Consent> watched = new HashMap<>(2);
  private @Nullable Nomination nomination;
  private @Nullable Roles roles;
  private IceState state = IceState.NEW;

  Paths(Session session) {
    this.session = session;
  }

  /** Closes the circle: selecting changes paths, and losing a path can end a nomination. */
  void connect(Nomination concluding, Roles roleConflicts) {
    nomination = concluding;
    roles = roleConflicts;
  }

  IceState state() {
    return state;
  }

  /** Until when consent that is given now lasts. */
  long consentFrom(long now) {
    return session.configuration.consent && !session.configuration.lite
        ? now + session.configuration.failedAfter
        : ProtocolMachine.NEVER;
  }

  // choosing the path of data

  /** Chooses each component's path anew. */
  void update(IceStream stream, long now) {
    reroute(stream, now);
    updateState(now);
  }

  /** The agent was closed: no path is left. */
  void close(long now) {
    session.streams.forEach(stream -> reroute(stream, now));
    updateState(now);
  }

  private void reroute(IceStream stream, long now) {
    for (int component = 1; component <= stream.components; component++) {
      CandidatePair before = stream.route(component);
      CandidatePair after = choose(stream, component, now);
      if (before == after) {
        continue;
      }
      stream.routes[component - 1] = after;
      if (before != null) {
        unwatch(before);
      }
      if (after != null) {
        watched.put(after, new Consent(session, this, Objects.requireNonNull(roles), after, now));
      }
      FiveTuple path = after == null ? null : after.path;
      session.outbox.event(new IceEvent.PathChanged(stream.index, component, path));
    }
  }

  private @Nullable CandidatePair choose(IceStream stream, int component, long now) {
    Generation current = stream.current;
    if (session.closed
        || current.list.state == Checklist.State.FAILED
        || !current.list.wants(component)) {
      return null; // RFC 8445 12.1: nothing on any component of a stream that failed
    }
    CandidatePair selected = current.selected(component);
    boolean lite = session.configuration.lite;
    if (selected != null && (!lite || current.hasSelectedAll())) {
      return selected.hasConsent(now) ? selected : null;
    }
    CandidatePair route = stream.route(component);
    if (route != null && route.generation != current && route.hasConsent(now)) {
      return route; // RFC 8445 12.1: during a restart, the path of before
    }
    if (lite) {
      return null; // RFC 8445 12.1.1: not before every component has its pair
    }
    for (CandidatePair pair : current.list.pairs()) {
      if (pair.component() == component && pair.isValid() && pair.hasConsent(now)) {
        return pair;
      }
    }
    return null;
  }

  private void unwatch(CandidatePair pair) {
    Consent consent = watched.remove(pair);
    if (consent != null) {
      consent.stop();
    }
  }

  // losing a path

  /** A pair is no longer valid: its check failed, or its base is gone. */
  void invalidate(CandidatePair pair, String why, long now) {
    boolean wasValid = pair.isValid();
    pair.valid = null;
    pair.consentUntil = 0;
    if (wasValid) {
      lost(pair, why, now);
    }
  }

  /** RFC 7675: the peer's consent ended. Its credentials are not used on this path again. */
  void consentLost(CandidatePair pair, String why, long now) {
    IceStream stream = pair.generation.stream;
    session.log(pair, pair.state, "consent lost: " + why);
    session.outbox.event(new IceEvent.ConsentLost(stream.index, pair.component(), why));
    pair.valid = null;
    pair.consentUntil = 0;
    pair.consentLost = true;
    if (pair.base.relay != null) {
      pair.base.relay.doubt();
    }
    Objects.requireNonNull(nomination).abandon(pair, "consent lost");
    lost(pair, "consent lost: " + why, now);
  }

  private void lost(CandidatePair pair, String why, long now) {
    Generation generation = pair.generation;
    if (generation.isCurrent() && generation.isSelected(pair)) {
      Objects.requireNonNull(nomination).selectedLost(pair, why, now);
    }
    update(generation.stream, now);
    reconsider(generation, now);
  }

  /** The peer sees the sender of a selected pair at this address. */
  void seenAs(CandidatePair pair, @Nullable TransportAddress mapped, long now) {
    if (mapped != null && pair.isValid() && !mapped.equals(pair.localAsSeen().address())) {
      Objects.requireNonNull(nomination).remapped(pair, now);
    }
  }

  /** Something that a generation relied on is gone: looks for what is left. */
  void reconsider(Generation generation, long now) {
    if (generation.isCurrent()) {
      Objects.requireNonNull(nomination).reconsider(generation, now);
    }
  }

  // freeing candidates (RFC 8445 8.3)

  void releaseLater(Generation generation, long now) {
    if (generation.list.renomination) {
      return;
    }
    generation.release = new Timer(time -> release(generation, time));
    session.schedule(generation.release, now + session.configuration.releaseAfter);
  }

  private void release(Generation generation, long now) {
    if (!generation.isCurrent() || generation.list.state != Checklist.State.COMPLETED) {
      return;
    }
    Set<Base> used = new HashSet<>();
    for (int component = 1; component <= generation.list.components; component++) {
      CandidatePair selected = Objects.requireNonNull(generation.selected(component));
      used.add(selected.base);
      used.add(selected.base.socket());
      if (selected.base.relay != null) {
        selected.base.relay.keepOnly(selected.path.remote().ip());
      }
    }
    for (Base base : List.copyOf(generation.stream.bases)) {
      for (Relay relay : List.copyOf(base.relays)) {
        if (relay.bases.stream().noneMatch(used::contains)) {
          relay.bases.forEach(each -> forget(generation, each));
          relay.close(now);
        }
      }
      if (!used.contains(base)) {
        forget(generation, base);
        generation.stream.bases.remove(base);
        base.close(session, now);
      }
    }
  }

  private void forget(Generation generation, Base base) {
    Objects.requireNonNull(nomination).forget(base, "no selected pair uses its base");
    base.closed = true;
    generation.removeLocals(base);
    session.log("base " + base + " freed", "no selected pair uses it");
  }

  // the session's state

  /** Judges the session's state anew and tells it when it changed. */
  void updateState(long now) {
    IceState next = judge();
    if (next == state) {
      return;
    }
    state = next;
    session.outbox.event(new IceEvent.StateChanged(next, reason(next)));
  }

  private IceState judge() {
    if (session.closed) {
      return IceState.CLOSED;
    }
    boolean begun = false;
    boolean allFailed = true;
    boolean allCompleted = true;
    boolean allRoutes = true;
    for (IceStream stream : session.streams) {
      Generation generation = stream.current;
      begun |= generation.remote != null || generation.number > 0;
      if (generation.list.state == Checklist.State.FAILED) {
        allCompleted = false;
        continue; // RFC 8445 8.1.2: the others go on
      }
      allFailed = false;
      allCompleted &= generation.list.state == Checklist.State.COMPLETED;
      allRoutes &= stream.hasAllRoutes();
    }
    if (!begun) {
      return IceState.NEW;
    }
    if (allFailed) {
      return IceState.FAILED;
    }
    if (!allRoutes) {
      boolean wasUp = state == IceState.CONNECTED
          || state == IceState.COMPLETED
          || state == IceState.DISCONNECTED;
      return wasUp
          ? IceState.DISCONNECTED
          : state == IceState.FAILED && !restarted() ? IceState.FAILED : IceState.CHECKING;
    }
    if (watched.values().stream().anyMatch(Consent::inDoubt)) {
      return IceState.DISCONNECTED;
    }
    return allCompleted ? IceState.COMPLETED : IceState.CONNECTED;
  }

  /** Whether a generation has begun since the failure: only then is the session checking again. */
  private boolean restarted() {
    return session.streams.stream().anyMatch(stream -> !stream.current.failureTold);
  }

  private @Nullable String reason(IceState next) {
    if (next == IceState.DISCONNECTED) {
      return "no answer from the peer";
    }
    if (next != IceState.FAILED) {
      return null;
    }
    return session.streams.isEmpty() ? "no stream" : session.streams.get(0).current.failure;
  }
}

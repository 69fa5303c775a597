package dev.frazil.ice;

import dev.frazil.ice.Generation.LocalCandidate;
import dev.frazil.ice.Generation.RemoteCandidate;
import dev.frazil.ice.IceStream.Base;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeSet;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Answers connectivity checks and does what they ask for (RFC 8445 7.3). */
final class CheckServer {
  /**
   * What an authenticated check says.
   *
   * @param ufrag the sender's ufrag
   * @param nomination the NOMINATION attribute, at least 1; 0 without one
   */
  record Facts(String ufrag, int priority, boolean useCandidate, int nomination) {
    static Facts of(StunMessage request, String ufrag) {
      return new Facts(
          ufrag,
          request.intValue(AttributeType.PRIORITY, 0),
          request.has(AttributeType.USE_CANDIDATE),
          request.has(AttributeType.NOMINATION)
              ? Math.max(1, request.intValue(AttributeType.NOMINATION, 1) & 0xFF_FFFF)
              : 0);
    }

    /** With renomination agreed, libwebrtc nominates by the attribute alone. */
    boolean nominates(boolean renomination) {
      return useCandidate || renomination && nomination > 0;
    }
  }

  private static final AttributeSet UNDERSTOOD =
      AttributeSet.of(AttributeType.USERNAME, AttributeType.PRIORITY, AttributeType.USE_CANDIDATE);

  /** How many attributes a 420 names: an answer has no more room than any other message. */
  private static final int MAX_UNKNOWN = 64;

  private final Session session;
  private final ChecklistSet set;
  private final Roles roles;
  private final Nomination nomination;
  private final Paths paths;

  CheckServer(Session session, ChecklistSet set, Roles roles, Nomination nomination, Paths paths) {
    this.session = session;
    this.set = set;
    this.roles = roles;
    this.nomination = nomination;
    this.paths = paths;
  }

  /** A Binding request with a FINGERPRINT that holds came in. */
  void handle(Base base, FiveTuple path, StunMessage request, long now) {
    if (base.relay == null && session.configuration.isRelayOnly()) {
      session.drop(DropReason.CANDIDATE_REFUSED); // an answer would tell the address
      return;
    }
    if (!canHear(path.remote())) {
      session.drop(DropReason.BAD_REQUEST);
      return;
    }
    String username = request.get(AttributeType.USERNAME);
    if (username == null || !request.hasIntegrity()) {
      refuse(base, path, request, ErrorCode.BAD_REQUEST, null, DropReason.BAD_REQUEST, now);
      return;
    }
    int colon = username.indexOf(':');
    Generation generation =
        colon < 0 ? null : base.stream.generationOf(username.substring(0, colon));
    if (generation == null || !request.verifyIntegrity(generation.localKey)) {
      refuse(base, path, request, ErrorCode.UNAUTHENTICATED, null, DropReason.UNAUTHENTICATED, now);
      return;
    }
    if (isRefused(generation, base, path, request)) {
      refuse(
          base, path, request, ErrorCode.FORBIDDEN, generation, DropReason.CANDIDATE_REFUSED, now);
      return;
    }
    int refusal = refusal(path, request, generation, now);
    if (refusal != 0) {
      boolean bad = refusal == ErrorCode.BAD_REQUEST || refusal == ErrorCode.UNKNOWN_ATTRIBUTE;
      refuse(base, path, request, refusal, generation, bad ? DropReason.BAD_REQUEST : null, now);
      return;
    }
    base.authenticated(path.remote());
    Facts facts = Facts.of(request, username.substring(colon + 1));
    // checks of the generation before are answered only (ICE-3640)
    if (generation.isCurrent() && !act(generation, base, path.remote(), facts, now)) {
      return;
    }
    answer(base, path, request, generation, now);
    CandidatePair pair = generation.list.find(path); // perhaps just learnt
    if (pair != null) {
      count(pair, request);
      pair.lastSent = now;
    }
  }

  private static void count(CandidatePair pair, StunMessage request) {
    pair.counters.requestsReceived++;
    pair.counters.responsesSent++;
    int network = request.intValue(AttributeType.GOOG_NETWORK_INFO, 0);
    if (network != 0) {
      pair.counters.remoteNetwork = new IceStatistics.NetworkHint(network >>> 16, network & 0xFFFF);
    }
  }

  /** Whether anybody can be where an answer would go. */
  private static boolean canHear(TransportAddress source) {
    IpAddress ip = source.ip();
    return source.port() != 0 && !ip.isUnspecified() && !ip.isMulticast() && !ip.isBroadcast();
  }

  /** Whether a check comes from where no remote candidate may be: its sender would become one. */
  private boolean isRefused(Generation generation, Base base, FiveTuple path, StunMessage request) {
    return generation.isCurrent() // else it is only answered
        && generation.remote(path.remote(), base.component) == null
        && generation.list.find(path) == null
        && session.configuration.refuses(peerReflexive(
            "prflx", base, path, Math.max(1, request.intValue(AttributeType.PRIORITY, 1))));
  }

  private static Candidate peerReflexive(
      String foundation, Base base, FiveTuple path, int priority) {
    return new Candidate(
        foundation,
        base.component,
        priority,
        Generation.withoutScope(path.remote()),
        CandidateType.PEER_REFLEXIVE,
        null,
        Map.of());
  }

  /** The code with which an authenticated request is refused; 0 when it is accepted. */
  private int refusal(FiveTuple path, StunMessage request, Generation generation, long now) {
    if (request.unknownRequired(UNDERSTOOD).length > 0) {
      return ErrorCode.UNKNOWN_ATTRIBUTE;
    }
    if (generation.revoked) {
      return ErrorCode.FORBIDDEN;
    }
    boolean controlling = request.has(AttributeType.ICE_CONTROLLING);
    boolean controlled = request.has(AttributeType.ICE_CONTROLLED);
    boolean malformed = controlling && controlled
        || request.isMalformed(AttributeType.ICE_CONTROLLING)
        || request.isMalformed(AttributeType.ICE_CONTROLLED)
        || request.intValue(AttributeType.PRIORITY, 0) <= 0;
    if (malformed) {
      return ErrorCode.BAD_REQUEST;
    }
    if (!session.configuration.lite
        && (controlling || controlled)
        && conflicts(request, controlling, now)) {
      return ErrorCode.ROLE_CONFLICT;
    }
    boolean nominates = session.role == Role.CONTROLLED
        && generation.isCurrent()
        && (request.has(AttributeType.USE_CANDIDATE)
            || generation.list.renomination && request.has(AttributeType.NOMINATION));
    return nominates && !mayBeNominated(generation, path)
        ? ErrorCode.BAD_REQUEST // RFC 8445 7.3.1.5
        : 0;
  }

  private boolean mayBeNominated(Generation generation, FiveTuple path) {
    CandidatePair pair = generation.list.find(path);
    return !generation.list.lost
        && (pair == null || !pair.consentLost)
        && session.configuration.nominationFilter.test(path);
  }

  /** RFC 8445 7.3.1.1. */
  private boolean conflicts(StunMessage request, boolean controlling, long now) {
    return controlling
        ? roles.refuses(Role.CONTROLLING, request.longValue(AttributeType.ICE_CONTROLLING, 0), now)
        : roles.refuses(Role.CONTROLLED, request.longValue(AttributeType.ICE_CONTROLLED, 0), now);
  }

  /** @param generation whose password protects the answer; null before the request is authenticated */
  private void refuse(
      Base base,
      FiveTuple path,
      StunMessage request,
      int code,
      @Nullable Generation generation,
      @Nullable DropReason reason,
      long now) {
    StunBuilder builder =
        StunBuilder.error(Method.BINDING, request.transactionId(), session.messageBuffer(), code);
    if (code == ErrorCode.UNKNOWN_ATTRIBUTE) {
      int[] unknown = request.unknownRequired(UNDERSTOOD);
      builder.put(
          AttributeType.UNKNOWN_ATTRIBUTES,
          Arrays.copyOf(unknown, Math.min(unknown.length, MAX_UNKNOWN)));
    }
    if (generation != null) {
      builder.integrity(generation.localKey);
    }
    base.transmit(session, path, builder.fingerprint().finish(), now);
    if (reason != null) {
      session.drop(reason);
    }
  }

  private void answer(
      Base base, FiveTuple path, StunMessage request, Generation generation, long now) {
    base.transmit(
        session,
        path,
        StunBuilder.success(Method.BINDING, request.transactionId(), session.messageBuffer())
            .put(AttributeType.XOR_MAPPED_ADDRESS, path.remote())
            .integrity(generation.localKey)
            .fingerprint()
            .finish(),
        now);
  }

  /** Does for checks that came early what waited for the peer's parameters (RFC 8445 7.3). */
  void takeEarly(Generation generation, long now) {
    for (Generation.EarlyCheck check : generation.takeEarly()) {
      act(generation, check.base(), check.source(), check.facts(), now);
    }
  }

  /**
   * Does what an authenticated check asks for.
   *
   * @return whether to answer it: false when there is no room for its pair, which the peer could otherwise nominate
   */
  private boolean act(
      Generation generation, Base base, TransportAddress source, Facts facts, long now) {
    IceParameters remote = generation.remote;
    if (remote != null && !remote.ufrag().equals(facts.ufrag())) {
      // of another answer to the same description (RFC 8445 7.3.1.4): no password to check it with
      return true;
    }
    boolean ready = session.configuration.lite ? remote != null : generation.started;
    if (!ready) {
      if (!generation.keep(new Generation.EarlyCheck(base, source, facts))) {
        session.drop(DropReason.TABLE_FULL);
      }
      return true;
    }
    FiveTuple path = new FiveTuple(base.address, source);
    CandidatePair pair = generation.list.find(path);
    if (concluded(generation, base, pair, facts)) {
      nomination.contradicted(generation, base.component, pair, now);
      return true;
    }
    if (pair == null) {
      pair = learn(generation, base, path, facts);
      if (pair == null) {
        return false;
      }
    }
    if (session.configuration.lite) {
      takeAsLite(pair, facts, now);
      return true;
    }
    trigger(pair, now);
    if (facts.nominates(generation.list.renomination)) {
      nomination.nominatedByPeer(pair, facts.nomination(), now);
    }
    return true;
  }

  /** After nomination a check is only answered (RFC 8445 11), unless the peer nominates another pair. */
  private static boolean concluded(
      Generation generation, Base base, @Nullable CandidatePair pair, Facts facts) {
    CandidatePair selected = generation.selected(base.component);
    if (!generation.list.wants(base.component)
        || generation.list.lost
        || pair != null && pair.consentLost) {
      return true;
    }
    return selected != null
        && !generation.list.renomination
        && (!facts.useCandidate() || pair == selected);
  }

  /** RFC 8445 7.3.1.3, 7.3.1.4: a pair that is not on the checklist joins it. */
  private @Nullable CandidatePair learn(
      Generation generation, Base base, FiveTuple path, Facts facts) {
    RemoteCandidate remote = generation.remote(path.remote(), base.component);
    boolean known = remote != null;
    if (remote == null) {
      if (!generation.mayLearn(base, path.remote().ip(), session.configuration.maxPairs)) {
        session.drop(DropReason.TABLE_FULL);
        return null;
      }
      String foundation = generation.freshRemoteFoundation();
      remote = new RemoteCandidate(peerReflexive(foundation, base, path, facts.priority()), false);
    }
    LocalCandidate local = generation.localOf(base);
    CandidatePair pair = local == null ? null : set.form(generation, local, remote, path, true);
    if (pair == null) {
      session.drop(DropReason.TABLE_FULL);
      return null;
    }
    boolean full = !known && generation.remotes().size() >= Generation.MAX_REMOTES;
    if (full
        && !set.makeRoom(generation, Integer.MAX_VALUE)) { // who checks is there, others may not be
      set.remove(pair, "too many remote candidates");
      session.drop(DropReason.TABLE_FULL);
      return null;
    }
    generation.add(remote);
    return pair;
  }

  /** RFC 8445 7.3.1.4. */
  private void trigger(CandidatePair pair, long now) {
    switch (pair.state) {
      case SUCCEEDED -> {}
      case IN_PROGRESS -> {
        if (pair.nominating) {
          return; // it is valid already
        }
        set.trigger(pair, "the peer's check came in: check again", now);
      }
      case WAITING, FROZEN, FAILED -> set.trigger(pair, "the peer's check came in", now);
    }
  }

  /** RFC 8445 7.3.2. */
  private void takeAsLite(CandidatePair pair, Facts facts, long now) {
    if (!facts.useCandidate()) {
      return;
    }
    pair.valid = pair.local;
    pair.consentUntil = paths.consentFrom(now);
    set.set(pair, PairState.SUCCEEDED, "nominated by the peer");
    nomination.nominatedByPeer(pair, facts.nomination(), now);
  }
}

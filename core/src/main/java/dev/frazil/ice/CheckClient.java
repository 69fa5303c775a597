package dev.frazil.ice;

import dev.frazil.ice.Generation.LocalCandidate;
import dev.frazil.ice.IceStream.Base;
import dev.frazil.ice.Session.Timer;
import dev.frazil.ice.Session.Transaction;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeSet;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ClientTransaction;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Objects;

/** Sends connectivity checks and judges their responses (RFC 8445 7.2). */
final class CheckClient implements Schedule.Work {
  private static final AttributeSet UNDERSTOOD = AttributeSet.of(
      AttributeType.XOR_MAPPED_ADDRESS,
      AttributeType.MAPPED_ADDRESS,
      AttributeType.ERROR_CODE,
      AttributeType.UNKNOWN_ATTRIBUTES,
      AttributeType.USERNAME,
      AttributeType.PRIORITY,
      AttributeType.USE_CANDIDATE);

  /** A conflict is over after one round trip or two; a peer that goes on about it is broken. */
  private static final int MAX_CONFLICTS = 8;

  private final Session session;
  private final ChecklistSet set;
  private final Roles roles;
  private final Nomination nomination;
  private final Paths paths;
  private final Rechecks rechecks;

  CheckClient(Session session, ChecklistSet set, Roles roles, Nomination nomination, Paths paths) {
    this.session = session;
    this.set = set;
    this.roles = roles;
    this.nomination = nomination;
    this.paths = paths;
    rechecks = new Rechecks(session, set);
  }

  @Override
  public boolean pending() {
    return set.pending();
  }

  @Override
  public boolean startOne(long now) {
    CandidatePair pair = set.next();
    if (pair == null) {
      return false;
    }
    send(pair, now);
    return true;
  }

  // RFC 8445 7.2.2, 7.2.4: sending

  private void send(CandidatePair pair, long now) {
    Generation generation = pair.generation;
    boolean useCandidate = pair.nominating && session.role == Role.CONTROLLING;
    int value = useCandidate && generation.list.renomination ? ++generation.nominations : 0;
    TransactionId id = session.newTransactionId();
    StunBuilder builder = begin(session, pair, id);
    if (useCandidate) {
      builder.flag(AttributeType.USE_CANDIDATE);
    }
    if (value > 0) {
      builder.put(AttributeType.NOMINATION, value);
    }
    ByteBuffer request = finish(builder, pair);
    ClientTransaction transaction = new ClientTransaction(
        pair.path,
        request,
        session.configuration.retransmission,
        session.configuration.retransmission.initialRtoNanos());
    Check check =
        new Check(this, pair, transaction, session.role, useCandidate, value, checkPriority(pair));
    session.open(id, check);
    pair.check = check;
    pair.failedEarly = false;
    pair.sent(now);
    pair.counters.requestsSent++;
    set.set(pair, PairState.IN_PROGRESS, useCandidate ? "nominating check sent" : "check sent");
    transaction.start(pair.base.outbox(session, now), now);
    session.schedule(check.timer, transaction.nextTimeout());
    nomination.evaluate(generation, now);
  }

  /** Begins a request with what every check and consent check carries (RFC 8445 7.1, 7.2.2). */
  static StunBuilder begin(Session session, CandidatePair pair, TransactionId id) {
    StunBuilder builder = StunBuilder.request(Method.BINDING, id, session.messageBuffer())
        .put(AttributeType.USERNAME, pair.generation.username)
        .put(AttributeType.PRIORITY, checkPriority(pair));
    return session.putRole(builder);
  }

  static ByteBuffer finish(StunBuilder builder, CandidatePair pair) {
    IntegrityKey key = Objects.requireNonNull(pair.generation.remoteKey);
    return builder
        .integrity(key)
        .fingerprint()
        .finish(); // SHA-1 only: RFC 5389 peers know no other (ICE-1990)
  }

  /** RFC 8445 7.1.1: the priority that a peer-reflexive candidate learnt from this check gets. */
  private static int checkPriority(CandidatePair pair) {
    int localPreference = pair.local.candidate().priority() >> 8 & 0xFFFF;
    return Candidate.priority(
        CandidateType.PEER_REFLEXIVE.preference(), localPreference, pair.component());
  }

  void handleTimeout(Check check, long now) {
    ClientTransaction transaction = check.transaction;
    if (nomination.givesUp(check, now)) {
      set.cancelCheck(check.pair);
      check.pair.failedEarly = true;
      fail(check, "nomination not answered while another pair is valid", now);
      return;
    }
    if (transaction.handleTimeout(check.pair.base.outbox(session, now), now)) {
      session.schedule(check.timer, transaction.nextTimeout());
      if (!transaction.isCancelled()) {
        check.pair.counters.retransmissionsSent++;
        check.pair.sent(now);
        nomination.evaluate(check.pair.generation, now);
      }
      set.wake(now); // pairs that it held back
      return;
    }
    session.forget(transaction.id());
    if (isCurrent(check)) {
      fail(check, "no answer", now); // RFC 8445 7.2.5.2.3
    }
  }

  /** RFC 8445 7.2.5.2.2. A pair that has worked is not given up for what anybody can make up. */
  void handleUnreachable(Check check, long now) {
    if (isCurrent(check) && !check.pair.nominating && !check.pair.isValid()) {
      set.cancelCheck(check.pair);
      fail(check, "the network says that it can't be reached", now);
    }
  }

  /** Whether the check is the one that decides its pair's fate: neither cancelled nor of a removed pair. */
  private static boolean isCurrent(Check check) {
    return check.pair.check == check && !check.pair.removed;
  }

  // RFC 8445 7.2.5: responses

  void handleResponse(Check check, FiveTuple path, StunMessage response, long now) {
    CandidatePair pair = check.pair;
    if (!response.hasIntegrity()
        || !response.verifyIntegrity(Objects.requireNonNull(pair.generation.remoteKey))) {
      session.drop(DropReason.FORGED_RESPONSE);
      return;
    }
    session.forget(check.transaction.id());
    session.cancel(check.timer);
    if (pair.removed || pair.consentLost || !pair.generation.isCurrent()) {
      return;
    }
    ErrorCode error = response.messageClass() == MessageClass.ERROR
        ? response.get(AttributeType.ERROR_CODE)
        : null;
    boolean conflict = error != null && error.code() == ErrorCode.ROLE_CONFLICT;
    if (conflict && ++pair.conflicts <= MAX_CONFLICTS) { // 7.2.5: before all else
      conflict(check, now);
      return;
    }
    if (!path.equals(check.transaction.path())) { // 7.2.5.2.1
      pair.failedEarly |= isCurrent(check);
      failIfCurrent(check, "the answer came in from " + path.remote() + " at " + path.local(), now);
      return;
    }
    pair.base.authenticated(path.remote());
    measure(check, now);
    if (error != null && error.code() == ErrorCode.FORBIDDEN && pair.hasConsent(now)) {
      paths.consentLost(pair, "the peer revoked it", now); // RFC 7675 5.2
      return;
    }
    if (response.messageClass() == MessageClass.ERROR) { // 7.2.5.2.4
      failIfCurrent(
          check, error == null ? "an error without a code" : "error " + error.code(), now);
      return;
    }
    TransportAddress mapped =
        response.get(AttributeType.XOR_MAPPED_ADDRESS, path.local().transport());
    if (mapped == null || response.unknownRequired(UNDERSTOOD).length > 0) {
      session.drop(DropReason.BAD_RESPONSE);
      failIfCurrent(check, "the answer lacks what it must have", now);
      return;
    }
    succeed(check, mapped, now);
  }

  private void measure(Check check, long now) {
    if (check.transaction.sends() == 1) { // of several sends, none knows which was answered
      long roundTrip = now - check.transaction.firstSent();
      check.pair.counters.answered(roundTrip);
      Generation generation = check.pair.generation;
      generation.maxRoundTrip = Math.max(generation.maxRoundTrip, roundTrip);
    } else {
      check.pair.counters.responsesReceived++;
    }
  }

  /** RFC 8445 7.2.5.1. */
  private void conflict(Check check, long now) {
    roles.conflictReported(check.role, now);
    if (isCurrent(check)) {
      check.pair.check = null;
      set.trigger(check.pair, "role conflict: check again", now);
    }
  }

  private void failIfCurrent(Check check, String why, long now) {
    if (isCurrent(check)) {
      fail(check, why, now);
    }
  }

  /** RFC 8445 7.2.5.2, 7.2.5.3.4, 7.3.1.5. */
  private void fail(Check check, String why, long now) {
    CandidatePair pair = check.pair;
    boolean nominated = pair.nominating || pair.nominatedByPeer;
    pair.check = null;
    pair.nominating = false;
    pair.nominatedByPeer = false;
    set.set(pair, PairState.FAILED, why);
    pair.generation.nominationFailed |= nominated;
    CandidatePair valid = pair.isValid() ? pair : pair.generation.list.validOf(pair);
    if (valid != null) {
      paths.invalidate(valid, why, now);
    }
    rechecks.mayBeNeeded(pair.generation, now);
    nomination.failed(check, now);
    nomination.evaluate(pair.generation, now);
    nomination.updateList(pair.generation, now);
    set.wake(now);
  }

  /** RFC 8445 7.2.5.3. */
  private void succeed(Check check, TransportAddress mapped, long now) {
    CandidatePair pair = check.pair;
    Generation generation = pair.generation;
    LocalCandidate local = generation.local(mapped, pair.component());
    if (local == null) {
      local = peerReflexive(check, mapped);
    }
    CandidatePair valid = validPair(pair, local);
    if (pair.nominating && !check.useCandidate) {
      valid.consentUntil =
          paths.consentFrom(now); // an earlier check's late answer; the nominating one goes on
      return;
    }
    if (pair.check == check) {
      pair.check = null;
    }
    set.cancelCheck(pair); // this is the late answer to an earlier one
    generation.list.untrigger(pair);
    generation.list.untrigger(valid);
    valid.valid = local;
    valid.checked = pair;
    valid.consentUntil = paths.consentFrom(now);
    valid.base.authenticated(valid.path.remote());
    set.set(pair, PairState.SUCCEEDED, "answered; the peer sees " + mapped);
    set.set(valid, PairState.SUCCEEDED, "another pair's check showed it works");
    set.thaw(pair.foundation()); // 7.2.5.3.3
    rechecks.mayBeNeeded(generation, now);
    nomination.succeeded(check, valid, now);
    paths.update(generation.stream, now);
    nomination.evaluate(generation, now);
    nomination.updateList(generation, now);
    set.wake(now);
  }

  /** The valid pair that a success constructs (RFC 8445 7.2.5.3.2): the checked pair itself or another on the list. */
  private static CandidatePair validPair(CandidatePair pair, LocalCandidate local) {
    TransportAddress mapped = local.candidate().address();
    if (local.base() == pair.base) {
      return pair;
    }
    CandidatePair other = pair.generation.list.find(new FiveTuple(mapped, pair.path.remote()));
    return other == null ? pair : other;
  }

  /** RFC 8445 7.2.5.3.1: an address that we did not know of is a new candidate; it is not paired further. */
  private LocalCandidate peerReflexive(Check check, TransportAddress mapped) {
    Base base = check.pair.base;
    IpAddress baseIp = base.address.ip();
    Candidate candidate = new Candidate(
        session.foundations.of(CandidateType.PEER_REFLEXIVE, baseIp, null, mapped.transport()),
        base.component,
        check.priority,
        mapped,
        CandidateType.PEER_REFLEXIVE,
        base.address,
        Map.of());
    LocalCandidate local = new LocalCandidate(candidate, base, false);
    check.pair.generation.addPeerReflexive(local, session.configuration.maxPairs);
    return local;
  }

  /** One connectivity check: a Binding request on a pair (RFC 8445 7.2). */
  static final class Check implements Transaction {
    final CandidatePair pair;
    final ClientTransaction transaction;
    /** The role attribute that the request carries. */
    final Role role;

    final boolean useCandidate;
    /** The NOMINATION attribute that the request carries; 0 for none. */
    final int nomination;
    /** The PRIORITY attribute that the request carries. */
    final int priority;

    final Timer timer = new Timer(this::handleTimeout);
    private final CheckClient client;

    Check(
        CheckClient client,
        CandidatePair pair,
        ClientTransaction transaction,
        Role role,
        boolean useCandidate,
        int nomination,
        int priority) {
      this.client = client;
      this.pair = pair;
      this.transaction = transaction;
      this.role = role;
      this.useCandidate = useCandidate;
      this.nomination = nomination;
      this.priority = priority;
    }

    @Override
    public void handleResponse(FiveTuple path, StunMessage response, long now) {
      client.handleResponse(this, path, response, now);
    }

    @Override
    public FiveTuple path() {
      return transaction.path();
    }

    @Override
    public void handleUnreachable(long now) {
      client.handleUnreachable(this, now);
    }

    private void handleTimeout(long now) {
      client.handleTimeout(this, now);
    }
  }
}

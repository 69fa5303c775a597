package dev.frazil.ice;

import dev.frazil.ice.Session.Timer;
import dev.frazil.ice.Session.Transaction;
import dev.frazil.net.FiveTuple;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.util.ArrayDeque;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Keeps one pair that carries data alive: by consent checks (RFC 7675), or by keepalives (RFC 8445 11) where consent is
 * switched off.
 */
final class Consent {
  private static final long INTERVAL = 5_000_000_000L;

  private final Session session;
  private final Paths paths;
  private final Roles roles;
  private final CandidatePair pair;
  private final Timer timer = new Timer(this::tick);
  private final ArrayDeque<TransactionId> outstanding = new ArrayDeque<>(2);
  private long lastAnswer;
  private long nextSend;
  /** Whether consent is asked for; if not, the path is only kept alive. A lite agent does not ask (RFC 7675 4). */
  private final boolean asks;

  private boolean inDoubt;

  Consent(Session session, Paths paths, Roles roles, CandidatePair pair, long now) {
    this.session = session;
    this.paths = paths;
    this.roles = roles;
    this.pair = pair;
    asks = session.configuration.consent && !session.configuration.lite;
    lastAnswer = now;
    nextSend = now + interval();
    arm();
  }

  /** Whether no answer has come for longer than an application wants to go on without a word. */
  boolean inDoubt() {
    return inDoubt;
  }

  /** RFC 7675 5.1: 5 s, each time times 0.8 to 1.2. */
  private long interval() {
    return asks
        ? (long) (INTERVAL * session.configuration.random.nextDouble(0.8, 1.2))
        : session.configuration.keepaliveInterval;
  }

  private void arm() {
    long next = Math.min(nextSend, pair.consentUntil);
    if (asks && !inDoubt) {
      next = Math.min(next, lastAnswer + session.configuration.disconnectedAfter);
    }
    session.schedule(timer, next);
  }

  private void tick(long now) {
    if (now >= pair.consentUntil) {
      paths.consentLost(
          pair, "no answer for " + session.configuration.failedAfter / 1_000_000_000L + " s", now);
      return;
    }
    if (now >= nextSend) {
      if (asks) {
        nextSend = now + interval();
        ask(now);
      } else {
        keepAlive(now);
        nextSend = pair.lastSent + interval();
      }
    }
    if (asks && !inDoubt && now >= lastAnswer + session.configuration.disconnectedAfter) {
      inDoubt = true;
      paths.updateState(now);
    }
    arm();
  }

  /** RFC 7675 5.1: a request of its own each time, sent once. */
  private void ask(long now) {
    TransactionId id = session.newTransactionId();
    StunBuilder builder = CheckClient.begin(session, pair, id);
    outstanding.add(id);
    session.open(id, new Request(session.role, now));
    if (outstanding.size() > session.configuration.failedAfter / (INTERVAL * 4 / 5) + 1) {
      session.forget(outstanding.remove());
    }
    pair.counters.consentRequestsSent++;
    pair.base.transmit(session, pair.path, CheckClient.finish(builder, pair), now);
  }

  /** RFC 8445 11: a Binding indication, unless something else kept the path alive for so long. */
  private void keepAlive(long now) {
    if (now >= pair.lastSent + interval()) {
      pair.base.transmit(
          session,
          pair.path,
          StunBuilder.indication(
                  Method.BINDING, session.newTransactionId(), session.messageBuffer())
              .fingerprint()
              .finish(),
          now);
      pair.lastSent = now;
    }
  }

  /** Stops watching; what is still outstanding no longer counts. */
  void stop() {
    session.cancel(timer);
    outstanding.forEach(session::forget);
    outstanding.clear();
  }

  private final class Request implements Transaction {
    private final Role role;
    private final long sent;

    Request(Role role, long sent) {
      this.role = role;
      this.sent = sent;
    }

    @Override
    public void handleResponse(FiveTuple path, StunMessage response, long now) {
      boolean holds = path.equals(pair.path)
          && response.hasIntegrity()
          && response.verifyIntegrity(Objects.requireNonNull(pair.generation.remoteKey));
      if (!holds) {
        session.drop(DropReason.FORGED_RESPONSE);
        return;
      }
      session.forget(response.transactionId());
      outstanding.remove(response.transactionId());
      if (response.messageClass() == MessageClass.ERROR) {
        refused(response.get(AttributeType.ERROR_CODE), now);
        return;
      }
      pair.counters.answered(now - sent);
      pair.consentUntil = now + session.configuration.failedAfter;
      lastAnswer = now;
      boolean wasInDoubt = inDoubt;
      inDoubt = false;
      arm();
      if (wasInDoubt) {
        paths.updateState(now);
      }
      paths.seenAs(
          pair, response.get(AttributeType.XOR_MAPPED_ADDRESS, path.local().transport()), now);
    }

    @Override
    public FiveTuple path() {
      return pair.path;
    }

    /** RFC 7675 5.2: consent is revoked by the peer alone. */
    @Override
    public void handleUnreachable(long now) {}

    private void refused(@Nullable ErrorCode error, long now) {
      if (error != null && error.code() == ErrorCode.FORBIDDEN) {
        paths.consentLost(pair, "the peer revoked it", now); // RFC 7675 5.2
      } else if (error != null && error.code() == ErrorCode.ROLE_CONFLICT) {
        roles.conflictReported(role, now);
      }
    }
  }
}

package dev.frazil.ice;

import dev.frazil.ice.IceStream.Base;
import dev.frazil.ice.Session.Timer;
import dev.frazil.ice.Session.Transaction;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ClientTransaction;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import org.jspecify.annotations.Nullable;

/** One Binding request from a base to a STUN server (RFC 8445 5.1.1.2). */
final class Probe implements Transaction {
  final Generation generation;
  final Base base;
  final TransportAddress server;
  /** The place of the server's address among all, for the local preference of its candidate. */
  final int rank;
  /** Sent only to keep the NAT's mapping alive. */
  final boolean refresh;

  private final Session session;
  private final Gathering gathering;
  private final Timer timer = new Timer(this::handleTimeout);
  private @Nullable ClientTransaction transaction;

  Probe(
      Session session,
      Gathering gathering,
      Generation generation,
      Base base,
      TransportAddress server,
      int rank) {
    this(session, gathering, generation, base, server, rank, false);
  }

  private Probe(
      Session session,
      Gathering gathering,
      Generation generation,
      Base base,
      TransportAddress server,
      int rank,
      boolean refresh) {
    this.session = session;
    this.gathering = gathering;
    this.generation = generation;
    this.base = base;
    this.server = server;
    this.rank = rank;
    this.refresh = refresh;
  }

  /** The same request once more, to keep the mapping alive. */
  Probe again() {
    return new Probe(session, gathering, generation, base, server, rank, true);
  }

  /** @param probes how many candidates are being gathered; the RTO grows with them (RFC 8445 14.3) */
  void start(int probes, long now) {
    long rto =
        Math.max(session.configuration.retransmission.initialRtoNanos(), session.ta * probes);
    transaction = new ClientTransaction(
        new FiveTuple(base.address, server),
        StunBuilder.request(Method.BINDING, session.newTransactionId(), session.messageBuffer())
            .fingerprint()
            .finish(),
        session.configuration.retransmission,
        rto);
    session.open(transaction.id(), this);
    transaction.start(session.outbox, now);
    session.schedule(timer, transaction.nextTimeout());
  }

  private void handleTimeout(long now) {
    ClientTransaction running = transaction;
    if (running == null) {
      return;
    }
    if (!base.closed && running.handleTimeout(session.outbox, now)) {
      session.schedule(timer, running.nextTimeout());
    } else {
      abandon();
      gathering.unanswered(this, "no answer");
      gathering.finished(this, now);
    }
  }

  /** Neither sends nor listens any more. */
  void abandon() {
    session.cancel(timer);
    if (transaction != null) {
      session.forget(transaction.id());
      transaction = null;
    }
  }

  @Override
  public void handleResponse(FiveTuple path, StunMessage response, long now) {
    if (transaction == null || !path.equals(transaction.path())) {
      session.drop(DropReason.UNKNOWN_TRANSACTION);
      return;
    }
    abandon();
    TransportAddress mapped = mapped(response, path);
    if (response.messageClass() == MessageClass.ERROR) {
      gathering.unanswered(this, "refused with " + response.get(AttributeType.ERROR_CODE));
    } else if (mapped == null) {
      gathering.unanswered(this, "an answer without the mapped address");
    } else {
      gathering.mapped(this, mapped, now);
    }
    gathering.finished(this, now);
  }

  /** Servers of RFC 3489 have MAPPED-ADDRESS only (RFC 5389 12.1). */
  private static @Nullable TransportAddress mapped(StunMessage response, FiveTuple path) {
    TransportAddress mapped =
        response.get(AttributeType.XOR_MAPPED_ADDRESS, path.local().transport());
    return mapped != null
        ? mapped
        : response.get(AttributeType.MAPPED_ADDRESS, path.local().transport());
  }
}

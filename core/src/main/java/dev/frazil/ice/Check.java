package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import dev.frazil.stun.ClientTransaction;
import dev.frazil.stun.StunMessage;

/** One connectivity check: a Binding request on a pair (RFC 8445 7.2). */
final class Check implements Transaction {
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

  private void handleTimeout(long now) {
    client.handleTimeout(this, now);
  }
}

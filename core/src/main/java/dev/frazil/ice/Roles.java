package dev.frazil.ice;

/** Who controls (RFC 8445 6.1.1), and how conflicts end (RFC 8445 7.2.5.1, 7.3.1.1). */
final class Roles {
  private final Session session;
  private final ChecklistSet set;
  private final Nomination nomination;

  Roles(Session session, ChecklistSet set, Nomination nomination) {
    this.session = session;
    this.set = set;
    this.nomination = nomination;
  }

  /** The peer's parameters are known: a full agent controls a lite one. */
  void determine(IceParameters remote, long now) {
    if (session.configuration.lite != remote.lite()) {
      take(remote.lite() ? Role.CONTROLLING : Role.CONTROLLED, now);
    }
  }

  /**
   * A request came in that carries this role attribute.
   *
   * @return true when it must be answered with 487
   */
  boolean refuses(Role theirs, long theirTieBreaker, long now) {
    if (theirs != session.role) {
      return false;
    }
    boolean oursWins = Long.compareUnsigned(session.tieBreaker, theirTieBreaker) >= 0;
    if (session.role == Role.CONTROLLING ? oursWins : !oursWins) {
      return true;
    }
    take(session.role.opposite(), now);
    return false;
  }

  /** A request of ours that carried this role was answered with 487. */
  void conflictReported(Role sent, long now) {
    if (session.role == sent) {
      session.tieBreaker = session.configuration.random.nextLong();
      take(sent.opposite(), now);
    }
  }

  private void take(Role role, long now) {
    if (session.role == role) {
      return;
    }
    session.role = role;
    session.outbox.event(new IceEvent.RoleSwitched(role));
    set.recomputePriorities();
    nomination.roleSwitched(now);
  }
}

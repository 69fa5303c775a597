package dev.frazil.ice;

/** A candidate of the peer: signalled, or learnt from a check (RFC 8445 7.3.1.3) and perhaps signalled later. */
final class RemoteCandidate {
  private Candidate candidate;
  private boolean signalled;

  RemoteCandidate(Candidate candidate, boolean signalled) {
    this.candidate = candidate;
    this.signalled = signalled;
  }

  Candidate candidate() {
    return candidate;
  }

  boolean signalled() {
    return signalled;
  }

  /** Takes over what the peer says of a candidate that was known from a check only (ICE-2420). */
  void adopt(Candidate told) {
    candidate = told;
    signalled = true;
  }

  @Override
  public String toString() {
    return candidate.toString();
  }
}

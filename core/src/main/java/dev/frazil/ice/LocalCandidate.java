package dev.frazil.ice;

/**
 * A candidate of ours.
 *
 * @param candidate as the peer is told, or sees it
 * @param base where it sends from
 * @param told whether the peer is told of it; checks may still arrive at one that is not
 */
record LocalCandidate(Candidate candidate, Base base, boolean told) {
  @Override
  public String toString() {
    return candidate.toString();
  }
}

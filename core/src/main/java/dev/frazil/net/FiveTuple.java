package dev.frazil.net;

/**
 * A path as one host sees it: its own transport address and the other side's, over one transport protocol.
 *
 * @param local this side's address
 * @param remote the other side's address, of the same transport protocol
 */
public record FiveTuple(TransportAddress local, TransportAddress remote) {
  public FiveTuple {
    if (local.transport() != remote.transport()) {
      throw new IllegalArgumentException("transport differs: " + local + " and " + remote);
    }
  }

  /** The same path as the other side sees it. */
  public FiveTuple reversed() {
    return new FiveTuple(remote, local);
  }

  @Override
  public String toString() {
    return local + " > " + remote;
  }
}

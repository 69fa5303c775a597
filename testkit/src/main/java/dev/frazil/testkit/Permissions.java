package dev.frazil.testkit;

import dev.frazil.net.TransportAddress;
import java.util.HashMap;
import java.util.Map;

/** Who may send to an internal endpoint, because it was sent to before (RFC 4787 5). */
final class Permissions {
  private static final class Grant {
    private long time;
  }

  private static final int FIRST_SWEEP = 256;

  private final NatBehavior.Dependence dependence;
  private final long timeout;
  /** By address or endpoint; unused when everybody may send. */
  private final Map<Object, Grant> grants = new HashMap<>();

  private long latest;
  private int sweepAt = FIRST_SWEEP;

  Permissions(NatBehavior.Dependence dependence, long timeout) {
    this.dependence = dependence;
    this.timeout = timeout;
  }

  /** Lets the remote endpoint, and those it stands for, send for the time-out from now. */
  void grant(TransportAddress remote, long now) {
    latest = now;
    if (dependence == NatBehavior.Dependence.ENDPOINT_INDEPENDENT) {
      return;
    }
    Object key = key(dependence, remote);
    Grant grant = grants.get(key);
    if (grant == null) {
      sweep(now);
      grant = new Grant();
      grants.put(key, grant);
    }
    grant.time = now;
  }

  boolean admits(TransportAddress remote, long now) {
    if (dependence == NatBehavior.Dependence.ENDPOINT_INDEPENDENT) {
      return isAlive(now);
    }
    Grant grant = grants.get(key(dependence, remote));
    return grant != null && now - grant.time < timeout;
  }

  /** Whether anybody may send at all. */
  boolean isAlive(long now) {
    return now - latest < timeout;
  }

  /** When the last grant ends. */
  long expires() {
    return latest + timeout;
  }

  /** What of an endpoint matters. */
  static Object key(NatBehavior.Dependence dependence, TransportAddress remote) {
    return dependence == NatBehavior.Dependence.ADDRESS_DEPENDENT ? remote.ip() : remote;
  }

  private void sweep(long now) {
    if (grants.size() >= sweepAt) {
      grants.values().removeIf(grant -> now - grant.time >= timeout);
      sweepAt = Math.max(FIRST_SWEEP, 2 * grants.size());
    }
  }
}

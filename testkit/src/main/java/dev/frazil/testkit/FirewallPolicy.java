package dev.frazil.testkit;

import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What a firewall lets pass.
 *
 * @param transports the transports that pass at all, in both directions
 * @param remotePorts the ports that may be sent to from inside; empty for all
 * @param inbound what may come in from outside
 * @param timeout how long an endpoint counts as contacted after the last packet sent to it
 */
public record FirewallPolicy(
    Set<Transport> transports, Set<Integer> remotePorts, Inbound inbound, Duration timeout) {
  /** What may come in. */
  public enum Inbound {
    /** Everything. */
    EVERYTHING,
    /** Packets to endpoints that have sent something out, from whomever. */
    TO_ACTIVE_ENDPOINTS,
    /** Packets to an endpoint from addresses that it has sent to. */
    FROM_CONTACTED_ADDRESSES,
    /** Packets to an endpoint from endpoints that it has sent to. */
    FROM_CONTACTED_ENDPOINTS
  }

  /** Everything passes: a router. */
  public static final FirewallPolicy OPEN = new FirewallPolicy(
      Set.of(Transport.values()), Set.of(), Inbound.EVERYTHING, Duration.ofMinutes(5));

  /** Everything may go out, only answers come in. */
  public static final FirewallPolicy OUTBOUND_ONLY =
      OPEN.withInbound(Inbound.FROM_CONTACTED_ENDPOINTS);

  /** Only TCP may go out, only answers come in. */
  public static final FirewallPolicy UDP_BLOCKED =
      OUTBOUND_ONLY.withTransports(Set.of(Transport.TCP));

  /** Only TCP to port 443 may go out, only answers come in. */
  public static final FirewallPolicy ONLY_TCP_443 = UDP_BLOCKED.withRemotePorts(Set.of(443));

  /** Copies the sets, checks the ports and the time-out. */
  public FirewallPolicy {
    transports = Set.copyOf(transports);
    remotePorts = Set.copyOf(remotePorts);
    if (remotePorts.stream().anyMatch(port -> port < 1 || port > 65535)) {
      throw new IllegalArgumentException("remotePorts: 1 to 65535, not " + remotePorts);
    }
    if (timeout.isNegative() || timeout.isZero() || timeout.compareTo(Duration.ofDays(3653)) > 0) {
      throw new IllegalArgumentException(
          "timeout: more than 0 and at most 10 years, not " + timeout);
    }
  }

  /** This policy for other transports. */
  public FirewallPolicy withTransports(Set<Transport> value) {
    return new FirewallPolicy(value, remotePorts, inbound, timeout);
  }

  /** This policy with other ports that may be sent to; an empty set allows all. */
  public FirewallPolicy withRemotePorts(Set<Integer> value) {
    return new FirewallPolicy(transports, value, inbound, timeout);
  }

  /** This policy with another rule for what comes in. */
  public FirewallPolicy withInbound(Inbound value) {
    return new FirewallPolicy(transports, remotePorts, value, timeout);
  }

  /** This policy with another time-out. */
  public FirewallPolicy withTimeout(Duration value) {
    return new FirewallPolicy(transports, remotePorts, inbound, value);
  }

  /** Whether a packet from inside to this endpoint may pass. */
  public boolean allowsOutbound(TransportAddress remote) {
    return transports.contains(remote.transport())
        && (remotePorts.isEmpty() || remotePorts.contains(remote.port()));
  }

  /** The components, sets in order. */
  @Override
  public String toString() {
    return transports.stream().sorted().map(Enum::name).collect(Collectors.joining("+")) + " to "
        + (remotePorts.isEmpty() ? "all ports" : "ports " + new TreeSet<>(remotePorts)) + ", in: "
        + inbound;
  }
}

package dev.frazil.testkit;

import dev.frazil.net.TransportAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A router with a firewall: it passes packets between two networks as they are, or not at all. */
public final class Firewall extends Middlebox {
  private static final int FIRST_SWEEP = 256;

  private final List<IpPrefix> prefixes;
  private final Map<TransportAddress, Permissions> contacted = new HashMap<>();
  private FirewallPolicy policy;
  private int sweepAt = FIRST_SWEEP;

  Firewall(
      VirtualInternet net,
      String name,
      Network inner,
      Network outer,
      FirewallPolicy policy,
      List<IpPrefix> prefixes) {
    super(net, name, inner, outer);
    if (prefixes.isEmpty()) {
      throw new IllegalArgumentException("prefixes behind " + name + ": at least one");
    }
    this.policy = policy;
    this.prefixes = List.copyOf(prefixes);
  }

  /** What it lets pass. */
  public FirewallPolicy policy() {
    return policy;
  }

  /** Sets what it lets pass from now on, and forgets who has contacted whom. */
  public void policy(FirewallPolicy value) {
    policy = value;
    reboot();
  }

  /** The prefixes of the inner network, which the outer network routes to it. */
  public List<IpPrefix> prefixes() {
    return prefixes;
  }

  /** Forgets who has contacted whom. */
  public void reboot() {
    contacted.clear();
  }

  @Override
  void fromInside(Packet packet) {
    if (!packet.unreachable) {
      if (!policy.allowsOutbound(packet.destination)) {
        net.log().drop(packet, DropReason.FIREWALL, innerSide.place);
        return;
      }
      if (policy.inbound() != FirewallPolicy.Inbound.EVERYTHING) {
        permissions(packet.source).grant(packet.destination, net.now());
      }
    }
    outerSide.send(packet, Sighting.Fate.FORWARDED);
  }

  @Override
  void fromOutside(Packet packet) {
    if (!policy.transports().contains(packet.destination.transport())) {
      net.log().drop(packet, DropReason.FIREWALL, outerSide.place);
      return;
    }
    if (policy.inbound() != FirewallPolicy.Inbound.EVERYTHING) {
      Permissions permissions = contacted.get(packet.destination);
      if (permissions == null || !permissions.admits(packet.source, net.now())) {
        net.log().drop(packet, DropReason.UNSOLICITED, outerSide.place);
        return;
      }
    }
    innerSide.send(packet, Sighting.Fate.FORWARDED);
  }

  private Permissions permissions(TransportAddress internal) {
    Permissions permissions = contacted.get(internal);
    if (permissions == null) {
      if (contacted.size() >= sweepAt) {
        contacted.values().removeIf(each -> !each.isAlive(net.now()));
        sweepAt = Math.max(FIRST_SWEEP, 2 * contacted.size());
      }
      permissions = new Permissions(filtering(), policy.timeout().toNanos());
      contacted.put(internal, permissions);
    }
    return permissions;
  }

  private NatBehavior.Dependence filtering() {
    return switch (policy.inbound()) {
      case EVERYTHING, TO_ACTIVE_ENDPOINTS -> NatBehavior.Dependence.ENDPOINT_INDEPENDENT;
      case FROM_CONTACTED_ADDRESSES -> NatBehavior.Dependence.ADDRESS_DEPENDENT;
      case FROM_CONTACTED_ENDPOINTS -> NatBehavior.Dependence.ADDRESS_AND_PORT_DEPENDENT;
    };
  }
}

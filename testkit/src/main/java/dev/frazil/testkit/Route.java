package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * The way that packets to an address would take now, by the networks' structure alone: links and the state of NATs and
 * firewalls play no part. The base for judging from outside what a protocol could achieve.
 *
 * @param hops the middleboxes that packets pass
 * @param end where the way ends
 */
public record Route(List<Hop> hops, End end) {
  /** In which direction a middlebox is passed. */
  public enum Direction {
    /** From its inner to its outer network. */
    OUTWARD,
    /** From its outer to its inner network: only firewalls are passed so, a NAT ends the route. */
    INWARD
  }

  /**
   * A middlebox that is passed.
   *
   * @param box the middlebox
   * @param direction from which side to which
   */
  public record Hop(Middlebox box, Direction direction) {}

  /** Where a route ends. */
  public sealed interface End {}

  /**
   * At a host.
   *
   * @param destination the interface that has the address
   */
  public record Reached(VirtualInterface destination) implements End {}

  /**
   * At a NAT, one of whose external addresses it is. Its mappings decide where a packet goes from there; see
   * {@link Nat#internalEndpoint} and {@link Nat#routeInside}.
   *
   * @param nat the NAT
   * @param hairpin whether the route comes from the NAT's inside
   */
  public record AtNat(Nat nat, boolean hairpin) implements End {}

  /**
   * Nowhere.
   *
   * @param network the network in which packets are dropped
   * @param reason why
   */
  public record Lost(Network network, DropReason reason) implements End {}

  /** Copies the list. */
  public Route {
    hops = List.copyOf(hops);
  }

  /** Whether a firewall on the way lets no packet to this endpoint pass, whatever was sent before. */
  public boolean blocks(TransportAddress destination) {
    for (Hop hop : hops) {
      if (hop.box() instanceof Firewall firewall) {
        boolean allowed = hop.direction() == Direction.OUTWARD
            ? firewall.policy().allowsOutbound(destination)
            : firewall.policy().transports().contains(destination.transport());
        if (!allowed) {
          return true;
        }
      }
    }
    return false;
  }

  static Route of(Host host, IpAddress source, IpAddress destination) {
    VirtualInterface from = host.interfaceOf(source);
    if (from == null) {
      throw new IllegalArgumentException(host.name() + " has no address " + source);
    }
    VirtualInterface self = host.interfaceOf(from.scoped(destination));
    if (self != null) {
      return new Route(
          List.of(), self.isUp() ? new Reached(self) : lost(self, DropReason.INTERFACE_DOWN));
    }
    if (!from.isUp()) {
      return new Route(List.of(), lost(from, DropReason.INTERFACE_DOWN));
    }
    if (!from.reaches(destination)) {
      return new Route(List.of(), lost(from, DropReason.NO_ROUTE));
    }
    return from(from, destination);
  }

  static Route from(Attachment start, IpAddress destination) {
    List<Hop> hops = new ArrayList<>();
    return new Route(hops, walk(start, destination, hops));
  }

  private static End walk(Attachment start, IpAddress wanted, List<Hop> hops) {
    Attachment from = start;
    IpAddress destination = wanted;
    while (hops.size() < Packet.HOP_LIMIT) {
      Network network = from.attachedTo();
      Attachment next = network.find(destination);
      if (next == null) {
        return new Lost(network, network.missing(destination));
      }
      if (next == from) {
        return lost(next, DropReason.NO_ROUTE);
      }
      if (!next.isWorking()) {
        return lost(next, DropReason.INTERFACE_DOWN);
      }
      if (next instanceof VirtualInterface reached) {
        return new Reached(reached);
      }
      Middlebox.Side side = (Middlebox.Side) next;
      if (side.box() instanceof Nat nat) {
        TransportAddress outside =
            side.isInner() ? nat.toOutside(TransportAddress.udp(destination, 1)) : null;
        if (side.isInner() && outside == null) {
          return lost(side, DropReason.NO_ROUTE);
        }
        if (outside == null || nat.externalAddresses().contains(outside.ip())) {
          return new AtNat(nat, side.isInner());
        }
        destination = outside.ip();
      }
      hops.add(new Hop(side.box(), side.isInner() ? Direction.OUTWARD : Direction.INWARD));
      from = side.isInner() ? side.box().outerSide : side.box().innerSide;
    }
    return lost(from, DropReason.HOP_LIMIT);
  }

  private static Lost lost(Attachment at, DropReason reason) {
    return new Lost(at.attachedTo(), reason);
  }
}

package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A NAT: it translates the addresses and ports of the inner network to its own in the outer network (RFC 4787). */
public class Nat extends Middlebox {
  /**
   * A mapping that a NAT holds.
   *
   * @param internal the endpoint inside
   * @param external its endpoint in the outer network
   * @param remote the endpoint outside that the mapping is for; null when it is for all, port 0 when it is for all
   *     ports of an address
   * @param expires the virtual time in nanoseconds at which it ends unless it is refreshed
   */
  public record Mapping(
      TransportAddress internal,
      TransportAddress external,
      @Nullable TransportAddress remote,
      long expires) {}

  private final NatBehavior behavior;
  private List<IpAddress> externalAddresses;
  private MappingTable table;

  Nat(
      VirtualInternet net,
      String name,
      Network inner,
      Network outer,
      NatBehavior behavior,
      List<IpAddress> external) {
    super(net, name, inner, outer);
    this.behavior = behavior;
    this.externalAddresses = own(external);
    this.table = new MappingTable(behavior, externalAddresses, net.random());
  }

  /** How it behaves. */
  public final NatBehavior behavior() {
    return behavior;
  }

  /** Its addresses in the outer network. */
  public final List<IpAddress> externalAddresses() {
    return externalAddresses;
  }

  /** The mappings it holds now, oldest first. */
  public final List<Mapping> mappings() {
    return table.mappings(net.now());
  }

  /**
   * The external endpoint that packets of an internal endpoint to a remote one come from, or null when there is no
   * mapping now. Asking makes and refreshes none.
   *
   * @param remote as the inner network writes it
   */
  public final @Nullable TransportAddress externalEndpoint(
      TransportAddress internal, TransportAddress remote) {
    TransportAddress outside = toOutside(remote);
    MappingTable.Mapping mapping =
        outside == null ? null : table.existing(internal, outside, net.now());
    return mapping == null ? null : mapping.external;
  }

  /**
   * The internal endpoint that a packet from a remote endpoint to an external endpoint of this NAT would reach now, or
   * null when there is no mapping or its filter does not let the packet in. Asking refreshes nothing.
   *
   * @param remote as the outer network writes it
   */
  public final @Nullable TransportAddress internalEndpoint(
      TransportAddress external, TransportAddress remote) {
    MappingTable.Mapping mapping = table.inbound(external, net.now());
    return mapping != null && table.admits(mapping, remote, net.now()) ? mapping.internal : null;
  }

  /** The route from its inner side to an address of the inner network, or further in. */
  public final Route routeInside(IpAddress internal) {
    return Route.from(innerSide, internal);
  }

  /** Forgets all mappings, and where sequential port allocation stood. */
  public final void reboot() {
    table = new MappingTable(behavior, externalAddresses, net.random());
  }

  /** Forgets all mappings and has other external addresses from now on. */
  public final void reboot(String... newExternalAddresses) {
    externalAddresses.forEach(outer()::disown);
    externalAddresses =
        own(Arrays.stream(newExternalAddresses).map(IpAddress::parse).toList());
    reboot();
  }

  /** A remote endpoint as the outer network writes it; null when it has no such form. */
  @Nullable TransportAddress toOutside(TransportAddress remote) {
    return remote;
  }

  /** A remote endpoint as the inner network writes it. */
  TransportAddress toInside(TransportAddress remote) {
    return remote;
  }

  @Override
  final void fromInside(Packet packet) {
    TransportAddress remote = toOutside(packet.destination);
    if (remote == null) {
      net.log().drop(packet, DropReason.NO_ROUTE, innerSide.place);
      return;
    }
    boolean hairpin = externalAddresses.contains(remote.ip());
    if (hairpin && behavior.hairpinning() == NatBehavior.Hairpinning.NONE) {
      net.log().drop(packet, DropReason.NO_HAIRPINNING, innerSide.place);
      return;
    }
    MappingTable.Mapping mapping = packet.unreachable
        ? table.existing(packet.source, remote, net.now())
        : table.outbound(packet.source, remote, net.now());
    if (mapping == null) {
      DropReason reason = packet.unreachable ? DropReason.NO_MAPPING : DropReason.PORTS_EXHAUSTED;
      net.log().drop(packet, reason, innerSide.place);
      return;
    }
    TransportAddress internal = packet.source;
    packet.source = mapping.external;
    packet.destination = remote;
    if (!hairpin) {
      outerSide.send(packet, Sighting.Fate.FORWARDED);
    } else if (translateInbound(packet, innerSide)) {
      if (behavior.hairpinning() == NatBehavior.Hairpinning.INTERNAL_SOURCE) {
        packet.source = internal;
      }
      innerSide.send(packet, Sighting.Fate.FORWARDED);
    }
  }

  @Override
  final void fromOutside(Packet packet) {
    if (translateInbound(packet, outerSide)) {
      innerSide.send(packet, Sighting.Fate.FORWARDED);
    }
  }

  private boolean translateInbound(Packet packet, Side at) {
    long now = net.now();
    MappingTable.Mapping mapping = table.inbound(packet.destination, now);
    if (mapping == null) {
      net.log().drop(packet, DropReason.NO_MAPPING, at.place);
      return false;
    }
    if (!table.admits(mapping, packet.source, now)) {
      net.log().drop(packet, DropReason.FILTERED, at.place);
      return false;
    }
    if (!packet.unreachable) {
      table.passed(mapping, packet.source, now);
    }
    packet.source = toInside(packet.source);
    packet.destination = mapping.internal;
    return true;
  }

  private List<IpAddress> own(List<IpAddress> external) {
    if (external.isEmpty()
        || external.stream().anyMatch(ip -> ip.family() != external.get(0).family())) {
      throw new IllegalArgumentException(
          "external addresses of " + name() + ": at least one, all of one family, not " + external);
    }
    external.forEach(ip -> outer().own(ip, outerSide));
    return List.copyOf(external);
  }
}

package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A NAT: it translates the addresses and ports of the inner network to its own in the outer network (RFC 4787). */
public final class Nat extends Middlebox {
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
    inner.route(everything(external.get(0)), innerSide);
  }

  /** How it behaves. */
  public NatBehavior behavior() {
    return behavior;
  }

  /** Its addresses in the outer network. */
  public List<IpAddress> externalAddresses() {
    return externalAddresses;
  }

  /** The mappings it holds now, oldest first. */
  public List<NatMapping> mappings() {
    return table.mappings(net.now());
  }

  /** Forgets all mappings, and where sequential port allocation stood. */
  public void reboot() {
    table = new MappingTable(behavior, externalAddresses, net.random());
  }

  /** Forgets all mappings and has other external addresses from now on. */
  public void reboot(String... newExternalAddresses) {
    List<IpAddress> old = externalAddresses;
    old.forEach(outer()::disown);
    externalAddresses =
        own(Arrays.stream(newExternalAddresses).map(IpAddress::parse).toList());
    reboot();
  }

  @Override
  void fromInside(Packet packet) {
    boolean hairpin = externalAddresses.contains(packet.destination.ip());
    if (hairpin && behavior.hairpinning() == NatBehavior.Hairpinning.NONE) {
      net.drop(packet, DropReason.NO_HAIRPINNING, innerSide.place);
      return;
    }
    TransportAddress internal = packet.source;
    MappingTable.Mapping mapping = outbound(packet);
    if (mapping == null) {
      DropReason reason = packet.unreachable ? DropReason.NO_MAPPING : DropReason.PORTS_EXHAUSTED;
      net.drop(packet, reason, innerSide.place);
      return;
    }
    packet.source = mapping.external;
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
  void fromOutside(Packet packet) {
    if (translateInbound(packet, outerSide)) {
      innerSide.send(packet, Sighting.Fate.FORWARDED);
    }
  }

  private MappingTable.@Nullable Mapping outbound(Packet packet) {
    return packet.unreachable
        ? table.existing(packet.source, packet.destination, net.now())
        : table.outbound(packet.source, packet.destination, net.now());
  }

  private boolean translateInbound(Packet packet, Side at) {
    MappingTable.Mapping mapping = table.inbound(packet.destination, net.now());
    if (mapping == null) {
      net.drop(packet, DropReason.NO_MAPPING, at.place);
      return false;
    }
    if (!table.admits(mapping, packet.source, net.now())) {
      net.drop(packet, DropReason.FILTERED, at.place);
      return false;
    }
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

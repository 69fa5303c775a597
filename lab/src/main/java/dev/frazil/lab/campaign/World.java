package dev.frazil.lab.campaign;

import dev.frazil.net.IpAddress;
import dev.frazil.testkit.FirewallPolicy;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.IpPrefix;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.Middlebox;
import dev.frazil.testkit.Nat;
import dev.frazil.testkit.Nat64;
import dev.frazil.testkit.NatBehavior;
import dev.frazil.testkit.Network;
import dev.frazil.testkit.VirtualInterface;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.topology.Access;
import dev.frazil.testkit.topology.Topology;
import java.time.Duration;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A random network with two hosts in it, and what may befall it. */
final class World {
  final VirtualInternet net;
  final Host left;
  final Host right;
  final Host server;
  /** What was built, in words. */
  final String description;

  private final RandomGenerator random;
  private final Link calm;
  private final @Nullable Link noisy;
  private int extras;

  private World(
      Topology topology,
      String description,
      RandomGenerator random,
      Link calm,
      @Nullable Link noisy) {
    net = topology.net();
    left = topology.alice();
    right = topology.bob();
    server = topology.server();
    this.description = description;
    this.random = random;
    this.calm = calm;
    this.noisy = noisy;
  }

  /** @param loss the highest loss on one link, 0 to 0.3; links of a world without any are undisturbed in all ways */
  static World random(VirtualInternet net, double loss) {
    RandomGenerator random = net.random("world");
    Link calm =
        Link.ofMillis(random.nextInt(0, 120)).withJitter(Duration.ofMillis(random.nextInt(0, 30)));
    Link noisy = loss == 0
        ? null
        : calm.withLoss(random.nextDouble(loss))
            .withDuplication(random.nextDouble(0.1))
            .withReordering(random.nextDouble(0.2), Duration.ofMillis(random.nextInt(1, 200)));
    StringBuilder words = new StringBuilder();
    Topology topology = topology(net, random, calm, words);
    return new World(topology, words.toString(), random, calm, noisy);
  }

  private static Topology topology(
      VirtualInternet net, RandomGenerator random, Link link, StringBuilder words) {
    switch (random.nextInt(10)) {
      case 0 -> {
        NatBehavior behavior = behavior(random);
        words.append("both behind one NAT ").append(behavior);
        return Topology.sameNat(net, behavior, link);
      }
      case 1 -> {
        NatBehavior home = behavior(random);
        NatBehavior carrier = behavior(random);
        words.append("two homes ").append(home).append(" behind one carrier ").append(carrier);
        return Topology.sameCarrier(net, home, carrier, link);
      }
      default -> {
        Access alice = access(random, words);
        words.append(" and ");
        Access bob = access(random, words);
        return Topology.between(net, alice, bob, link);
      }
    }
  }

  private static Access access(RandomGenerator random, StringBuilder words) {
    int kind = random.nextInt(16);
    words.append(
        switch (kind) {
          case 0 -> "open";
          case 1 -> "open IPv6";
          case 2 -> "carrier";
          case 3 -> "multihomed";
          case 4, 5 -> "dual stack";
          case 6 -> "NAT64";
          case 7 -> "outbound only";
          case 8 -> "UDP blocked";
          default -> "NAT";
        });
    NatBehavior first = behavior(random);
    NatBehavior second = behavior(random);
    words.append(' ').append(first);
    return switch (kind) {
      case 0 -> Access.open();
      case 1 -> Access.openIpv6();
      case 2 -> Access.behindCarrierNat(first, second);
      case 3 -> Access.multihomed(first, second);
      case 4, 5 -> Access.dualStack(first);
      case 6 -> Access.ipv6OnlyWithNat64(Nat64.WELL_KNOWN_PREFIX);
      case 7 -> Access.behindFirewall(FirewallPolicy.OUTBOUND_ONLY);
      case 8 -> Access.behindFirewall(FirewallPolicy.UDP_BLOCKED);
      default -> Access.behindNat(first);
    };
  }

  private static NatBehavior behavior(RandomGenerator random) {
    return NatBehavior.builder()
        .mapping(any(random, NatBehavior.Dependence.values()))
        .filtering(any(random, NatBehavior.Dependence.values()))
        .portPreserving(random.nextBoolean())
        .parityPreserving(random.nextBoolean())
        .portAllocation(any(random, NatBehavior.PortAllocation.values()))
        .hairpinning(any(random, NatBehavior.Hairpinning.values()))
        .mappingTimeout(Duration.ofSeconds(random.nextInt(120, 400)))
        .inboundRefresh(random.nextBoolean())
        .build();
  }

  private static <T> T any(RandomGenerator random, T[] values) {
    return values[random.nextInt(values.length)];
  }

  /** The prefix by which IPv6-only hosts reach IPv4; null where there is none. */
  @Nullable IpAddress nat64Prefix() {
    for (Middlebox middlebox : net.middleboxes()) {
      if (middlebox instanceof Nat64 nat64) {
        return nat64.prefix().address();
      }
    }
    return null;
  }

  /** Whether packets get lost, doubled and held back at times. */
  boolean isNoisy() {
    return noisy != null;
  }

  /** Begins a time of loss, duplication and reordering on all links. */
  void disturb() {
    if (noisy != null) {
      setLinks(noisy);
    }
  }

  /** Ends it. */
  void settle() {
    setLinks(calm);
  }

  private void setLinks(Link link) {
    List<Middlebox> middleboxes = net.middleboxes();
    middleboxes.forEach(middlebox -> middlebox.outerLink(link, link));
    for (Host host : List.of(left, right)) {
      for (VirtualInterface each : host.interfaces()) {
        if (each.network().isInternet()) {
          each.link(link);
        }
      }
    }
  }

  /** Does something random to the network: reboots a NAT, takes an address away, gives one. */
  String change() {
    Host host = random.nextBoolean() ? left : right;
    switch (random.nextInt(4)) {
      case 0, 1 -> {
        List<Nat> nats = net.middleboxes().stream()
            .filter(Nat.class::isInstance)
            .map(Nat.class::cast)
            .toList();
        if (nats.isEmpty()) {
          return "nothing";
        }
        Nat nat = nats.get(random.nextInt(nats.size()));
        nat.reboot();
        return nat.name() + " reboots";
      }
      case 2 -> {
        List<VirtualInterface> interfaces = host.interfaces().stream()
            .filter(each -> !each.addresses().isEmpty())
            .toList();
        if (interfaces.isEmpty()) {
          return "nothing";
        }
        VirtualInterface chosen = interfaces.get(random.nextInt(interfaces.size()));
        List<IpPrefix> addresses = chosen.addresses();
        IpAddress gone = addresses.get(random.nextInt(addresses.size())).address();
        chosen.removeAddress(gone);
        return host.name() + " loses " + gone;
      }
      default -> {
        Network cell = net.network(host.name() + " extra " + net.now());
        int site = host == left ? 101 : 102;
        net.nat(
            host.name() + " extra nat " + net.now(),
            cell,
            net.internet(),
            behavior(random),
            address(site));
        host.attach("extra" + site + "x" + extras, cell, "10." + site + "." + extras++ + ".2/24");
        return host.name() + " gets an interface";
      }
    }
  }

  private String address(int site) {
    return "198.18." + site + "." + (extras + 1);
  }
}

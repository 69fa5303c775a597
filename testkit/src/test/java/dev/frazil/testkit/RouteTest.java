package dev.frazil.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.Route.AtNat;
import dev.frazil.testkit.Route.Direction;
import dev.frazil.testkit.Route.Hop;
import dev.frazil.testkit.Route.Lost;
import dev.frazil.testkit.Route.Reached;
import dev.frazil.testkit.topology.Access;
import dev.frazil.testkit.topology.Topology;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class RouteTest {
  private final VirtualInternet net = new VirtualInternet(1);

  private static Route route(Host from, String source, String destination) {
    return from.route(IpAddress.parse(source), IpAddress.parse(destination));
  }

  private Middlebox box(String name) {
    return net.middleboxes().stream()
        .filter(box -> box.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void routeThroughNatsNamesEachAndEndsAtTheHost() {
    Topology world = Topology.between(
        net,
        Access.behindCarrierNat(NatBehavior.FULL_CONE, NatBehavior.SYMMETRIC),
        Access.open(),
        Link.PERFECT);
    assertThat(route(world.alice(), "192.168.1.10", "198.51.100.2"))
        .isEqualTo(new Route(
            List.of(
                new Hop(box("alice nat"), Direction.OUTWARD),
                new Hop(box("alice carrier nat"), Direction.OUTWARD)),
            new Reached(world.bob().interfaces().get(0))));
  }

  @Test
  void routeToAnExternalAddressEndsAtItsNat() {
    Topology world = Topology.nats(net, NatBehavior.FULL_CONE, NatBehavior.FULL_CONE, Link.PERFECT);
    Nat alices = (Nat) box("alice nat");
    Nat bobs = (Nat) box("bob nat");
    assertThat(route(world.alice(), "192.168.1.10", "203.0.113.2"))
        .isEqualTo(new Route(List.of(new Hop(alices, Direction.OUTWARD)), new AtNat(bobs, false)));
    assertThat(route(world.alice(), "192.168.1.10", "203.0.113.1"))
        .isEqualTo(new Route(List.of(), new AtNat(alices, true)));
    assertThat(bobs.routeInside(IpAddress.parse("192.168.2.10")).end())
        .isEqualTo(new Reached(world.bob().interfaces().get(0)));
  }

  @Test
  void privateAddressIsRoutedInItsOwnNetworkOnly() {
    Topology world = Topology.nats(net, NatBehavior.FULL_CONE, NatBehavior.FULL_CONE, Link.PERFECT);
    assertThat(route(world.alice(), "192.168.1.10", "192.168.2.10").end())
        .isEqualTo(new Lost(net.internet(), DropReason.NO_ROUTE));
    VirtualInternet home = new VirtualInternet(1);
    Topology neighbours = Topology.sameNat(home, NatBehavior.FULL_CONE, Link.PERFECT);
    assertThat(route(neighbours.alice(), "192.168.1.10", "192.168.1.11"))
        .isEqualTo(
            new Route(List.of(), new Reached(neighbours.bob().interfaces().get(0))));
    assertThat(route(neighbours.alice(), "192.168.1.10", "192.168.1.99").end())
        .isEqualTo(
            new Lost(neighbours.alice().interfaces().get(0).network(), DropReason.NO_SUCH_ADDRESS));
  }

  @Test
  void carrierHairpinIsSeenFromBehindTheHomeNat() {
    Topology world =
        Topology.sameCarrier(net, NatBehavior.FULL_CONE, NatBehavior.FULL_CONE, Link.PERFECT);
    assertThat(route(world.alice(), "192.168.1.10", "203.0.113.1"))
        .isEqualTo(new Route(
            List.of(new Hop(box("alice nat"), Direction.OUTWARD)),
            new AtNat((Nat) box("alice carrier nat"), true)));
    assertThat(route(world.alice(), "192.168.1.10", "100.64.1.3").end())
        .isEqualTo(new AtNat((Nat) box("bob nat"), false));
  }

  @Test
  void firewallsAreHopsInBothDirectionsAndTellWhatTheyBlock() {
    Topology world = Topology.between(
        net,
        Access.behindFirewall(FirewallPolicy.UDP_BLOCKED),
        Access.behindFirewall(FirewallPolicy.OUTBOUND_ONLY),
        Link.PERFECT);
    Route route = route(world.alice(), "198.51.100.1", "198.51.100.2");
    assertThat(route.hops())
        .containsExactly(
            new Hop(box("alice firewall"), Direction.OUTWARD),
            new Hop(box("bob firewall"), Direction.INWARD));
    assertThat(route.end()).isEqualTo(new Reached(world.bob().interfaces().get(0)));
    assertThat(route.blocks(TransportAddress.udp("198.51.100.2", 5000))).isTrue();
    ((Firewall) box("alice firewall")).policy(FirewallPolicy.OPEN);
    assertThat(route.blocks(TransportAddress.udp("198.51.100.2", 5000))).isFalse();
    assertThat(route(world.bob(), "198.51.100.2", "198.51.100.1")
            .blocks(TransportAddress.udp("198.51.100.1", 5000)))
        .isFalse();
    ((Firewall) box("alice firewall")).policy(FirewallPolicy.UDP_BLOCKED);
    assertThat(route(world.bob(), "198.51.100.2", "198.51.100.1")
            .blocks(TransportAddress.udp("198.51.100.1", 5000)))
        .isTrue();
  }

  @Test
  void routeGoesThroughNat64ToIpv4() {
    Topology world = Topology.between(
        net, Access.ipv6OnlyWithNat64(Nat64.WELL_KNOWN_PREFIX), Access.open(), Link.PERFECT);
    assertThat(route(world.alice(), "2001:db8:1::10", "64:ff9b::198.51.100.2"))
        .isEqualTo(new Route(
            List.of(new Hop(box("alice nat64"), Direction.OUTWARD)),
            new Reached(world.bob().interfaces().get(0))));
    assertThat(route(world.alice(), "2001:db8:1::10", "64:ff9b::203.0.113.1").end())
        .isEqualTo(new AtNat((Nat) box("alice nat64"), true));
    assertThat(route(world.alice(), "2001:db8:1::10", "64:ff9b::10.0.0.1").end())
        .isInstanceOf(Lost.class);
  }

  @Test
  void whatIsDownOrNotThereEndsTheRoute() {
    Topology world = Topology.nats(net, NatBehavior.FULL_CONE, NatBehavior.FULL_CONE, Link.PERFECT);
    Network home = box("alice nat").inner();
    box("alice nat").up(false);
    assertThat(route(world.alice(), "192.168.1.10", "192.0.2.1").end())
        .isEqualTo(new Lost(home, DropReason.INTERFACE_DOWN));
    box("alice nat").up(true);
    world.alice().interfaces().get(0).defaultRoute(false);
    assertThat(route(world.alice(), "192.168.1.10", "192.0.2.1").end())
        .isEqualTo(new Lost(home, DropReason.NO_ROUTE));
    world.alice().interfaces().get(0).up(false);
    assertThat(route(world.alice(), "192.168.1.10", "192.168.1.11").end())
        .isEqualTo(new Lost(home, DropReason.INTERFACE_DOWN));
    assertThatThrownBy(() -> route(world.alice(), "192.168.1.99", "192.0.2.1"))
        .hasMessageContaining("no address");
  }

  @Test
  void routersThatPointAtEachOtherAreFoundOut() {
    Network a = net.network("a");
    Network b = net.network("b");
    Network c = net.network("c");
    net.firewall("one", a, b, FirewallPolicy.OPEN, "10.1.0.0/16");
    net.firewall("two", b, c, FirewallPolicy.OPEN, "10.2.0.0/16");
    net.firewall("three", c, a, FirewallPolicy.OPEN, "10.3.0.0/16");
    Host alice = net.host("alice");
    alice.attach(a, "10.9.0.1/16");
    assertThat(route(alice, "10.9.0.1", "10.77.0.1").end()).isInstanceOf(Lost.class);
    new Peer(alice, "10.9.0.1", 1).send(TransportAddress.udp("10.77.0.1", 1), "x");
    net.runFor(Duration.ofSeconds(1));
    assertThat(net.statistics().dropped(DropReason.HOP_LIMIT)).isEqualTo(1);
  }

  @Test
  void natTellsItsEndpointsWithoutTouchingThem() {
    Topology world =
        Topology.nats(net, NatBehavior.PORT_RESTRICTED_CONE, NatBehavior.FULL_CONE, Link.PERFECT);
    Peer alice = new Peer(world.alice(), "192.168.1.10", 5000);
    Peer server = new Peer(world.server(), "192.0.2.1", 3478);
    Nat nat = (Nat) box("alice nat");
    assertThat(nat.externalEndpoint(alice.local(), server.local())).isNull();
    alice.send(server.local(), "x");
    net.runFor(Duration.ofMinutes(4));
    TransportAddress external = TransportAddress.udp("203.0.113.1", 5000);
    assertThat(nat.externalEndpoint(alice.local(), server.local())).isEqualTo(external);
    assertThat(nat.internalEndpoint(external, server.local())).isEqualTo(alice.local());
    assertThat(nat.internalEndpoint(external, TransportAddress.udp("192.0.2.2", 3478)))
        .isNull();
    assertThat(nat.mappings())
        .containsExactly(new Nat.Mapping(alice.local(), external, null, 300_000_000_000L));
    net.runFor(Duration.ofMinutes(2));
    assertThat(nat.internalEndpoint(external, server.local())).isNull();
    assertThat(nat.mappings()).isEmpty();
  }
}

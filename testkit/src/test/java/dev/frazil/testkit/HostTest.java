package dev.frazil.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.topology.Access;
import dev.frazil.testkit.topology.Topology;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class HostTest {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final VirtualInternet net = new VirtualInternet(5);
  private final Host alice = net.host("alice");
  private final Host bob = net.host("bob");

  @Test
  void interfacesHaveNamesIndexesAndAddresses() {
    Network home = net.network("home");
    VirtualInterface first = alice.attach(home, "192.168.1.10/24", "fe80::1/64");
    VirtualInterface second = alice.attach("wlan0", net.network("cafe"), "172.16.0.5/16");
    VirtualInterface third = alice.attach(net.internet(), "192.0.2.1");
    assertThat(alice.interfaces()).containsExactly(first, second, third);
    assertThat(alice.interfaces())
        .extracting(VirtualInterface::name)
        .containsExactly("eth0", "wlan0", "eth2");
    assertThat(alice.interfaces()).extracting(VirtualInterface::index).containsExactly(1, 2, 3);
    assertThat(alice.addresses())
        .extracting(IpAddress::toString)
        .containsExactly("192.168.1.10", "fe80::1%1", "172.16.0.5", "192.0.2.1");
    assertThat(second.addresses()).containsExactly(IpPrefix.parse("172.16.0.5/16"));
  }

  @Test
  void addressIsTakenOnceInANetworkAndOnAHost() {
    Network home = net.network("home");
    alice.attach(home, "192.168.1.10/24");
    assertThatThrownBy(() -> bob.attach(home, "192.168.1.10/24"))
        .hasMessageContaining("taken by alice/eth0");
    assertThatThrownBy(() -> alice.attach(net.network("other"), "192.168.1.10/24"))
        .hasMessageContaining("already");
    assertThatThrownBy(() -> bob.attach("eth5", net.internet(), "192.168.1.10/24"))
        .hasMessageContaining("not for the public Internet");
    assertThatThrownBy(() -> bob.attach("eth6", home, "224.0.0.1/24"))
        .hasMessageContaining("not a host's");
    bob.attach("eth7", home, "192.168.1.11/24");
  }

  @Test
  void portIsTakenOnceUntilItsSocketCloses() {
    alice.attach(net.internet(), "192.0.2.1", "192.0.2.2");
    TransportAddress local = TransportAddress.udp("192.0.2.1", 5000);
    Peer first = new Peer(alice, "192.0.2.1", 5000);
    assertThat(alice.canBind(local)).isFalse();
    assertThat(alice.canBind(TransportAddress.udp("192.0.2.2", 5000))).isTrue();
    assertThat(alice.canBind(TransportAddress.udp("0.0.0.0", 5000))).isFalse();
    assertThat(alice.canBind(TransportAddress.udp("::", 5000))).isTrue();
    assertThatThrownBy(() -> new Peer(alice, "192.0.2.1", 5000))
        .hasMessageContaining("the port is taken");
    assertThatThrownBy(() -> new Peer(alice, "192.0.2.9", 5000))
        .hasMessageContaining("does not have this address");
    first.socket.close();
    first.socket.close();
    assertThat(alice.canBind(local)).isTrue();
    assertThatThrownBy(() -> first.send(local, "x")).hasMessageContaining("is closed");
  }

  @Test
  void ephemeralPortsComeFromTheirRangeUntilItIsUsedUp() {
    alice.attach(net.internet(), "192.0.2.1");
    alice.ephemeralPorts(40_000, 40_009);
    Set<Integer> ports = new TreeSet<>();
    for (int i = 0; i < 10; i++) {
      ports.add(new Peer(alice, "192.0.2.1", 0).local().port());
    }
    assertThat(ports).hasSize(10).allMatch(port -> port >= 40_000 && port <= 40_009);
    assertThatThrownBy(() -> new Peer(alice, "192.0.2.1", 0))
        .hasMessageContaining("ports 40000 to 40009");
    VirtualSocket ranged =
        alice.bind(IpAddress.parse("192.0.2.1"), 50_000, 50_000, (path, payload, now) -> {});
    assertThat(ranged.local().port()).isEqualTo(50_000);
    assertThatThrownBy(() -> alice.ephemeralPorts(0, 5)).hasMessageContaining("ports");
  }

  @Test
  void wildcardSocketHearsAllAddressesOfItsFamily() {
    alice.attach(net.internet(), "192.0.2.1", "192.0.2.2", "2001:db8::1");
    bob.attach(net.internet(), "192.0.2.3", "2001:db8::3");
    Peer any = new Peer(alice, "0.0.0.0", 5000);
    Peer four = new Peer(bob, "192.0.2.3", 6000);
    Peer six = new Peer(bob, "2001:db8::3", 6000);
    four.send(TransportAddress.udp("192.0.2.1", 5000), "one");
    four.send(TransportAddress.udp("192.0.2.2", 5000), "two");
    six.send(TransportAddress.udp("2001:db8::1", 5000), "six");
    net.runFor(SECOND);
    assertThat(any.texts()).containsExactly("one", "two");
  }

  @Test
  void hostReachesItselfAtAllItsAddresses() {
    alice.attachLoopback();
    alice.attach(net.internet(), "192.0.2.1");
    Peer outer = new Peer(alice, "192.0.2.1", 5000);
    Peer loop = new Peer(alice, "127.0.0.1", 5000);
    loop.send(outer.local(), "to outer");
    outer.send(loop.local(), "to loop");
    assertThat(outer.heard).isEmpty();
    net.runFor(SECOND);
    assertThat(outer.lastSender()).isEqualTo(loop.local());
    assertThat(loop.lastSender()).isEqualTo(outer.local());
  }

  @Test
  void linkLocalAddressesCarryTheInterfaceAndStayOnTheLink() {
    Network home = net.network("home");
    net.firewall("router", home, net.internet(), FirewallPolicy.OPEN, "2001:db8:1::/48");
    alice.attach(net.internet(), "2001:db8::a", "fe80::a/64");
    alice.attach(home, "fe80::1/64");
    bob.attach(home, "fe80::2/64", "2001:db8:1::2/64");
    Peer a = new Peer(alice, "fe80::1%2", 1000);
    Peer b = new Peer(bob, "fe80::2%1", 2000);
    a.send(TransportAddress.udp("fe80::2%2", 2000), "hello");
    net.runFor(SECOND);
    assertThat(b.lastSender()).isEqualTo(TransportAddress.udp("fe80::1%1", 1000));

    b.send(TransportAddress.udp("2001:db8::a", 1), "from link-local");
    new Peer(alice, "fe80::a%1", 1000)
        .send(TransportAddress.udp("fe80::a1%1", 2000), "over the Internet");
    net.runFor(SECOND);
    assertThat(net.statistics().dropped(DropReason.LINK_LOCAL)).isEqualTo(2);
  }

  @Test
  void sourceIsChosenByTheRouteToTheDestination() {
    Network home = net.network("home");
    Network office = net.network("office");
    VirtualInterface wired =
        alice.attach(home, "192.168.1.10/24", "2001:db8:1::10/64").metric(10);
    VirtualInterface wireless =
        alice.attach(office, "10.1.0.10/16", "2001:db8:2::10/64", "fe80::10/64").metric(5);
    assertThat(source("198.51.100.1")).isEqualTo("10.1.0.10");
    assertThat(source("192.168.1.77")).isEqualTo("192.168.1.10");
    assertThat(source("2001:db8:1::77")).isEqualTo("2001:db8:1::10");
    assertThat(source("2001:db9::1")).isEqualTo("2001:db8:2::10");
    assertThat(source("192.168.1.10")).isEqualTo("192.168.1.10");
    assertThat(source("fe80::77%2")).isEqualTo("fe80::10%2");
    assertThat(source("fe80::77%1")).isNull();
    wireless.defaultRoute(false);
    assertThat(source("198.51.100.1")).isEqualTo("192.168.1.10");
    wired.up(false);
    assertThat(source("198.51.100.1")).isNull();
    assertThat(source("10.1.7.7")).isEqualTo("10.1.0.10");
  }

  @Test
  void socketSendsFromTheInterfaceThatHasItsAddress() {
    VirtualInternet world = new VirtualInternet(1);
    Access twoWays = Access.multihomed(NatBehavior.FULL_CONE, NatBehavior.FULL_CONE);
    Topology hosts = Topology.between(world, twoWays, Access.open(), Link.ofMillis(1));
    Peer far = new Peer(hosts.bob(), "198.51.100.2", 7000);
    new Peer(hosts.alice(), "10.1.0.2", 5000).send(far.local(), "mobile");
    world.runFor(SECOND);
    assertThat(far.lastSender().ip()).hasToString("198.51.100.1");
    new Peer(hosts.alice(), "0.0.0.0", 5001).send(far.local(), "default route");
    world.runFor(SECOND);
    assertThat(far.lastSender().ip()).hasToString("203.0.113.1");
  }

  @Test
  void removedAddressNeitherSendsNorReceivesUntilItIsBack() {
    VirtualInterface eth0 = alice.attach(net.internet(), "192.0.2.1");
    bob.attach(net.internet(), "192.0.2.2").link(Link.ofMillis(50));
    Peer a = new Peer(alice, "192.0.2.1", 1000);
    Peer b = new Peer(bob, "192.0.2.2", 2000);
    b.send(a.local(), "under way");
    net.runFor(Duration.ofMillis(10));
    eth0.removeAddress(IpAddress.parse("192.0.2.1"));
    assertThat(a.send(b.local(), "x")).isFalse();
    net.runFor(SECOND);
    b.send(a.local(), "x");
    net.runFor(SECOND);
    assertThat(a.heard).isEmpty();
    assertThat(net.statistics().dropped(DropReason.ADDRESS_GONE)).isEqualTo(1);
    assertThat(net.statistics().dropped(DropReason.NO_ROUTE)).isEqualTo(2);
    eth0.addAddress("192.0.2.1");
    assertThat(a.send(b.local(), "back")).isTrue();
    b.send(a.local(), "back");
    net.runFor(SECOND);
    assertThat(a.texts()).containsExactly("back");
    assertThat(b.texts()).containsExactly("back");
    assertThatThrownBy(() -> eth0.removeAddress(IpAddress.parse("192.0.2.9")))
        .hasMessageContaining("no address");
  }

  @Test
  void packetUnderWayOnTheLastLinkIsLostWithTheAddress() {
    VirtualInterface eth0 = alice.attach(net.internet(), "192.0.2.1").link(Link.ofMillis(50));
    bob.attach(net.internet(), "192.0.2.2");
    new Peer(alice, "192.0.2.1", 1000);
    new Peer(bob, "192.0.2.2", 2000).send(TransportAddress.udp("192.0.2.1", 1000), "x");
    net.runFor(Duration.ofMillis(10));
    eth0.removeAddress(IpAddress.parse("192.0.2.1"));
    net.runFor(SECOND);
    assertThat(net.statistics().dropped(DropReason.ADDRESS_GONE)).isEqualTo(1);
  }

  @Test
  void interfaceThatIsDownCarriesNothing() {
    VirtualInterface eth0 = alice.attach(net.internet(), "192.0.2.1");
    bob.attach(net.internet(), "192.0.2.2");
    Peer a = new Peer(alice, "192.0.2.1", 1000);
    Peer b = new Peer(bob, "192.0.2.2", 2000);
    eth0.up(false);
    assertThat(alice.addresses()).isEmpty();
    assertThat(a.send(b.local(), "x")).isFalse();
    b.send(a.local(), "x");
    net.runFor(SECOND);
    assertThat(net.statistics().dropped(DropReason.INTERFACE_DOWN)).isEqualTo(2);
    eth0.up(true);
    assertThat(a.send(b.local(), "x")).isTrue();
  }

  @Test
  void changesAreToldOnceAndAfterwards() {
    List<List<IpAddress>> told = new ArrayList<>();
    VirtualInterface eth0 = alice.attach(net.internet(), "192.0.2.1");
    alice.onChange(() -> told.add(alice.addresses()));
    eth0.addAddress("192.0.2.2");
    eth0.removeAddress(IpAddress.parse("192.0.2.1"));
    assertThat(told).isEmpty();
    net.runFor(SECOND);
    assertThat(told).containsExactly(List.of(IpAddress.parse("192.0.2.2")));
    eth0.detach();
    net.runFor(SECOND);
    assertThat(told).hasSize(2);
    assertThat(alice.interfaces()).isEmpty();
    assertThatThrownBy(() -> eth0.addAddress("192.0.2.1")).hasMessageContaining("detached");
  }

  @Test
  void closedPortIsAnsweredUnlessTheHostIsSilent() {
    alice.attach(net.internet(), "192.0.2.1");
    bob.attach(net.internet(), "192.0.2.2");
    Peer a = new Peer(alice, "192.0.2.1", 1000);
    TransportAddress nobody = TransportAddress.udp("192.0.2.2", 9);
    a.send(nobody, "x");
    net.runFor(SECOND);
    assertThat(a.unreachable).hasSize(1);
    assertThat(a.unreachable.get(0).remote()).isEqualTo(nobody);
    bob.silent(true);
    a.send(nobody, "x");
    net.runFor(SECOND);
    assertThat(a.unreachable).hasSize(1);
    assertThat(net.statistics().dropped(DropReason.PORT_CLOSED)).isEqualTo(2);
  }

  @Test
  void addressOnTheLinkThatNobodyHasIsNotLookedForElsewhere() {
    Network home = net.network("home");
    Nat nat = net.nat("nat", home, net.internet(), NatBehavior.FULL_CONE, "203.0.113.1");
    alice.attach(home, "192.168.1.10/24");
    Peer a = new Peer(alice, "192.168.1.10", 1000);
    a.send(TransportAddress.udp("192.168.1.99", 1), "x");
    net.runFor(SECOND);
    assertThat(net.statistics().dropped(DropReason.NO_SUCH_ADDRESS)).isEqualTo(1);
    assertThat(nat.mappings()).isEmpty();
    a.send(TransportAddress.udp("192.168.2.99", 1), "x");
    net.runFor(SECOND);
    assertThat(net.statistics().dropped(DropReason.NO_ROUTE)).isEqualTo(1);
    assertThat(nat.mappings()).hasSize(1);
  }

  @Test
  void remoteOfAnotherFamilyIsRefused() {
    alice.attach(net.internet(), "192.0.2.1");
    Peer a = new Peer(alice, "192.0.2.1", 1000);
    assertThatThrownBy(() -> a.send(TransportAddress.udp("2001:db8::1", 1), "x"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("family");
  }

  private String source(String destination) {
    IpAddress source = alice.defaultRouteSource(IpAddress.parse(destination));
    return source == null ? null : source.toString();
  }
}

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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Nat64Test {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final VirtualInternet net = new VirtualInternet(1);

  /** The examples of RFC 6052 2.4. */
  @ParameterizedTest
  @CsvSource({
    "2001:db8::/32, 2001:db8:c000:221::",
    "2001:db8:100::/40, 2001:db8:1c0:2:21::",
    "2001:db8:122::/48, 2001:db8:122:c000:2:2100::",
    "2001:db8:122:300::/56, 2001:db8:122:3c0:0:221::",
    "2001:db8:122:344::/64, 2001:db8:122:344:c0:2:2100::",
    "2001:db8:122:344::/96, 2001:db8:122:344::192.0.2.33",
    "64:ff9b::/96, 64:ff9b::192.0.2.33"
  })
  void addressesAreWrittenAsRfc6052Says(String prefix, String ipv6) {
    IpPrefix nat64 = IpPrefix.parse(prefix);
    IpAddress ipv4 = IpAddress.parse("192.0.2.33");
    assertThat(Nat64.embed(nat64, ipv4)).isEqualTo(IpAddress.parse(ipv6));
    assertThat(Nat64.extract(nat64, IpAddress.parse(ipv6))).isEqualTo(ipv4);
    assertThat(Nat64.extract(nat64, IpAddress.parse("2001:db9::1"))).isNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"64:ff9b::/96", "2001:db8:64::/96", "2001:db8:64::/48"})
  void hostWithIpv6OnlyTalksToIpv4(String prefix) {
    Topology world = Topology.between(
        net, Access.ipv6OnlyWithNat64(IpPrefix.parse(prefix)), Access.open(), Link.ofMillis(10));
    Peer server = new Peer(world.server(), "192.0.2.1", 3478);
    List<IpAddress> answers = resolve(world.alice(), "ipv4.server.example");
    assertThat(answers).hasSize(2);
    IpAddress synthesized = answers.get(1);
    assertThat(synthesized.isIn(IpPrefix.parse(prefix).address(), 32)).isTrue();

    Peer inside = new Peer(world.alice(), "2001:db8:1::10", 5000);
    inside.send(TransportAddress.udp(synthesized, 3478), "hello");
    net.runFor(SECOND);
    assertThat(server.lastSender()).isEqualTo(TransportAddress.udp("203.0.113.1", 5000));
    server.send(server.lastSender(), "answer");
    net.runFor(SECOND);
    assertThat(inside.lastSender()).isEqualTo(TransportAddress.udp(synthesized, 3478));
  }

  @Test
  void ipv6PeersAreReachedWithoutTranslation() {
    Topology world = Topology.between(
        net,
        Access.ipv6OnlyWithNat64(Nat64.WELL_KNOWN_PREFIX),
        Access.openIpv6(),
        Link.ofMillis(10));
    Peer inside = new Peer(world.alice(), "2001:db8:1::10", 5000);
    Peer bob = new Peer(world.bob(), "2001:db8:2::1", 6000);
    inside.send(bob.local(), "hello");
    net.runFor(SECOND);
    assertThat(bob.lastSender()).isEqualTo(inside.local());
  }

  @Test
  void wellKnownNameTellsThePrefix() {
    Topology world = Topology.between(
        net, Access.ipv6OnlyWithNat64(Nat64.WELL_KNOWN_PREFIX), Access.open(), Link.PERFECT);
    assertThat(resolve(world.alice(), "ipv4only.arpa"))
        .extracting(IpAddress::toString)
        .containsExactly("192.0.0.170", "192.0.0.171", "64:ff9b::c000:aa", "64:ff9b::c000:ab");
    assertThat(resolve(world.bob(), "IPv4only.ARPA"))
        .extracting(IpAddress::toString)
        .containsExactly("192.0.0.170", "192.0.0.171");
  }

  @Test
  void namesWithIpv6AddressesAreLeftAlone() {
    Topology world = Topology.between(
        net, Access.ipv6OnlyWithNat64(Nat64.WELL_KNOWN_PREFIX), Access.open(), Link.PERFECT);
    assertThat(resolve(world.alice(), "server.example"))
        .extracting(IpAddress::toString)
        .containsExactly("192.0.2.1", "2001:db8::1");
    assertThat(resolve(world.alice(), "unknown.example")).isEmpty();
  }

  @Test
  void answersTakeTheirTime() {
    Topology world = Topology.open(net, Link.PERFECT);
    net.nameDelay(Duration.ofMillis(70));
    List<Long> times = new ArrayList<>();
    world.alice().resolve("server.example", answer -> times.add(net.now()));
    net.runFor(SECOND);
    assertThat(times).containsExactly(70_000_000L);
  }

  @Test
  void wellKnownPrefixStandsForNoPrivateAddresses() {
    Topology world = Topology.between(
        net, Access.ipv6OnlyWithNat64(Nat64.WELL_KNOWN_PREFIX), Access.open(), Link.PERFECT);
    Peer inside = new Peer(world.alice(), "2001:db8:1::10", 5000);
    inside.send(TransportAddress.udp("64:ff9b::10.0.0.1", 1), "x");
    net.runFor(SECOND);
    assertThat(net.statistics().dropped(DropReason.NO_ROUTE)).isEqualTo(1);
    Nat64 nat = (Nat64) net.middleboxes().get(1);
    assertThat(nat.mappings()).isEmpty();
  }

  @Test
  void prefixOfAnotherLengthIsRefused() {
    assertThatThrownBy(() -> net.nat64(
            "nat64",
            net.network("inner"),
            net.internet(),
            NatBehavior.FULL_CONE,
            IpPrefix.parse("2001:db8::/80"),
            "203.0.113.1"))
        .hasMessageContaining("NAT64 prefix");
  }

  private List<IpAddress> resolve(Host host, String name) {
    List<IpAddress> answers = new ArrayList<>();
    host.resolve(name, answers::addAll);
    net.runFor(SECOND);
    return answers;
  }
}

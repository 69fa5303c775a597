package dev.frazil.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.NatBehavior.Dependence;
import dev.frazil.testkit.NatBehavior.Hairpinning;
import dev.frazil.testkit.NatBehavior.Pooling;
import dev.frazil.testkit.NatBehavior.PortAllocation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every kind of NAT, judged from outside by what it does to packets. */
class NatTest {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final VirtualInternet net = new VirtualInternet(1);
  private final Network home = net.network("home");
  private final Host alice = net.host("alice");
  private final Host carol = net.host("carol");
  private final Host server = net.host("server");

  private Nat nat(NatBehavior behavior, String... external) {
    String[] addresses = external.length == 0 ? new String[] {"203.0.113.1"} : external;
    Nat nat = net.nat("nat", home, net.internet(), behavior, addresses);
    alice.attach(home, "192.168.1.10/24");
    carol.attach(home, "192.168.1.11/24");
    server.attach(net.internet(), "198.51.100.1", "198.51.100.2").link(Link.ofMillis(10));
    return nat;
  }

  static Stream<NatBehavior> everyBehavior() {
    List<NatBehavior> all = new ArrayList<>();
    for (Dependence mapping : Dependence.values()) {
      for (Dependence filtering : Dependence.values()) {
        for (Hairpinning hairpinning : Hairpinning.values()) {
          for (PortAllocation allocation : PortAllocation.values()) {
            for (int i = 0; i < 4; i++) {
              all.add(NatBehavior.builder()
                  .mapping(mapping)
                  .filtering(filtering)
                  .hairpinning(hairpinning)
                  .portAllocation(allocation)
                  .portPreserving((i & 1) == 0)
                  .parityPreserving((i & 2) == 0)
                  .build());
            }
          }
        }
      }
    }
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("everyBehavior")
  void mappingFilteringAndPortsAreAsConfigured(NatBehavior behavior) {
    nat(behavior);
    Peer inside = new Peer(alice, "192.168.1.10", 5001);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    Peer otherPort = new Peer(server, "198.51.100.1", 3479);
    Peer otherAddress = new Peer(server, "198.51.100.2", 3478);

    inside.send(one.local(), "a");
    net.runFor(SECOND);
    TransportAddress mapped = one.lastSender();
    assertThat(mapped.ip()).hasToString("203.0.113.1");
    one.send(mapped, "answer");
    otherPort.send(mapped, "other port");
    otherAddress.send(mapped, "other address");
    net.runFor(SECOND);
    assertThat(inside.texts())
        .containsExactlyElementsOf(
            switch (behavior.filtering()) {
              case ENDPOINT_INDEPENDENT -> List.of("answer", "other port", "other address");
              case ADDRESS_DEPENDENT -> List.of("answer", "other port");
              case ADDRESS_AND_PORT_DEPENDENT -> List.of("answer");
            });

    inside.send(otherPort.local(), "b");
    inside.send(otherAddress.local(), "c");
    net.runFor(SECOND);
    assertThat(otherPort.lastSender().equals(mapped))
        .isEqualTo(behavior.mapping() != Dependence.ADDRESS_AND_PORT_DEPENDENT);
    assertThat(otherAddress.lastSender().equals(mapped))
        .isEqualTo(behavior.mapping() == Dependence.ENDPOINT_INDEPENDENT);

    assertThat(mapped.port() == 5001).isEqualTo(behavior.portPreserving());
    for (Peer each : List.of(one, otherPort, otherAddress)) {
      if (behavior.parityPreserving()) {
        assertThat(each.lastSender().port() & 1).isEqualTo(1);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("everyBehavior")
  void hairpinningIsAsConfigured(NatBehavior behavior) {
    nat(behavior);
    Peer inside = new Peer(alice, "192.168.1.10", 5001);
    Peer neighbour = new Peer(carol, "192.168.1.11", 6001);
    Peer rendezvous = new Peer(server, "198.51.100.1", 3478);
    inside.send(rendezvous.local(), "hello");
    neighbour.send(rendezvous.local(), "hello");
    net.runFor(SECOND);
    TransportAddress insideMapped = rendezvous.heard.get(0).from();
    TransportAddress neighbourMapped = rendezvous.heard.get(1).from();

    inside.send(neighbourMapped, "1");
    neighbour.send(insideMapped, "2");
    inside.send(neighbourMapped, "3");
    net.runFor(SECOND);

    if (behavior.hairpinning() == Hairpinning.NONE) {
      assertThat(neighbour.heard).isEmpty();
      assertThat(net.statistics().dropped(DropReason.NO_HAIRPINNING)).isEqualTo(3);
      return;
    }
    boolean through = behavior.filtering() == Dependence.ENDPOINT_INDEPENDENT
        || behavior.mapping() == Dependence.ENDPOINT_INDEPENDENT;
    assertThat(neighbour.texts().contains("3")).isEqualTo(through);
    if (through) {
      TransportAddress seen = neighbour.lastSender();
      if (behavior.hairpinning() == Hairpinning.INTERNAL_SOURCE) {
        assertThat(seen).isEqualTo(inside.local());
      } else {
        assertThat(seen.ip()).hasToString("203.0.113.1");
        assertThat(seen.equals(insideMapped))
            .isEqualTo(behavior.mapping() == Dependence.ENDPOINT_INDEPENDENT);
      }
    }
  }

  @Test
  void neighboursReachEachOtherDirectlyByTheirInnerAddresses() {
    nat(NatBehavior.SYMMETRIC);
    Peer inside = new Peer(alice, "192.168.1.10", 5001);
    Peer neighbour = new Peer(carol, "192.168.1.11", 6001);
    inside.send(neighbour.local(), "direct");
    net.runFor(SECOND);
    assertThat(neighbour.lastSender()).isEqualTo(inside.local());
  }

  @Test
  void preservedPortGoesToTheFirstAndAnotherToTheSecond() {
    nat(NatBehavior.PORT_RESTRICTED_CONE);
    Peer first = new Peer(alice, "192.168.1.10", 5000);
    Peer second = new Peer(carol, "192.168.1.11", 5000);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    first.send(one.local(), "first");
    second.send(one.local(), "second");
    net.runFor(SECOND);
    assertThat(one.heard.get(0).from().port()).isEqualTo(5000);
    assertThat(one.heard.get(1).from().port()).isNotEqualTo(5000).matches(port -> port % 2 == 0);
  }

  @Test
  void sequentialPortsFollowEachOtherAndRandomOnesDoNot() {
    nat(NatBehavior.SYMMETRIC.toBuilder()
        .portAllocation(PortAllocation.SEQUENTIAL)
        .parityPreserving(false)
        .build());
    assertThat(steps()).containsOnly(1);
  }

  @Test
  void randomPortsDoNotFollowEachOther() {
    nat(NatBehavior.SYMMETRIC);
    assertThat(new TreeSet<>(steps())).hasSizeGreaterThan(15);
  }

  private List<Integer> steps() {
    Peer inside = new Peer(alice, "192.168.1.10", 5000);
    List<Integer> ports = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Peer one = new Peer(server, "198.51.100.1", 4000 + i);
      inside.send(one.local(), "x");
      net.runFor(SECOND);
      ports.add(one.lastSender().port());
    }
    List<Integer> steps = new ArrayList<>();
    for (int i = 1; i < ports.size(); i++) {
      steps.add(ports.get(i) - ports.get(i - 1));
    }
    return steps;
  }

  @Test
  void wellKnownPortsStayWellKnown() {
    nat(NatBehavior.SYMMETRIC);
    Peer inside = new Peer(alice, "192.168.1.10", 500);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    inside.send(one.local(), "x");
    net.runFor(SECOND);
    assertThat(one.lastSender().port()).isBetween(1, 1023);
  }

  @Test
  void wellKnownPortsInBetweenDoNotDisturbTheSequence() {
    nat(NatBehavior.SYMMETRIC.toBuilder()
        .portAllocation(PortAllocation.SEQUENTIAL)
        .parityPreserving(false)
        .build());
    Peer inside = new Peer(alice, "192.168.1.10", 5000);
    Peer wellKnown = new Peer(alice, "192.168.1.10", 500);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    Peer other = new Peer(server, "198.51.100.2", 3478);
    inside.send(one.local(), "x");
    wellKnown.send(one.local(), "x");
    inside.send(other.local(), "x");
    net.runFor(SECOND);
    assertThat(other.lastSender().port() - one.heard.get(0).from().port()).isEqualTo(1);
  }

  @Test
  void noTwoMappingsEverShareAnExternalPort() {
    Nat nat = nat(NatBehavior.SYMMETRIC.toBuilder().ports(2000, 2009).build());
    Peer inside = new Peer(alice, "192.168.1.10", 5000);
    for (int i = 0; i < 12; i++) {
      inside.send(TransportAddress.udp("198.51.100.1", 4000 + i), "x");
    }
    net.runFor(SECOND);
    assertThat(nat.mappings())
        .hasSize(10)
        .extracting(Nat.Mapping::external)
        .doesNotHaveDuplicates();
    assertThat(net.statistics().dropped(DropReason.PORTS_EXHAUSTED)).isEqualTo(2);
  }

  @Test
  void mappingTimesOutUnlessOutboundPacketsRefreshIt() {
    nat(NatBehavior.FULL_CONE.toBuilder().mappingTimeout(Duration.ofMinutes(2)).build());
    Peer inside = new Peer(alice, "192.168.1.10", 5000);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    inside.send(one.local(), "x");
    net.runFor(Duration.ofSeconds(119));
    inside.send(one.local(), "x");
    net.runFor(Duration.ofSeconds(119));
    one.send(one.lastSender(), "in time");
    net.runFor(Duration.ofSeconds(2));
    one.send(one.lastSender(), "late");
    net.runFor(SECOND);
    assertThat(inside.texts()).containsExactly("in time");
    assertThat(net.statistics().dropped(DropReason.NO_MAPPING)).isEqualTo(1);
  }

  @Test
  void inboundPacketsRefreshWhenTheNatIsSo() {
    nat(NatBehavior.PORT_RESTRICTED_CONE.toBuilder()
        .mappingTimeout(Duration.ofMinutes(2))
        .inboundRefresh(true)
        .build());
    Peer inside = new Peer(alice, "192.168.1.10", 5000);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    inside.send(one.local(), "x");
    for (int i = 0; i < 3; i++) {
      net.runFor(Duration.ofSeconds(100));
      one.send(one.lastSender(), "x");
    }
    net.runFor(SECOND);
    assertThat(inside.heard).hasSize(3);
  }

  @Test
  void permissionOfOneRemoteTimesOutWhileAnotherKeepsTheMapping() {
    nat(NatBehavior.PORT_RESTRICTED_CONE.toBuilder()
        .mappingTimeout(Duration.ofMinutes(2))
        .build());
    Peer inside = new Peer(alice, "192.168.1.10", 5000);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    Peer two = new Peer(server, "198.51.100.2", 3478);
    inside.send(one.local(), "x");
    for (int i = 0; i < 3; i++) {
      inside.send(two.local(), "x");
      net.runFor(SECOND.multipliedBy(50));
    }
    one.send(one.lastSender(), "late");
    two.send(two.lastSender(), "in time");
    net.runFor(SECOND);
    assertThat(inside.texts()).containsExactly("in time");
    assertThat(net.statistics().dropped(DropReason.FILTERED)).isEqualTo(1);
  }

  @Test
  void rebootForgetsMappings() {
    Nat nat = nat(NatBehavior.FULL_CONE.toBuilder().portPreserving(false).build());
    Peer inside = new Peer(alice, "192.168.1.10", 5000);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    inside.send(one.local(), "x");
    net.runFor(SECOND);
    TransportAddress before = one.lastSender();
    nat.reboot();
    one.send(before, "lost");
    inside.send(one.local(), "x");
    net.runFor(SECOND);
    assertThat(inside.heard).isEmpty();
    assertThat(one.lastSender()).isNotEqualTo(before);
  }

  @Test
  void rebootMayChangeTheExternalAddress() {
    Nat nat = nat(NatBehavior.FULL_CONE);
    Peer inside = new Peer(alice, "192.168.1.10", 5000);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    inside.send(one.local(), "x");
    net.runFor(SECOND);
    nat.reboot("203.0.113.99");
    one.send(one.lastSender(), "lost");
    inside.send(one.local(), "x");
    net.runFor(SECOND);
    assertThat(inside.heard).isEmpty();
    assertThat(net.statistics().dropped(DropReason.NO_ROUTE)).isEqualTo(1);
    assertThat(one.lastSender()).isEqualTo(TransportAddress.udp("203.0.113.99", 5000));
  }

  @Test
  void pairedPoolingKeepsAnInnerHostOnOneAddress() {
    nat(NatBehavior.SYMMETRIC, "203.0.113.1", "203.0.113.2");
    assertThat(externalAddressesSeen("192.168.1.10", alice)).hasSize(1);
    assertThat(externalAddressesSeen("192.168.1.11", carol)).hasSize(1);
  }

  @Test
  void arbitraryPoolingMixesAddresses() {
    nat(
        NatBehavior.SYMMETRIC.toBuilder().pooling(Pooling.ARBITRARY).build(),
        "203.0.113.1",
        "203.0.113.2");
    assertThat(externalAddressesSeen("192.168.1.10", alice)).hasSize(2);
  }

  private Set<String> externalAddressesSeen(String ip, Host host) {
    Set<String> seen = new TreeSet<>();
    for (int port = 6000; port < 6020; port++) {
      Peer inside = new Peer(host, ip, port);
      Peer one = new Peer(server, "198.51.100.1", host == alice ? port : port + 1000);
      inside.send(one.local(), "x");
      net.runFor(SECOND);
      seen.add(one.lastSender().ip().toString());
    }
    return seen;
  }

  @Test
  void natBehindNatTranslatesTwice() {
    Network carrier = net.network("carrier");
    net.nat("cgn", carrier, net.internet(), NatBehavior.SYMMETRIC, "203.0.113.200");
    Nat homeNat = net.nat("home nat", home, carrier, NatBehavior.FULL_CONE, "100.64.0.2");
    alice.attach(home, "192.168.1.10/24");
    server.attach(net.internet(), "198.51.100.1");
    Peer inside = new Peer(alice, "192.168.1.10", 5000);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    inside.send(one.local(), "x");
    net.runFor(SECOND);
    assertThat(one.lastSender().ip()).hasToString("203.0.113.200");
    assertThat(homeNat.mappings())
        .extracting(Nat.Mapping::external)
        .containsExactly(TransportAddress.udp("100.64.0.2", 5000));
    one.send(one.lastSender(), "answer");
    net.runFor(SECOND);
    assertThat(inside.texts()).containsExactly("answer");
  }

  @Test
  void twoHomesBehindOneCarrierMeetByItsHairpin() {
    Network carrier = net.network("carrier");
    Network otherHome = net.network("other home");
    net.nat("cgn", carrier, net.internet(), NatBehavior.PORT_RESTRICTED_CONE, "203.0.113.200");
    net.nat("home nat", home, carrier, NatBehavior.PORT_RESTRICTED_CONE, "100.64.0.2");
    net.nat("other nat", otherHome, carrier, NatBehavior.PORT_RESTRICTED_CONE, "100.64.0.3");
    alice.attach(home, "192.168.1.10/24");
    carol.attach(otherHome, "192.168.1.10/24");
    server.attach(net.internet(), "198.51.100.1");
    Peer a = new Peer(alice, "192.168.1.10", 5000);
    Peer c = new Peer(carol, "192.168.1.10", 6000);
    Peer one = new Peer(server, "198.51.100.1", 3478);
    a.send(one.local(), "x");
    c.send(one.local(), "x");
    net.runFor(SECOND);
    a.send(one.heard.get(1).from(), "to carol");
    c.send(one.heard.get(0).from(), "to alice");
    a.send(one.heard.get(1).from(), "to carol again");
    net.runFor(SECOND);
    assertThat(a.texts()).containsExactly("to alice");
    assertThat(c.texts()).contains("to carol again");
    assertThat(c.lastSender()).isEqualTo(one.heard.get(0).from());
  }

  @Test
  void closedPortIsReportedBackThroughTheNat() {
    nat(NatBehavior.PORT_RESTRICTED_CONE);
    Peer inside = new Peer(alice, "192.168.1.10", 5000);
    TransportAddress nobody = TransportAddress.udp("198.51.100.1", 9999);
    inside.send(nobody, "x");
    net.runFor(SECOND);
    assertThat(inside.unreachable).hasSize(1);
    assertThat(inside.unreachable.get(0).remote()).isEqualTo(nobody);
  }

  @Test
  void badBehaviorIsRefusedByName() {
    assertThatThrownBy(() -> NatBehavior.builder().ports(5, 4).build())
        .hasMessageContaining("ports");
    assertThatThrownBy(() -> NatBehavior.builder().mappingTimeout(Duration.ZERO).build())
        .hasMessageContaining("mappingTimeout");
    assertThatThrownBy(() -> net.nat("nat", home, net.internet(), NatBehavior.FULL_CONE))
        .hasMessageContaining("external addresses");
    assertThatThrownBy(
            () -> net.nat("other", home, net.internet(), NatBehavior.FULL_CONE, "10.0.0.1"))
        .hasMessageContaining("not for the public Internet");
  }
}

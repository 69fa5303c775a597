package dev.frazil.testkit.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.AddressHandling;
import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceState;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.BindingServer;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.MachineDriver;
import dev.frazil.testkit.Nat64;
import dev.frazil.testkit.NatBehavior;
import dev.frazil.testkit.Network;
import dev.frazil.testkit.Sighting;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.topology.Access;
import dev.frazil.testkit.topology.Topology;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Gathering and pairing where NATs, several interfaces and two families of addresses matter. */
class TopologyTest {
  private static final Link LINK = Link.ofMillis(10);

  private final VirtualInternet net = new VirtualInternet(7);

  private VirtualAgent agent(Host host, Role role, UnaryOperator<IceConfiguration.Builder> more) {
    IceConfiguration.Builder settings = IceConfiguration.builder(role, net.random(host.name()))
        .addressHandling(AddressHandling.ALL_INTERFACES)
        .stunServers(List.of(new StunServer("ipv4.server.example", StunServer.DEFAULT_PORT)));
    return new VirtualAgent(host, more.apply(settings).build());
  }

  private VirtualAgent agent(Host host, Role role) {
    return agent(host, role, settings -> settings);
  }

  private static void serve(Host server) {
    MachineDriver driver = new MachineDriver(server);
    driver.run(new BindingServer(
        BindingServer.Options.DEFAULT, null, server.internet().random("stun"), driver));
    driver.bind(TransportAddress.udp("192.0.2.1", StunServer.DEFAULT_PORT));
  }

  private boolean connect(VirtualAgent left, VirtualAgent right) {
    Signalling signalling = Signalling.connect(net, left, right, () -> Duration.ZERO);
    left.start(1);
    right.start(1);
    signalling.begin(1);
    return net.runUntil(
        () -> left.state() == IceState.COMPLETED && right.state() == IceState.COMPLETED,
        Duration.ofSeconds(20));
  }

  private static List<Candidate> gathered(VirtualAgent agent) {
    return agent.events().stream()
        .filter(IceEvent.CandidateGathered.class::isInstance)
        .map(event -> ((IceEvent.CandidateGathered) event).candidate())
        .toList();
  }

  private static List<Candidate> reflexive(VirtualAgent agent) {
    return gathered(agent).stream()
        .filter(candidate -> candidate.type() == CandidateType.SERVER_REFLEXIVE)
        .toList();
  }

  /** RFC 8445 B.2: the same outside address by way of two bases. */
  @Test
  @Tag("ICE-1010")
  @Tag("ICE-1000")
  void oneOutsideAddressOfTwoBasesIsNotRedundant() {
    Host server = net.host("server");
    server.attach(net.internet(), "192.0.2.1");
    net.addName("ipv4.server.example", "192.0.2.1");
    Host alice = net.host("alice");
    Network first = net.network("first");
    Network second = net.network("second");
    // both networks lead to a third by NATs with one address, by which they are told apart no more
    Network shared = net.network("shared");
    net.nat("first nat", first, shared, NatBehavior.FULL_CONE, "10.0.0.2");
    net.nat("second nat", second, shared, NatBehavior.FULL_CONE, "10.0.0.3");
    net.nat("outer nat", shared, net.internet(), NatBehavior.FULL_CONE, "203.0.113.1");
    alice.attach("eth0", first, "192.168.1.2/24");
    alice.attach("eth1", second, "192.168.2.2/24").metric(100);
    serve(server);
    VirtualAgent left = agent(alice, Role.CONTROLLING);
    left.start(1);
    net.runFor(Duration.ofSeconds(2));
    assertThat(reflexive(left))
        .hasSize(2)
        .allMatch(candidate -> candidate.address().ip().equals(IpAddress.parse("203.0.113.1")));
    assertThat(reflexive(left))
        .extracting(candidate -> candidate.related().ip().toString())
        .containsExactlyInAnyOrder("192.168.1.2", "192.168.2.2");
    Host bob = net.host("bob");
    bob.attach(net.internet(), "198.51.100.2");
    VirtualAgent open = agent(bob, Role.CONTROLLED);
    open.start(1);
    net.runFor(Duration.ofSeconds(2));
    assertThat(gathered(open))
        .as("without a NAT the server sees the host candidate")
        .extracting(Candidate::type)
        .containsExactly(CandidateType.HOST);
  }

  @Test
  @Tag("ICE-0540")
  void anIpv6OnlyHostMeetsAnIpv4OnlyHostThroughTheNat64() {
    Topology world = Topology.between(
        net,
        Access.ipv6OnlyWithNat64(Nat64.WELL_KNOWN_PREFIX),
        Access.behindNat(NatBehavior.PORT_RESTRICTED_CONE),
        LINK);
    serve(world.server());
    VirtualAgent left = agent(world.alice(), Role.CONTROLLING);
    VirtualAgent right = agent(world.bob(), Role.CONTROLLED);
    assertThat(connect(left, right)).isTrue();
    assertThat(reflexive(left)).singleElement().satisfies(candidate -> {
      assertThat(candidate.address().ip().isIpv4()).isTrue();
      assertThat(candidate.priority()).isEqualTo(Candidate.priority(100, 65535, 1));
    });
    FiveTuple path = left.path(0, 1);
    assertThat(path.remote().ip().isIn(IpAddress.parse("64:ff9b::"), 96)).isTrue();
  }

  @Test
  @Tag("ICE-0550")
  void mappingsLiveUntilThePeerComes() {
    NatBehavior shortLived = NatBehavior.PORT_RESTRICTED_CONE.toBuilder()
        .mappingTimeout(Duration.ofSeconds(30))
        .build();
    Topology world = Topology.nats(net, shortLived, shortLived, LINK);
    serve(world.server());
    VirtualAgent left = agent(world.alice(), Role.CONTROLLING);
    VirtualAgent right = agent(world.bob(), Role.CONTROLLED);
    Signalling signalling = Signalling.connect(net, left, right, () -> Duration.ofMinutes(10));
    left.start(1);
    right.start(1);
    signalling.begin(1);
    boolean done = net.runUntil(
        () -> left.state() == IceState.COMPLETED && right.state() == IceState.COMPLETED,
        Duration.ofMinutes(10).plusSeconds(5));
    assertThat(done).isTrue();
    assertThat(right.path(0, 1).remote())
        .as("the mapping of ten minutes ago")
        .isEqualTo(reflexive(left).get(0).address());
  }

  @Test
  @Tag("ICE-0280")
  void anAddressThatVanishesAndOneThatComesMoveTheSessionByARestart() {
    Topology world = Topology.open(net, LINK);
    VirtualAgent left = agent(world.alice(), Role.CONTROLLING);
    VirtualAgent right = agent(world.bob(), Role.CONTROLLED);
    assertThat(connect(left, right)).isTrue();
    net.runFor(Duration.ofSeconds(5));
    left.onEvent(event -> {
      if (event instanceof IceEvent.RestartAdvised advised) {
        left.later(now -> left.agent().restart(advised.stream(), now));
      }
    });
    IpAddress old = left.path(0, 1).local().ip();
    world.alice().interfaces().get(0).addAddress("198.51.100.77/24");
    world.alice().interfaces().get(0).removeAddress(old);
    boolean moved = net.runUntil(
        () -> left.state() == IceState.COMPLETED
            && right.state() == IceState.COMPLETED
            && left.path(0, 1) != null
            && left.path(0, 1).local().ip().toString().equals("198.51.100.77"),
        Duration.ofSeconds(30));
    assertThat(moved).isTrue();
    assertThat(left.agent().statistics().localCandidates())
        .allMatch(each -> !each.candidate().address().ip().equals(old));
    assertThat(left.agent().statistics().pairs())
        .allMatch(pair -> !pair.local().address().ip().equals(old));
  }

  @ParameterizedTest
  @CsvSource({"ALL_INTERFACES, 2", "DEFAULT_ROUTE, 1", "DEFAULT_ROUTE_PUBLIC_ONLY, 1"})
  @Tag("ICE-1100")
  @Tag("ICE-1110")
  @Tag("ICE-1120")
  void eachModeSendsAndTellsWhatItMay(AddressHandling mode, int interfaces) {
    Topology world = Topology.between(
        net, Access.multihomed(NatBehavior.FULL_CONE, NatBehavior.FULL_CONE), Access.open(), LINK);
    serve(world.server());
    VirtualAgent left =
        agent(world.alice(), Role.CONTROLLING, settings -> settings.addressHandling(mode));
    VirtualAgent right = agent(world.bob(), Role.CONTROLLED);
    assertThat(connect(left, right)).isTrue();
    List<Candidate> told = gathered(left);
    assertThat(reflexive(left)).hasSize(interfaces);
    assertThat(told)
        .hasSize(mode == AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY ? 1 : 2 * interfaces);
    boolean hidden = mode == AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY;
    assertThat(told)
        .allMatch(candidate ->
            !hidden || !candidate.address().ip().isPrivate() && candidate.related() == null);
    List<Sighting> sent = net.capture().sightings().stream()
        .filter(sighting -> sighting.fate() == Sighting.Fate.SENT)
        .filter(sighting -> sighting.source().ip().toString().startsWith("10.1."))
        .toList();
    assertThat(sent.isEmpty())
        .as("nothing leaves by the other interface")
        .isEqualTo(interfaces == 1);
  }

  @Test
  @Tag("ICE-0860")
  void twoDualStackHostsMeetOverIpv6First() {
    Topology world = Topology.between(
        net,
        Access.dualStack(NatBehavior.FULL_CONE),
        Access.dualStack(NatBehavior.FULL_CONE),
        LINK);
    serve(world.server());
    VirtualAgent left = agent(world.alice(), Role.CONTROLLING);
    VirtualAgent right = agent(world.bob(), Role.CONTROLLED);
    assertThat(connect(left, right)).isTrue();
    assertThat(left.path(0, 1).local().ip().isIpv6()).isTrue();
  }
}

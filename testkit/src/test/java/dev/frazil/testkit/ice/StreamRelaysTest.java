package dev.frazil.testkit.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceState;
import dev.frazil.ice.Role;
import dev.frazil.ice.SendResult;
import dev.frazil.ice.StunServer;
import dev.frazil.net.Transport;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.testkit.FirewallPolicy;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.NatBehavior;
import dev.frazil.testkit.Sighting;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.topology.Access;
import dev.frazil.testkit.topology.Topology;
import dev.frazil.testkit.turn.VirtualTurnServer;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Agents that reach a TURN server by TCP, from networks that let no UDP out and from others. */
class StreamRelaysTest {
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");
  private static final String HOST = "ipv4.server.example";
  private static final TurnServer UDP = TurnServer.udp(HOST, 3478, USER);
  private static final TurnServer TCP = new TurnServer(HOST, 3478, Transport.TCP, false, USER);
  private static final TurnServer TLS = new TurnServer(HOST, 443, Transport.TCP, true, USER);
  private static final TurnServer DTLS = new TurnServer(HOST, 3478, Transport.UDP, true, USER);
  private static final Access BLOCKED = Access.behindFirewall(FirewallPolicy.UDP_BLOCKED);
  private static final Access SYMMETRIC = Access.behindNat(NatBehavior.SYMMETRIC);

  private VirtualInternet net = new VirtualInternet(21);
  private Topology world;
  private VirtualTurnServer server;
  private VirtualAgent left;
  private VirtualAgent right;

  private void world(Access alice, Access bob, Link link) {
    world = Topology.between(net, alice, bob, link);
    server = new VirtualTurnServer(
        world.server(),
        VirtualTurnServer.configuration(world.server(), net.random("turn"), USER)
            .build());
  }

  private void world(Access alice, Access bob) {
    world(alice, bob, Link.ofMillis(10));
  }

  private VirtualAgent agent(Host host, Role role, UnaryOperator<IceConfiguration.Builder> more) {
    IceConfiguration.Builder settings = IceConfiguration.builder(role, net.random(host.name()))
        .stunServers(List.of(new StunServer(HOST, StunServer.DEFAULT_PORT)));
    return new VirtualAgent(host, more.apply(settings).build());
  }

  private void begin(List<TurnServer> ofLeft, List<TurnServer> ofRight) {
    begin(settings -> settings.turnServers(ofLeft), settings -> settings.turnServers(ofRight));
  }

  private void begin(
      UnaryOperator<IceConfiguration.Builder> ofLeft,
      UnaryOperator<IceConfiguration.Builder> ofRight) {
    left = agent(world.alice(), Role.CONTROLLING, ofLeft);
    right = agent(world.bob(), Role.CONTROLLED, ofRight);
    Signalling signalling = Signalling.connect(net, left, right, () -> Duration.ofMillis(20));
    left.start(1);
    right.start(1);
    signalling.begin(1);
  }

  private boolean runUntil(IceState state) {
    return net.runUntil(
        () -> left.state() == state && right.state() == state, Duration.ofSeconds(60));
  }

  private void dataPasses() {
    List<Byte> received = new ArrayList<>();
    left.onData((stream, component, payload) -> received.add(payload.get(payload.position())));
    right.onData((stream, component, payload) -> received.add(payload.get(payload.position())));
    assertThat(left.send(0, 1, ByteBuffer.wrap(new byte[] {1}))).isEqualTo(SendResult.SENT);
    net.runFor(Duration.ofSeconds(1));
    assertThat(right.send(0, 1, ByteBuffer.wrap(new byte[] {2}))).isEqualTo(SendResult.SENT);
    net.runFor(Duration.ofSeconds(1));
    assertThat(received).containsExactly((byte) 1, (byte) 2);
  }

  private static List<Candidate> told(VirtualAgent agent) {
    return agent.events().stream()
        .filter(IceEvent.CandidateGathered.class::isInstance)
        .map(event -> ((IceEvent.CandidateGathered) event).candidate())
        .toList();
  }

  private int allocations() {
    return server.server().sessions().size();
  }

  private enum Blocked {
    ONE_SIDE,
    THE_OTHER_SIDE,
    BOTH_SIDES
  }

  @ParameterizedTest
  @EnumSource
  void whereUdpIsBlockedAStreamToTheRelayConnects(Blocked sides) {
    world(
        sides == Blocked.THE_OTHER_SIDE ? SYMMETRIC : BLOCKED,
        sides == Blocked.ONE_SIDE ? SYMMETRIC : BLOCKED);
    begin(List.of(UDP, TCP), List.of(UDP, TCP));
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    dataPasses();
    net.runFor(Duration.ofMinutes(20));
    assertThat(left.state()).isEqualTo(IceState.COMPLETED);
    dataPasses();
    left.close();
    right.close();
    net.runFor(Duration.ofSeconds(3));
    assertThat(allocations()).isZero();
  }

  @Test
  void withNothingButPort443OpenTlsThereConnects() {
    world(Access.behindFirewall(FirewallPolicy.ONLY_TCP_443), SYMMETRIC);
    begin(List.of(UDP, TCP, TLS), List.of(UDP));
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    dataPasses();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void twoSymmetricNatsAreBridgedOverConnectionsOfEveryKind(boolean datagrams) {
    world(SYMMETRIC, SYMMETRIC);
    begin(List.of(datagrams ? DTLS : TLS), List.of());
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    dataPasses();
    net.runFor(Duration.ofMinutes(20));
    dataPasses();
    left.close();
    net.runFor(Duration.ofSeconds(2));
    assertThat(allocations()).isZero();
    assertThat(left.bases()).isEmpty();
  }

  @Test
  void ofAllTransportsOneRelayIsKeptAndThatIsOverUdp() {
    world(SYMMETRIC, SYMMETRIC);
    begin(List.of(TLS, TCP, UDP), List.of());
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    assertThat(allocations()).isEqualTo(3);
    net.runFor(Duration.ofMinutes(1));
    assertThat(server.server().sessions())
        .singleElement()
        .satisfies(
            session -> assertThat(session.client().local().transport()).isEqualTo(Transport.UDP));
    dataPasses();
  }

  @Test
  void udpWithoutAnAnswerDelaysNeitherConnectingNorGatheringBeyondItsLimit() {
    world(BLOCKED, SYMMETRIC);
    begin(List.of(UDP, TCP), List.of());
    assertThat(net.runUntil(
            () -> left.path(0, 1) != null && right.path(0, 1) != null, Duration.ofSeconds(1)))
        .isTrue();
    assertThat(left.events()).noneMatch(IceEvent.GatheringComplete.class::isInstance);
    net.runUntil(
        () -> left.events().stream().anyMatch(IceEvent.GatheringComplete.class::isInstance),
        Duration.ofMinutes(1));
    assertThat(net.now()).isEqualTo(Duration.ofSeconds(5).toNanos());
  }

  @Test
  void relayOnlyOverTcpSendsNothingElsewhere() {
    world(Access.open(), Access.open());
    UnaryOperator<IceConfiguration.Builder> relayOnly = settings ->
        settings.turnServers(List.of(TCP)).candidateTypes(Set.of(CandidateType.RELAYED));
    Set<String> destinations = new HashSet<>();
    net.observe(sighting -> {
      if (sighting.place().startsWith("alice/") && sighting.fate() == Sighting.Fate.SENT) {
        destinations.add(sighting.destination().toString());
      }
    });
    begin(relayOnly, relayOnly);
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    dataPasses();
    net.runFor(Duration.ofMinutes(2));
    assertThat(destinations).containsExactly("192.0.2.1:3478/tcp");
    assertThat(told(left)).isNotEmpty().allSatisfy(candidate -> {
      assertThat(candidate.type()).isEqualTo(CandidateType.RELAYED);
      assertThat(candidate.related()).isNull();
    });
  }

  @Test
  void serverThatRestartsBreaksTheStreamsAndARestartMendsIt() {
    world(BLOCKED, SYMMETRIC);
    begin(List.of(TCP), List.of());
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    server.restart();
    assertThat(net.runUntil(
            () -> left.events().stream().anyMatch(IceEvent.RestartAdvised.class::isInstance),
            Duration.ofSeconds(10)))
        .as("a consent check meets the reset at once")
        .isTrue();
    left.call(now -> left.agent().restart(0, now));
    net.runFor(Duration.ofMillis(100));
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    dataPasses();
  }

  @Test
  void firstAddressOfTheServersNameMayBeDead() {
    world(BLOCKED, SYMMETRIC);
    net.addName("twice.example", "192.0.2.99", "192.0.2.1");
    begin(List.of(new TurnServer("twice.example", 3478, Transport.TCP, false, USER)), List.of());
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    dataPasses();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void streamsConnectThroughLoss(long seed) {
    net = new VirtualInternet(seed);
    world(BLOCKED, SYMMETRIC, Link.ofMillis(10).withLoss(0.2));
    begin( // a SYN may be lost three times
        settings -> settings.turnServers(List.of(UDP, TCP)).gatheringLimit(Duration.ofSeconds(20)),
        settings -> settings);
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    net.calmLinks();
    net.runFor(Duration.ofSeconds(10));
    dataPasses();
  }
}

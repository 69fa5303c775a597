package dev.frazil.testkit.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceState;
import dev.frazil.ice.IceStatistics.PairStatistics;
import dev.frazil.ice.PairState;
import dev.frazil.ice.Role;
import dev.frazil.ice.SendResult;
import dev.frazil.ice.StunServer;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.NatBehavior;
import dev.frazil.testkit.Sighting;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.topology.Topology;
import dev.frazil.testkit.turn.VirtualTurnServer;
import dev.frazil.turn.PeerFilter;
import dev.frazil.turn.TurnServerConfiguration;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Agents that reach each other through a TURN server, where NATs leave no other way or they want none. */
class RelayedAgentsTest {
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");
  private static final TurnServer RELAY =
      TurnServer.udp("ipv4.server.example", TurnServer.DEFAULT_PORT, USER);
  private static final Link LINK = Link.ofMillis(10);

  private VirtualInternet net = new VirtualInternet(11);
  private Topology world;
  private VirtualTurnServer server;
  private VirtualAgent left;
  private VirtualAgent right;

  private void world(
      NatBehavior behavior, Link link, UnaryOperator<TurnServerConfiguration.Builder> more) {
    world = Topology.nats(net, behavior, behavior, link);
    server = new VirtualTurnServer(
        world.server(),
        more.apply(VirtualTurnServer.configuration(world.server(), net.random("turn"), USER))
            .build());
  }

  private void symmetricWorld(Link link) {
    world(NatBehavior.SYMMETRIC, link, settings -> settings);
  }

  private VirtualAgent agent(Host host, Role role, UnaryOperator<IceConfiguration.Builder> more) {
    IceConfiguration.Builder settings = IceConfiguration.builder(role, net.random(host.name()))
        .stunServers(List.of(new StunServer("ipv4.server.example", StunServer.DEFAULT_PORT)));
    return new VirtualAgent(host, more.apply(settings).build());
  }

  private static IceConfiguration.Builder relaying(IceConfiguration.Builder settings) {
    return settings.turnServers(List.of(RELAY));
  }

  private static IceConfiguration.Builder relayOnly(IceConfiguration.Builder settings) {
    return relaying(settings).candidateTypes(Set.of(CandidateType.RELAYED));
  }

  private void agents(
      UnaryOperator<IceConfiguration.Builder> ofLeft,
      UnaryOperator<IceConfiguration.Builder> ofRight) {
    left = agent(world.alice(), Role.CONTROLLING, ofLeft);
    right = agent(world.bob(), Role.CONTROLLED, ofRight);
  }

  private void begin() {
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

  @Test
  void twoSymmetricNatsAreBridgedByARelayOfEitherSide() {
    symmetricWorld(LINK);
    agents(RelayedAgentsTest::relaying, settings -> settings);
    begin();
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    dataPasses();
    net.runFor(Duration.ofMinutes(20));
    assertThat(left.state()).isEqualTo(IceState.COMPLETED);
    dataPasses();
    left.close();
    right.close();
    net.runFor(Duration.ofSeconds(2));
    assertThat(allocations()).isZero();
    assertThat(left.bases()).isEmpty();
  }

  @Test
  void bothSidesMayRelayAndWhatIsNotNeededIsGivenBack() {
    symmetricWorld(LINK);
    agents(RelayedAgentsTest::relaying, RelayedAgentsTest::relaying);
    begin();
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    assertThat(allocations()).isEqualTo(2);
    dataPasses();
    net.runFor(Duration.ofMinutes(1));
    assertThat(allocations()).isEqualTo(1);
    dataPasses();
  }

  @Test
  void withoutSymmetricNatsTheRelayIsNotUsedAndGivenBack() {
    world(NatBehavior.PORT_RESTRICTED_CONE, LINK, settings -> settings);
    agents(RelayedAgentsTest::relaying, RelayedAgentsTest::relaying);
    begin();
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    assertThat(left.path(0, 1).remote().ip().toString()).isEqualTo("203.0.113.2");
    net.runFor(Duration.ofMinutes(1));
    assertThat(allocations()).isZero();
    dataPasses();
  }

  /** The time at which both sides could send. */
  private long connectTime(List<TurnServer> servers) {
    net = new VirtualInternet(11);
    symmetricWorld(LINK);
    net.addName("dead.example", "192.0.2.99");
    agents(settings -> settings.turnServers(servers), settings -> settings);
    begin();
    boolean connected = net.runUntil(
        () -> left.path(0, 1) != null && right.path(0, 1) != null, Duration.ofSeconds(60));
    assertThat(connected).isTrue();
    return net.now();
  }

  @Test
  void serverThatNobodyAnswersAtDelaysNothing() {
    TurnServer dead = TurnServer.udp("dead.example", TurnServer.DEFAULT_PORT, USER);
    long alone = connectTime(List.of(RELAY));
    long withDead = connectTime(List.of(dead, RELAY));
    // its Allocate takes one turn of the pace, 10 ms, as any other would
    assertThat(withDead - alone).isLessThanOrEqualTo(Duration.ofMillis(20).toNanos());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void relayOnlyLetsNobodySeeAnotherAddress(boolean bothSides) {
    world(NatBehavior.FULL_CONE, LINK, settings -> settings);
    agents(
        RelayedAgentsTest::relayOnly,
        bothSides ? RelayedAgentsTest::relayOnly : RelayedAgentsTest::relaying);
    Set<TransportAddress> destinations = new HashSet<>();
    net.observe(sighting -> {
      if (sighting.place().startsWith("alice/") && sighting.fate() == Sighting.Fate.SENT) {
        destinations.add(sighting.destination());
      }
    });
    begin();
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    dataPasses();
    net.runFor(Duration.ofMinutes(2));
    assertThat(destinations).containsExactly(TransportAddress.udp("192.0.2.1", 3478));
    assertThat(told(left)).isNotEmpty().allSatisfy(candidate -> {
      assertThat(candidate.address().ip().toString())
          .isIn("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2");
      assertThat(candidate.related()).isNull();
    });
    assertThat(right.agent().statistics().remoteCandidates())
        .extracting(each -> each.candidate().type())
        .containsOnly(CandidateType.RELAYED);
  }

  @Test
  void peerThatTheRelayRefusesFailsItsPairsAndNoOthers() {
    world(
        NatBehavior.SYMMETRIC,
        LINK,
        settings ->
            settings.peerFilter(PeerFilter.builder().deny("203.0.113.0/24").build()));
    agents(RelayedAgentsTest::relaying, settings -> settings);
    begin();
    assertThat(runUntil(IceState.FAILED)).isTrue();
    assertThat(left.agent().statistics().pairs())
        .filteredOn(pair -> pair.local().type() == CandidateType.RELAYED)
        .isNotEmpty()
        .extracting(PairStatistics::state)
        .containsOnly(PairState.FAILED);
  }

  @Test
  void restartGoesOnWithTheSameAllocations() {
    symmetricWorld(LINK);
    agents(RelayedAgentsTest::relaying, RelayedAgentsTest::relaying);
    begin();
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    left.call(now -> left.agent().restart(0, now));
    assertThat(left.path(0, 1)).isNotNull();
    net.runFor(Duration.ofMillis(100));
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    assertThat(left.agent().generation(0)).isEqualTo(1);
    assertThat(allocations()).isEqualTo(2);
    dataPasses();
    net.runFor(Duration.ofMinutes(1));
    left.call(now -> left.agent().restart(0, now)); // one has been given back
    net.runFor(Duration.ofMillis(100));
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    assertThat(allocations()).isEqualTo(2);
    dataPasses();
  }

  @Test
  void serverThatForgetsItsClientsFailsTheSessionAndARestartMendsIt() {
    symmetricWorld(LINK);
    agents(RelayedAgentsTest::relaying, RelayedAgentsTest::relaying);
    begin();
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    server.restart();
    assertThat(runUntil(IceState.FAILED)).isTrue();
    left.call(now -> left.agent().restart(0, now));
    net.runFor(Duration.ofMillis(100));
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    dataPasses();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void relaysConnectThroughLoss(long seed) {
    net = new VirtualInternet(seed);
    symmetricWorld(LINK.withLoss(0.2));
    agents(RelayedAgentsTest::relaying, RelayedAgentsTest::relaying);
    begin();
    assertThat(runUntil(IceState.COMPLETED)).isTrue();
    net.calmLinks();
    net.runFor(Duration.ofSeconds(10));
    dataPasses();
  }
}

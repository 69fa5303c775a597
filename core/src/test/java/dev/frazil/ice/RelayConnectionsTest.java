package dev.frazil.ice;

import static dev.frazil.ice.ScriptedRelay.MAPPED;
import static dev.frazil.ice.ScriptedRelay.RELAYED;
import static dev.frazil.ice.ScriptedRelay.USER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunUri;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Relayed candidates of TURN servers that are reached over connections: TCP, TLS and DTLS. */
class RelayConnectionsTest {
  private static final TransportAddress THERE = TransportAddress.udp("198.51.100.9", 4000);
  private static final String SERVER = "192.0.2.250";
  private static final TransportAddress LISTENER = tcp(SERVER);
  private static final TurnServer STREAM = turn(SERVER, Transport.TCP, false);

  private final VirtualTime time = new VirtualTime();
  private AgentHarness agent;
  private ScriptedPeer peer;
  private ScriptedRelay relay;

  private void scene(IceConfiguration.Builder settings, TurnServer... servers) {
    agent = new AgentHarness(time, settings.turnServers(List.of(servers)).build());
    agent.call(now -> agent.agent().addStream(1, now));
    peer = new ScriptedPeer(agent, 0);
    relay = new ScriptedRelay(
        agent, new TransportAddress(IpAddress.parse(SERVER), 3478, servers[0].transport()));
  }

  private void scene(TurnServer... servers) {
    scene(AgentHarness.settings(Role.CONTROLLING), servers);
  }

  private void gather() {
    agent.interfaces("192.0.2.1");
    runMillis(200);
  }

  private void completed() {
    gather();
    peer.answerWhen(check -> check.path().local().equals(RELAYED), Duration.ofMillis(20));
    peer.introduce();
    peer.tell(peer.host("198.51.100.9", 4000));
    peer.tellEnd();
    assertThat(
            time.runUntil(() -> agent.agent().state() == IceState.COMPLETED, Duration.ofMinutes(1)))
        .as("%s", agent.agent())
        .isTrue();
  }

  private void runMillis(long millis) {
    time.runFor(Duration.ofMillis(millis));
  }

  private List<Candidate> gathered(CandidateType type) {
    return agent.gathered().stream().filter(each -> each.type() == type).toList();
  }

  private boolean hasGathered() {
    return !agent.events(IceEvent.GatheringComplete.class).isEmpty();
  }

  private long refreshesToNothing() {
    return relay.requests(Method.REFRESH).stream()
        .filter(request -> request.message().intValue(AttributeType.LIFETIME, 600) == 0)
        .count();
  }

  private static TurnServer turn(String host, Transport transport, boolean secure) {
    return new TurnServer(host, TurnServer.DEFAULT_PORT, transport, secure, USER);
  }

  private static TransportAddress tcp(String ip) {
    return new TransportAddress(IpAddress.parse(ip), 3478, Transport.TCP);
  }

  // gathering

  @Test
  @Tag("ICE-0490")
  @Tag("ICE-0520")
  void anAllocationOverAStreamGivesARelayedCandidateOfUdp() {
    scene(STREAM);
    gather();
    assertThat(agent.requests(IceRequest.Connect.class)).singleElement().satisfies(connect -> {
      assertThat(connect.local()).isEqualTo(IpAddress.parse("192.0.2.1"));
      assertThat(connect.server()).isEqualTo(LISTENER);
      assertThat(connect.secure()).isFalse();
    });
    assertThat(gathered(CandidateType.RELAYED)).singleElement().satisfies(candidate -> {
      assertThat(candidate.address()).isEqualTo(RELAYED);
      assertThat(candidate.related()).isEqualTo(MAPPED);
    });
    assertThat(gathered(CandidateType.SERVER_REFLEXIVE))
        .as("it would be the stream's, not the socket's")
        .isEmpty();
    assertThat(hasGathered()).isTrue();
    assertThat(agent.sent())
        .allMatch(sent -> sent.path().equals(agent.connections().get(0)));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theServersNameGoesWithTheRequestForACertificateToHold(boolean datagrams) {
    Transport transport = datagrams ? Transport.UDP : Transport.TCP;
    scene(turn("turn.example", transport, true));
    agent.name("turn.example", SERVER);
    gather();
    assertThat(agent.requests(IceRequest.Connect.class)).singleElement().satisfies(connect -> {
      assertThat(connect.server().transport()).isEqualTo(transport);
      assertThat(connect.secure()).isTrue();
      assertThat(connect.host()).isEqualTo("turn.example");
    });
    assertThat(gathered(CandidateType.RELAYED)).hasSize(1);
    assertThat(gathered(CandidateType.SERVER_REFLEXIVE)).isEmpty();
  }

  @Test
  void whatIsReachedOverAStreamComesBehindEveryRelayOverUdp() {
    scene(STREAM, TurnServer.udp("192.0.2.251", TurnServer.DEFAULT_PORT, USER));
    ScriptedRelay datagrams = new ScriptedRelay(agent, "192.0.2.251");
    datagrams.relayedAddress = TransportAddress.udp("198.51.100.2", 50000);
    agent.interfaces("192.0.2.1", "192.0.2.2", "192.0.2.3");
    runMillis(300);
    List<Candidate> relayed = gathered(CandidateType.RELAYED);
    assertThat(relayed).extracting(Candidate::priority).doesNotHaveDuplicates();
    int best = relayed.stream()
        .filter(each -> each.address().equals(RELAYED))
        .mapToInt(Candidate::priority)
        .max()
        .orElseThrow();
    assertThat(relayed)
        .filteredOn(each -> each.address().equals(datagrams.relayedAddress))
        .hasSize(3)
        .allMatch(each -> each.priority() > best);
    assertThat(relayed.stream().map(Candidate::foundation).distinct())
        .as("what fails over UDP may work over TCP")
        .hasSize(2);
  }

  @Test
  void neitherUdpWithoutAnswerNorAStreamThatDoesNotConnectDelaysAnother() {
    scene(STREAM, TurnServer.udp(SERVER, 3478, USER), turn("192.0.2.251", Transport.TCP, true));
    agent.noConnection(tcp("192.0.2.251"), false);
    gather();
    assertThat(gathered(CandidateType.RELAYED)).hasSize(1);
    assertThat(hasGathered()).isFalse();
    runMillis(4800);
    assertThat(hasGathered()).as("after the limit of 5 s").isTrue();
    assertThat(agent.connections()).hasSize(1);
  }

  @Test
  void connectionThatComesTooLateIsClosed() {
    scene(STREAM);
    agent.noConnection(LISTENER, false);
    gather();
    runMillis(5000);
    assertThat(hasGathered()).isTrue();
    IceRequest.Connect request = agent.requests(IceRequest.Connect.class).get(0);
    FiveTuple path = new FiveTuple(tcp("192.0.2.1"), LISTENER);
    agent.call(now -> agent.agent().handleConnected(request, path, now));
    assertThat(agent.requests(IceRequest.Disconnect.class))
        .extracting(IceRequest.Disconnect::path)
        .containsExactly(path);
    assertThat(agent.sent()).isEmpty();
  }

  @Test
  void connectionThatIsRefusedIsNotWaitedFor() {
    scene(STREAM);
    agent.noConnection(LISTENER, true);
    gather();
    assertThat(hasGathered()).isTrue();
    assertThat(agent.events(IceEvent.Warning.class))
        .extracting(IceEvent.Warning::what)
        .anyMatch(what ->
            what.contains("turn:192.0.2.250:3478?transport=tcp") && what.contains("refused"));
  }

  @Test
  @Tag("STUN-1010")
  void serverThatSendsItsClientsElsewhereHasAnotherConnectionOpened() {
    scene(turn(SERVER, Transport.TCP, true));
    relay.refuse(Method.ALLOCATE, ErrorCode.TRY_ALTERNATE);
    relay.alternate = TransportAddress.udp("192.0.2.251", 3478);
    ScriptedRelay other = new ScriptedRelay(agent, tcp("192.0.2.251"));
    gather();
    assertThat(agent.requests(IceRequest.Connect.class))
        .extracting(IceRequest.Connect::server, IceRequest.Connect::host)
        .containsExactly(tuple(LISTENER, SERVER), tuple(tcp("192.0.2.251"), "other.example"));
    assertThat(other.requests(Method.ALLOCATE)).hasSize(1);
    assertThat(gathered(CandidateType.RELAYED)).hasSize(1);
    assertThat(agent.connections())
        .extracting(FiveTuple::remote)
        .containsExactly(tcp("192.0.2.251"));
  }

  // several addresses

  @ParameterizedTest
  @CsvSource({"true, 20", "false, 2020"})
  void nextAddressOfANameIsTriedWhenOneIsOfNoUse(boolean refused, int millis) {
    scene(turn("turn.example", Transport.TCP, false));
    agent.name("turn.example", "192.0.2.251", SERVER);
    agent.noConnection(tcp("192.0.2.251"), refused);
    long begin = time.now();
    agent.interfaces("192.0.2.1");
    runMillis(millis + 100);
    assertThat(gathered(CandidateType.RELAYED)).hasSize(1);
    assertThat(hasGathered()).isTrue();
    assertThat(relay.requests().get(0).time() - begin)
        .isLessThanOrEqualTo(Duration.ofMillis(millis).toNanos());
  }

  @Test
  void nextAddressIsTriedOverUdpToo() {
    scene(TurnServer.udp("turn.example", 3478, USER));
    agent.name("turn.example", "192.0.2.251", SERVER);
    agent.interfaces("192.0.2.1");
    runMillis(1900);
    assertThat(gathered(CandidateType.RELAYED)).isEmpty();
    runMillis(300);
    assertThat(gathered(CandidateType.RELAYED)).hasSize(1);
    assertThat(hasGathered()).isTrue();
    assertThat(agent.bases()).as("the socket is the same").hasSize(1);
  }

  @Test
  void serverThatAnswersIsNotLeftForItsNextAddress() {
    scene(TurnServer.udp("turn.example", 3478, USER));
    agent.name("turn.example", SERVER, "192.0.2.251");
    relay.delay = Duration.ofMillis(1100); // the second answer comes after 2.2 s
    agent.interfaces("192.0.2.1");
    runMillis(4000);
    assertThat(gathered(CandidateType.RELAYED)).hasSize(1);
    assertThat(agent.sent())
        .noneMatch(sent -> sent.path().remote().ip().equals(IpAddress.parse("192.0.2.251")));
  }

  @ParameterizedTest
  @Tag("ICE-0470")
  @CsvSource({"50, 4, 500", "50, 12, 1200", "100, 8, 1600"})
  void theRtoOfAllocateGrowsWithTheNumberOfCandidates(int ta, int servers, int rto) {
    TurnServer[] configured = new TurnServer[servers];
    StunServer[] stun = new StunServer[servers];
    for (int i = 0; i < servers; i++) {
      configured[i] = TurnServer.udp("192.0.2." + (250 - i), 3478, USER);
      stun[i] = new StunServer("192.0.2." + (100 - i), 3478);
    }
    scene(
        AgentHarness.settings(Role.CONTROLLING).pacing(ta).stunServers(List.of(stun)), configured);
    relay.refuse(Method.ALLOCATE, -1);
    relay.delay = Duration.ofMinutes(1);
    agent.interfaces("192.0.2.1");
    runMillis(4900);
    List<AgentHarness.Sent> sends = agent.sent().stream()
        .filter(sent -> sent.path().remote().ip().equals(IpAddress.parse(SERVER)))
        .toList();
    assertThat(sends.get(1).time() - sends.get(0).time())
        .isEqualTo(Duration.ofMillis(rto).toNanos());
  }

  // use

  @Test
  void checksAndDataGoOverTheConnection() {
    scene(STREAM);
    completed();
    FiveTuple connection = agent.connections().get(0);
    runMillis(100);
    agent.sent().clear();
    agent.call(now -> agent.agent().send(0, 1, ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5}), now));
    AgentHarness.Sent sent = agent.sent().get(0);
    assertThat(sent.path()).isEqualTo(connection);
    assertThat(sent.bytes().remaining()).as("padded ChannelData").isEqualTo(12);
    relay.answersByChannel = true;
    agent.receive(new FiveTuple(RELAYED, THERE), ByteBuffer.wrap(new byte[] {7}));
    assertThat(agent.delivered()).extracting(each -> each.payload().get(0)).containsExactly((byte)
        7);
  }

  @Test
  void relayOnlySendsNothingButOverTheConnection() {
    scene(
        AgentHarness.settings(Role.CONTROLLING).candidateTypes(Set.of(CandidateType.RELAYED)),
        STREAM);
    completed();
    assertThat(agent.gathered()).singleElement().satisfies(candidate -> {
      assertThat(candidate.address()).isEqualTo(RELAYED);
      assertThat(candidate.related()).isNull();
    });
    time.runFor(Duration.ofMinutes(1));
    assertThat(agent.sent())
        .allMatch(sent -> sent.path().equals(agent.connections().get(0)));
  }

  @Test
  @Tag("ICE-0550")
  void overDtlsBindingIndicationsKeepTheNatsMappingUntilIceIsDone() {
    scene(turn(SERVER, Transport.UDP, true));
    gather();
    peer.introduce();
    time.runFor(Duration.ofSeconds(65));
    FiveTuple connection = agent.connections().get(0);
    assertThat(agent.sent())
        .filteredOn(sent ->
            sent.message() != null && sent.message().is(MessageClass.INDICATION, Method.BINDING))
        .hasSize(4)
        .allMatch(sent -> sent.path().equals(connection));
  }

  // the end

  @Test
  void closingGivesTheAllocationBackBeforeItDisconnects() {
    scene(STREAM);
    completed();
    agent.call(agent.agent()::close);
    assertThat(agent.connections()).hasSize(1);
    runMillis(50);
    assertThat(refreshesToNothing()).isEqualTo(1);
    assertThat(agent.connections()).isEmpty();
    assertThat(agent.bases()).isEmpty();
    assertThat(agent.agent().nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  void closingLingersNoLongerThanASecondAndWaitsForNoConnection() {
    scene(STREAM, turn("192.0.2.251", Transport.TCP, false));
    agent.noConnection(tcp("192.0.2.251"), false);
    gather();
    relay.silent = true;
    agent.call(agent.agent()::close);
    runMillis(999);
    assertThat(agent.connections()).hasSize(1);
    runMillis(1);
    assertThat(agent.connections()).isEmpty();
    assertThat(agent.bases()).isEmpty();
    assertThat(agent.agent().nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
    IceRequest.Connect pending = agent.requests(IceRequest.Connect.class).get(1);
    FiveTuple late = new FiveTuple(tcp("192.0.2.1"), pending.server());
    agent.call(now -> agent.agent().handleConnected(pending, late, now));
    assertThat(agent.requests()).last().isEqualTo(new IceRequest.Disconnect(late));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void brokenConnectionTakesTheAllocationAndItsPairsAlong(boolean datagrams) {
    scene(turn(SERVER, datagrams ? Transport.UDP : Transport.TCP, true));
    completed();
    agent.breakConnection(agent.connections().get(0));
    assertThat(agent.agent().path(0, 1)).isNull();
    assertThat(agent.events(IceEvent.RestartAdvised.class)).hasSize(1);
    agent.call(now -> agent.agent().restart(0, now));
    runMillis(200);
    assertThat(relay.requests(Method.ALLOCATE)).hasSize(2);
    assertThat(agent.connections()).hasSize(1);
    assertThat(gathered(CandidateType.RELAYED)).hasSize(2);
  }

  @Test
  void connectionThatBreaksBeforeTheAnswerIsNotWaitedFor() {
    scene(STREAM);
    relay.silent = true;
    gather();
    assertThat(hasGathered()).isFalse();
    agent.breakConnection(agent.connections().get(0));
    assertThat(hasGathered()).isTrue();
    assertThat(agent.events(IceEvent.RestartAdvised.class)).isEmpty();
  }

  @Test
  void connectionThatBreaksWhileClosingEndsTheClosing() {
    scene(STREAM);
    completed();
    relay.silent = true;
    agent.call(agent.agent()::close);
    agent.breakConnection(agent.connections().get(0));
    assertThat(agent.bases()).isEmpty();
    assertThat(agent.agent().nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  void vanishedAddressTakesItsConnectionAlong() {
    scene(STREAM);
    completed();
    agent.interfaces("192.0.2.7");
    assertThat(agent.agent().path(0, 1)).isNull();
    assertThat(agent.connections()).isEmpty();
  }

  @Test
  void whatComesOverNoConnectionOfOursIsDropped() {
    scene(STREAM);
    gather();
    FiveTuple strange = new FiveTuple(tcp("192.0.2.1"), LISTENER);
    agent.receiveAtSocket(strange, ByteBuffer.wrap(new byte[] {0x40, 0, 0, 0}));
    agent.call(now -> agent.agent().handleDisconnected(strange, "reset", now));
    agent.receiveAtSocket(agent.connections().get(0), ByteBuffer.allocate(3));
    agent.receiveAtSocket(
        agent.connections().get(0), ByteBuffer.wrap(new byte[] {(byte) 0x80, 0, 0, 0}));
    assertThat(agent.agent().statistics().dropped()).containsEntry(DropReason.NOT_MINE, 1L);
    assertThat(agent.connections()).hasSize(1);
  }

  // settings

  @ParameterizedTest
  @CsvSource({
    "turn:turn.example, turn:turn.example:3478?transport=udp",
    "turns:turn.example, turns:turn.example:5349?transport=tcp",
    "turns:[2001:db8::1]:443?transport=udp, turns:[2001:db8::1]:443?transport=udp",
    "turn:192.0.2.1?transport=TCP, turn:192.0.2.1:3478?transport=tcp"
  })
  void serversAreNamedByUris(String uri, String server) {
    assertThat(TurnServer.of(StunUri.parse(uri), USER)).hasToString(server);
  }

  @ParameterizedTest
  @CsvSource({
    "stun:stun.example, must be turn: or turns:",
    "turn:turn.example?transport=sctp, the transport must be udp or tcp"
  })
  void urisOfOtherThingsAreRefusedByName(String uri, String rule) {
    assertThatThrownBy(() -> TurnServer.of(StunUri.parse(uri), USER))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(uri)
        .hasMessageContaining(rule);
  }
}

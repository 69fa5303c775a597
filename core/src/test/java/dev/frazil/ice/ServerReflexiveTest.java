package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Retransmission;
import dev.frazil.stun.StunBuilder;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Asking STUN servers: RFC 8445 5.1.1.2, 5.1.1.4, 5.1.3 and 14. */
class ServerReflexiveTest {
  private static final String SERVER = "198.51.100.1";
  private static final TransportAddress MAPPED = TransportAddress.udp("203.0.113.7", 5555);

  private final VirtualTime time = new VirtualTime();

  private static IceConfiguration.Builder settings(String... servers) {
    List<StunServer> list = new ArrayList<>();
    for (String server : servers) {
      list.add(new StunServer(server, StunServer.DEFAULT_PORT));
    }
    return AgentHarness.settings(Role.CONTROLLING).stunServers(list);
  }

  private AgentHarness agent(IceConfiguration.Builder settings) {
    return new AgentHarness(time, settings.build());
  }

  private static void start(AgentHarness agent, int components, String... addresses) {
    agent.call(now -> agent.agent().addStream(components, now));
    agent.interfaces(addresses);
  }

  private static List<Candidate> reflexive(AgentHarness agent) {
    return agent.gathered().stream()
        .filter(candidate -> candidate.type() == CandidateType.SERVER_REFLEXIVE)
        .toList();
  }

  private static boolean isComplete(AgentHarness agent) {
    return !agent.events(IceEvent.GatheringComplete.class).isEmpty();
  }

  @Test
  @Tag("ICE-0400")
  void withoutServersThereAreNoReflexiveCandidatesAndWithOneThereAre() {
    AgentHarness without = agent(settings());
    start(without, 1, "10.0.0.1");
    assertThat(isComplete(without)).isTrue();
    AgentHarness with = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(with, SERVER);
    server.answer(Duration.ofMillis(20), from -> MAPPED);
    start(with, 1, "10.0.0.1");
    assertThat(isComplete(with)).isFalse();
    time.runFor(Duration.ofMillis(20));
    assertThat(reflexive(with)).hasSize(1);
    assertThat(isComplete(with)).isTrue();
  }

  @Test
  @Tag("ICE-0410")
  @Tag("ICE-0560")
  void aDeadServerDelaysNobodyAndGatheringNoLongerThanTheLimit() {
    AgentHarness agent =
        agent(settings("198.51.100.66", SERVER).gatheringLimit(Duration.ofSeconds(3)));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    server.answer(Duration.ofMillis(20), from -> MAPPED);
    start(agent, 1, "10.0.0.1");
    time.runFor(Duration.ofMillis(30));
    assertThat(reflexive(agent)).hasSize(1);
    time.runFor(Duration.ofMillis(2_969));
    assertThat(isComplete(agent)).isFalse();
    time.runFor(Duration.ofMillis(1));
    assertThat(isComplete(agent)).isTrue();
    assertThat(agent.events(IceEvent.Warning.class))
        .anyMatch(warning -> warning.what().contains("198.51.100.66"));
    int sent = agent.sent().size();
    time.runFor(Duration.ofSeconds(10));
    assertThat(agent.sent()).as("nothing more to the dead one").hasSize(sent);
  }

  @Test
  @Tag("ICE-0560")
  void aServerThatRefusesEndsItsOwnBranchOnly() {
    AgentHarness agent = agent(settings("198.51.100.66", SERVER));
    ScriptedStunServer refusing = new ScriptedStunServer(agent, "198.51.100.66");
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    start(agent, 1, "10.0.0.1");
    time.runFor(Duration.ofMillis(10));
    refusing.refuse(refusing.requests().get(0), ErrorCode.SERVER_ERROR, UnaryOperator.identity());
    assertThat(isComplete(agent)).isFalse();
    server.answer(server.requests().get(0), MAPPED);
    assertThat(isComplete(agent)).isTrue();
  }

  @Test
  @Tag("ICE-0560")
  void aNameThatIsNotResolvedInTimeHoldsNobodyUpAndServesTheNextGeneration() {
    AgentHarness agent = agent(settings("stun.example").gatheringLimit(Duration.ofSeconds(2)));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    server.answer(Duration.ofMillis(20), from -> MAPPED);
    agent.answerNoRequests();
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("10.0.0.1");
    agent.call(now -> agent.open(agent.requests(IceRequest.Open.class).get(0), now));
    time.runFor(Duration.ofSeconds(2));
    assertThat(isComplete(agent)).isTrue();
    agent.call(now -> agent
        .agent()
        .handleResolved(
            agent.requests(IceRequest.Resolve.class).get(0),
            List.of(IpAddress.parse(SERVER)),
            now));
    time.runFor(Duration.ofSeconds(1));
    assertThat(server.requests()).isEmpty();
    agent.call(now -> agent.agent().restart(0, now));
    time.runFor(Duration.ofSeconds(1));
    assertThat(reflexive(agent)).hasSize(1);
    assertThat(agent.events(IceEvent.GatheringComplete.class)).hasSize(2);
  }

  @Test
  @Tag("ICE-0420")
  @Tag("ICE-0510")
  @Tag("ICE-0520")
  void eachHostCandidateAsksFromItsOwnSocketAndIsTheBaseOfWhatItLearns() {
    AgentHarness agent = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    start(agent, 2, "10.0.0.1", "10.0.0.2");
    time.runFor(Duration.ofSeconds(1));
    assertThat(server.transactions().stream().map(request -> request.path().local()))
        .containsExactlyInAnyOrderElementsOf(agent.bases());
    for (ScriptedStunServer.Request request : server.transactions()) {
      server.answer(request, MAPPED.withPort(request.path().local().port() + 1000));
    }
    assertThat(reflexive(agent)).hasSize(4);
    for (Candidate candidate : reflexive(agent)) {
      assertThat(candidate.related().port()).isEqualTo(candidate.address().port() - 1000);
      assertThat(agent.bases()).contains(candidate.related());
    }
    agent.interfaces("10.0.0.1"); // with its base a candidate goes
    assertThat(agent.agent().statistics().localCandidates())
        .extracting(each -> each.candidate().address().port())
        .containsExactlyInAnyOrderElementsOf(agent.bases().stream()
            .flatMap(base -> Stream.of(base.port(), base.port() + 1000))
            .toList());
  }

  @Test
  @Tag("ICE-2640")
  void icmpErrorEndsTheWaitForAServer() {
    AgentHarness agent = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    start(agent, 1, "10.0.0.1");
    time.runFor(Duration.ofMillis(20));
    FiveTuple path = server.transactions().get(0).path();
    assertThat(agent.events(IceEvent.GatheringComplete.class)).isEmpty();
    agent.call(now -> agent.agent().handleUnreachable(path, now));
    assertThat(agent.events(IceEvent.GatheringComplete.class)).hasSize(1);
    assertThat(agent.events(IceEvent.Warning.class)).hasSize(1);
    time.runFor(Duration.ofSeconds(20));
    assertThat(server.requests()).hasSize(1);
  }

  @Test
  @Tag("ICE-0430")
  void requestsAreNotAuthenticatedAndAnAlternateServerIsNotFollowed() {
    TransportAddress elsewhere = TransportAddress.udp("198.51.100.99", 3478);
    AgentHarness agent = agent(settings(SERVER, "198.51.100.2"));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    ScriptedStunServer second = new ScriptedStunServer(agent, "198.51.100.2");
    start(agent, 1, "10.0.0.1");
    time.runFor(Duration.ofMillis(20));
    ScriptedStunServer.Request request = server.requests().get(0);
    assertThat(request.message().has(AttributeType.USERNAME)).isFalse();
    assertThat(request.message().hasIntegrity()).isFalse();
    server.refuse(
        request,
        ErrorCode.TRY_ALTERNATE,
        builder -> builder.put(AttributeType.ALTERNATE_SERVER, elsewhere));
    second.respond(
        second.requests().get(0),
        builder -> builder
            .put(AttributeType.ALTERNATE_SERVER, elsewhere)
            .put(AttributeType.XOR_MAPPED_ADDRESS, MAPPED));
    time.runFor(Duration.ofSeconds(60));
    assertThat(agent.sent()).noneMatch(sent -> sent.path().remote().equals(elsewhere));
    assertThat(reflexive(agent)).hasSize(1);
  }

  @Test
  @Tag("ICE-0440")
  void aClassicServersMappedAddressCounts() {
    AgentHarness agent = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    start(agent, 1, "10.0.0.1");
    server.respond(
        server.requests().get(0), builder -> builder.put(AttributeType.MAPPED_ADDRESS, MAPPED));
    assertThat(reflexive(agent)).extracting(Candidate::address).containsExactly(MAPPED);
  }

  @Test
  @Tag("ICE-0490")
  void aBindingResponseGivesAReflexiveCandidateAndNothingElse() {
    AgentHarness agent = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    start(agent, 1, "10.0.0.1");
    server.respond(
        server.requests().get(0),
        builder -> builder
            .put(AttributeType.XOR_RELAYED_ADDRESS, TransportAddress.udp(SERVER, 50_000))
            .put(AttributeType.XOR_MAPPED_ADDRESS, MAPPED));
    assertThat(agent.gathered())
        .extracting(Candidate::type)
        .containsExactly(CandidateType.HOST, CandidateType.SERVER_REFLEXIVE);
  }

  @Test
  @Tag("ICE-0460")
  void transactionsStartNoMoreOftenThanOncePerTa() {
    AgentHarness agent = agent(settings(SERVER, "198.51.100.2", "198.51.100.3").pacing(20));
    start(agent, 2, "10.0.0.1", "10.0.0.2");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce(new IceParameters(
        ScriptedPeer.UFRAG, ScriptedPeer.PASSWORD, false, 20, java.util.Set.of("trickle")));
    peer.tell(peer.host("192.0.2.8", 1), peer.host("192.0.2.9", 2));
    time.runFor(Duration.ofSeconds(2));
    List<AgentHarness.Sent> first = agent.transactions();
    assertThat(first).hasSize(3 * 4 + 2 * 2);
    for (int i = 1; i < first.size(); i++) {
      assertThat(first.get(i).time() - first.get(i - 1).time())
          .isGreaterThanOrEqualTo(Duration.ofMillis(20).toNanos());
    }
  }

  @ParameterizedTest
  @Tag("ICE-0470")
  @CsvSource({"50, 4, 500", "50, 20, 1000", "50, 10, 500", "10, 20, 500", "100, 20, 2000"})
  void theRtoOfGatheringGrowsWithTheNumberOfCandidates(int ta, int candidates, int rto) {
    String[] servers = new String[candidates / 2];
    for (int i = 0; i < servers.length; i++) {
      servers[i] = "198.51.100." + (i + 1);
    }
    AgentHarness agent = agent(settings(servers).pacing(ta));
    ScriptedStunServer first = new ScriptedStunServer(agent, "198.51.100.1");
    ScriptedStunServer last = new ScriptedStunServer(agent, servers[servers.length - 1]);
    agent.call(now -> agent.agent().addStream(1, now)); // two streams with one candidate each
    start(agent, 1, "10.0.0.1");
    time.runFor(Duration.ofSeconds(5));
    for (ScriptedStunServer server : List.of(first, last)) {
      List<ScriptedStunServer.Request> sends = server.requests().stream()
          .filter(request -> request
              .message()
              .transactionId()
              .equals(server.requests().get(0).message().transactionId()))
          .toList();
      assertThat(sends.get(1).time() - sends.get(0).time())
          .isEqualTo(Duration.ofMillis(rto).toNanos());
    }
  }

  @Test
  @Tag("ICE-0470")
  void peerThatNamesALongTaDoesNotBreakGathering() {
    AgentHarness agent = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    agent.call(now -> agent.agent().addStream(1, now));
    new ScriptedPeer(agent, 0)
        .introduce(new IceParameters("PEER", "p".repeat(22), false, Integer.MAX_VALUE, null));
    start(agent, 1, "10.0.0.1");
    time.runFor(Duration.ofSeconds(4));
    assertThat(server.requests()).hasSize(1); // sent again after a minute at most
    server.answer(server.requests().get(0), MAPPED);
    assertThat(reflexive(agent)).hasSize(1);
  }

  @Test
  @Tag("ICE-0480")
  void noRtoIsBelow500Milliseconds() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AgentHarness.settings(Role.CONTROLLING)
            .retransmission(
                new Retransmission(Duration.ofMillis(499), 7, 16, Duration.ofSeconds(39))))
        .withMessageContaining("PT0.5S");
    Random random = new Random(6);
    for (int round = 0; round < 20; round++) {
      VirtualTime clock = new VirtualTime();
      String[] servers = new String[1 + random.nextInt(8)];
      for (int i = 0; i < servers.length; i++) {
        servers[i] = "198.51.100." + (i + 1);
      }
      AgentHarness agent = new AgentHarness(
          clock,
          settings(servers)
              .pacing(5 + random.nextInt(200))
              .gatheringLimit(Duration.ofSeconds(60))
              .build());
      start(agent, 1 + random.nextInt(2), "10.0.0.1");
      ScriptedPeer peer = new ScriptedPeer(agent, 0);
      peer.introduce();
      peer.tell(peer.host("192.0.2.8", 1), peer.host("192.0.2.9", 2));
      clock.runFor(Duration.ofSeconds(30));
      for (AgentHarness.Sent first : agent.transactions()) {
        List<Long> times = agent.sent().stream()
            .filter(sent -> sent.bytes().equals(first.bytes()))
            .map(AgentHarness.Sent::time)
            .toList();
        assertThat(times).hasSizeGreaterThan(1);
        for (int i = 1; i < times.size(); i++) {
          assertThat(times.get(i) - times.get(i - 1)).isGreaterThanOrEqualTo(500_000_000L);
        }
      }
    }
  }

  // NAT64

  @Test
  @Tag("ICE-0540")
  void anIpv6OnlyHostFindsTheNat64AndAsksIpv4ServersThroughIt() {
    AgentHarness agent = agent(settings(SERVER));
    agent.name("ipv4only.arpa", "192.0.0.170", "64:ff9b::c000:aa");
    ScriptedStunServer server =
        new ScriptedStunServer(agent, TransportAddress.udp("64:ff9b::c633:6401", 3478));
    server.answer(Duration.ofMillis(20), from -> MAPPED);
    start(agent, 1, "2001:db8::1");
    time.runFor(Duration.ofSeconds(1));
    assertThat(reflexive(agent)).singleElement().satisfies(candidate -> {
      assertThat(candidate.address()).isEqualTo(MAPPED);
      assertThat(candidate.related()).isEqualTo(agent.base());
      assertThat(candidate.priority()).isEqualTo(Candidate.priority(100, 65535, 1));
    });
  }

  @Test
  @Tag("ICE-0540")
  void anIpv6OnlyHostReachesIpv4CandidatesThroughTheNat64() {
    AgentHarness agent = agent(settings());
    agent.answerNoRequests();
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("2001:db8::1");
    agent.call(now -> agent.open(agent.requests(IceRequest.Open.class).get(0), now));
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    peer.tell(peer.host("192.0.2.33", 4000));
    time.runFor(Duration.ofSeconds(30)); // gathering is long over
    assertThat(peer.checks()).isEmpty();
    IceRequest.Resolve asked = agent.requests(IceRequest.Resolve.class).get(0);
    agent.call(now -> agent
        .agent()
        .handleResolved(asked, List.of(IpAddress.parse("2001:db8:122:344:c0:0:aa00::")), now));
    time.runFor(Duration.ofSeconds(1));
    assertThat(peer.checks()).hasSize(1);
    assertThat(peer.lastCheck().to())
        .isEqualTo(TransportAddress.udp("2001:db8:122:344:c0:2:2100::", 4000));
  }

  @Test
  @Tag("ICE-0540")
  void aHostWithIpv4AsksForNoNat64AndOneThatLosesIpv4Does() {
    AgentHarness agent = agent(settings());
    start(agent, 1, "192.0.2.1", "2001:db8::1");
    assertThat(agent.requests(IceRequest.Resolve.class)).isEmpty();
    agent.interfaces("2001:db8::1");
    assertThat(agent.requests(IceRequest.Resolve.class)).hasSize(1);
    agent.interfaces("2001:db8::1");
    assertThat(agent.requests(IceRequest.Resolve.class)).as("nothing new").hasSize(1);
    agent.interfaces("2001:db8:7::1");
    assertThat(agent.requests(IceRequest.Resolve.class)).as("another network").hasSize(2);
    agent.interfaces("fe80::1%2");
    assertThat(agent.requests(IceRequest.Resolve.class)).as("no way out").hasSize(2);
  }

  // keeping alive

  @Test
  @Tag("ICE-0550")
  void mappingsAreKeptAliveAsLongAsChecksGoOn() {
    AgentHarness agent = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    server.answer(Duration.ofMillis(20), from -> MAPPED);
    start(agent, 1, "10.0.0.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    time.runFor(Duration.ofMinutes(10));
    assertRefreshed(server, 600 / 16);
    peer.answerWhen(check -> true, Duration.ofMillis(10));
    peer.introduce();
    peer.tell(peer.host("192.0.2.9", 4000));
    time.runFor(Duration.ofSeconds(20));
    assertThat(agent.agent().state()).isEqualTo(IceState.COMPLETED);
    int before = server.requests().size();
    time.runFor(Duration.ofMinutes(2));
    assertThat(server.requests()).as("done").hasSize(before);
    assertThat(reflexive(agent)).hasSize(1);
  }

  @Test
  @Tag("ICE-0550")
  void aServerThatIsDeafForAWhileIsAskedOn() {
    AgentHarness agent = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    start(agent, 1, "10.0.0.1");
    server.answer(server.requests().get(0), MAPPED);
    time.runFor(Duration.ofMinutes(10));
    List<ScriptedStunServer.Request> requests = server.requests();
    for (int i = 1; i < requests.size(); i++) {
      assertThat(requests.get(i).time() - requests.get(i - 1).time())
          .isLessThanOrEqualTo(Duration.ofSeconds(31).toNanos());
    }
    assertThat(requests.get(requests.size() - 1).time())
        .isGreaterThan(time.now() - Duration.ofSeconds(31).toNanos());
  }

  private static void assertRefreshed(ScriptedStunServer server, int atLeast) {
    List<ScriptedStunServer.Request> requests = server.transactions();
    assertThat(requests).hasSizeGreaterThanOrEqualTo(atLeast);
    for (int i = 1; i < requests.size(); i++) {
      assertThat(requests.get(i).time() - requests.get(i - 1).time())
          .isBetween(Duration.ofSeconds(15).toNanos(), Duration.ofSeconds(16).toNanos());
      assertThat(requests.get(i).path()).isEqualTo(requests.get(0).path());
    }
  }

  // foundations and redundancy

  @Test
  @Tag("ICE-0700")
  void oneServerNameWithTwoAddressesGivesTwoFoundations() {
    AgentHarness agent = agent(settings("stun.example"));
    agent.name("stun.example", "198.51.100.1", "198.51.100.2", "198.51.100.3");
    new ScriptedStunServer(agent, "198.51.100.1")
        .answer(Duration.ofMillis(20), from -> MAPPED.withPort(1000 + from.port() % 10));
    new ScriptedStunServer(agent, "198.51.100.2")
        .answer(Duration.ofMillis(20), from -> MAPPED.withPort(2000 + from.port() % 10));
    ScriptedStunServer third = new ScriptedStunServer(agent, "198.51.100.3");
    start(agent, 2, "10.0.0.1");
    time.runFor(Duration.ofSeconds(1));
    assertThat(reflexive(agent)).hasSize(4);
    assertThat(reflexive(agent).stream().map(Candidate::foundation).distinct()).hasSize(2);
    for (Candidate one : reflexive(agent)) {
      for (Candidate other : reflexive(agent)) {
        boolean sameServer = one.address().port() / 1000 == other.address().port() / 1000;
        assertThat(one.foundation().equals(other.foundation())).isEqualTo(sameServer);
      }
    }
    assertThat(third.requests()).as("two addresses of a name are enough").isEmpty();
  }

  @Test
  @Tag("ICE-1000")
  void withoutANatTheReflexiveCandidateIsRedundant() {
    AgentHarness agent = agent(settings(SERVER, "198.51.100.2"));
    new ScriptedStunServer(agent, SERVER).answer(Duration.ofMillis(20), from -> from);
    new ScriptedStunServer(agent, "198.51.100.2").answer(Duration.ofMillis(20), from -> from);
    start(agent, 1, "203.0.113.1");
    time.runFor(Duration.ofSeconds(1));
    assertThat(agent.gathered()).extracting(Candidate::type).containsExactly(CandidateType.HOST);
  }

  @Test
  @Tag("ICE-1000")
  void twoServersThatSeeTheSameAddressGiveOneCandidate() {
    AgentHarness agent = agent(settings(SERVER, "198.51.100.2"));
    new ScriptedStunServer(agent, SERVER).answer(Duration.ofMillis(20), from -> MAPPED);
    new ScriptedStunServer(agent, "198.51.100.2").answer(Duration.ofMillis(20), from -> MAPPED);
    start(agent, 1, "10.0.0.1");
    time.runFor(Duration.ofSeconds(1));
    assertThat(reflexive(agent))
        .extracting(Candidate::priority)
        .containsExactly(Candidate.priority(100, 65535, 1));
  }

  @Test
  @Tag("ICE-1010")
  void theSameAddressOfAnotherBaseIsNotRedundant() {
    AgentHarness agent = agent(settings(SERVER));
    // RFC 8445 B.2: behind two NATs with the same inside prefix, hosts can have one address outside
    new ScriptedStunServer(agent, SERVER).answer(Duration.ofMillis(20), from -> MAPPED);
    start(agent, 1, "192.168.1.1", "10.0.0.1");
    time.runFor(Duration.ofSeconds(1));
    assertThat(reflexive(agent)).extracting(Candidate::address).containsExactly(MAPPED, MAPPED);
    assertThat(reflexive(agent))
        .extracting(Candidate::related)
        .containsExactlyInAnyOrderElementsOf(agent.bases());
  }

  // hostile answers

  /** Regressions: XOR-MAPPED-ADDRESS of length 0, of no family, of the wrong length; ERROR-CODE under 4 bytes. */
  static List<UnaryOperator<StunBuilder>> uselessAnswers() {
    return List.of(
        builder -> builder,
        builder -> raw(builder, 0x0020, new byte[0]),
        builder -> raw(builder, 0x0020, new byte[] {0, 3, 1, 1, 1, 1, 1, 1}),
        builder -> raw(builder, 0x0020, new byte[] {0, 2, 1, 1, 1, 1, 1, 1}),
        builder -> raw(builder, 0x0020, new byte[] {0, 1, 1, 1, 1}),
        builder -> raw(builder, 0x0001, new byte[] {0, 1, 1}),
        builder -> raw(builder, 0x0009, new byte[] {0, 0, 4}),
        builder ->
            builder.put(AttributeType.XOR_MAPPED_ADDRESS, TransportAddress.udp("0.0.0.0", 1)),
        builder -> builder.put(AttributeType.XOR_MAPPED_ADDRESS, TransportAddress.udp("::", 1)),
        builder -> builder.put(AttributeType.XOR_MAPPED_ADDRESS, MAPPED.withPort(0)),
        builder ->
            builder.put(AttributeType.XOR_MAPPED_ADDRESS, TransportAddress.udp("224.0.0.1", 1)),
        builder ->
            builder.put(AttributeType.XOR_MAPPED_ADDRESS, TransportAddress.udp("127.0.0.1", 1)),
        builder -> builder.put(
            AttributeType.XOR_MAPPED_ADDRESS, TransportAddress.udp("255.255.255.255", 1)));
  }

  private static StunBuilder raw(StunBuilder builder, int type, byte[] value) {
    return builder.put(AttributeType.ofBytes(type, "raw", 0, 0xFFFF), ByteBuffer.wrap(value));
  }

  @ParameterizedTest
  @MethodSource("uselessAnswers")
  void anAnswerWithoutAUsableAddressGivesNoCandidate(UnaryOperator<StunBuilder> answer) {
    AgentHarness agent = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    start(agent, 1, "10.0.0.1");
    server.respond(server.requests().get(0), answer);
    assertThat(reflexive(agent)).isEmpty();
    assertThat(isComplete(agent)).isTrue();
    AgentHarness other = agent(settings(SERVER));
    ScriptedStunServer refusing = new ScriptedStunServer(other, SERVER);
    start(other, 1, "10.0.0.1");
    refusing.refuse(refusing.requests().get(0), ErrorCode.BAD_REQUEST, answer);
    assertThat(reflexive(other)).isEmpty();
    assertThat(isComplete(other)).isTrue();
  }

  @Test
  void anAnswerFromSomebodyElseIsDropped() {
    AgentHarness agent = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    start(agent, 1, "10.0.0.1");
    ScriptedStunServer.Request request = server.requests().get(0);
    ScriptedStunServer.Request forged = new ScriptedStunServer.Request(
        request.time(),
        new dev.frazil.net.FiveTuple(
            request.path().local(), TransportAddress.udp("198.51.100.66", 3478)),
        request.message(),
        false);
    server.answer(forged, TransportAddress.udp("198.51.100.67", 1));
    assertThat(reflexive(agent)).isEmpty();
    assertThat(agent.agent().statistics().dropped()).containsKey(DropReason.UNKNOWN_TRANSACTION);
    server.answer(request, MAPPED);
    assertThat(reflexive(agent)).hasSize(1);
  }

  @Test
  void anAnswerToAGenerationThatIsOverGivesNoCandidate() {
    AgentHarness agent = agent(settings(SERVER));
    ScriptedStunServer server = new ScriptedStunServer(agent, SERVER);
    start(agent, 1, "10.0.0.1");
    agent.call(now -> agent.agent().restart(0, now));
    server.answer(server.requests().get(0), MAPPED);
    assertThat(reflexive(agent)).isEmpty();
    time.runFor(Duration.ofMillis(20));
    server.answer(server.transactions().get(1), MAPPED);
    assertThat(reflexive(agent)).hasSize(1);
  }

  @Test
  void aServerWithAnAddressThatNobodyCanSendToIsNotAsked() {
    AgentHarness agent = agent(settings("stun.example"));
    agent.name("stun.example", "0.0.0.0", "255.255.255.255", "224.0.0.1");
    start(agent, 1, "10.0.0.1");
    assertThat(isComplete(agent)).isTrue();
    assertThat(agent.sent()).isEmpty();
  }
}

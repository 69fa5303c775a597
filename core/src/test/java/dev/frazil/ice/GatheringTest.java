package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.ice.InterfaceAddress.Flags;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.MessageClass;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Host candidates, foundations, priorities, and what happens when addresses come and go: RFC 8445 5.1. */
class GatheringTest {
  private final VirtualTime time = new VirtualTime();

  private static IceConfiguration.Builder settings() {
    return AgentHarness.settings(Role.CONTROLLING);
  }

  private AgentHarness started(
      IceConfiguration.Builder settings, int components, String... addresses) {
    return AgentHarness.started(time, settings.build(), components, addresses);
  }

  private static List<IceEvent.GatheringComplete> completions(AgentHarness agent) {
    return agent.events(IceEvent.GatheringComplete.class);
  }

  // host candidates

  @Test
  @Tag("ICE-0200")
  @Tag("ICE-0210")
  void everyAddressGivesAHostCandidateForEachComponent() {
    AgentHarness agent = started(settings(), 2, "192.0.2.1", "10.0.0.1", "2001:db8::1");
    assertThat(agent.gathered())
        .hasSize(6)
        .allMatch(candidate -> candidate.type() == CandidateType.HOST)
        .allMatch(candidate -> candidate.related() == null);
    assertThat(agent.gathered().stream().map(Candidate::address))
        .containsExactlyInAnyOrderElementsOf(agent.bases());
    for (int component = 1; component <= 2; component++) {
      int wanted = component;
      assertThat(agent.gathered().stream()
              .filter(candidate -> candidate.component() == wanted)
              .map(candidate -> candidate.address().ip().toString()))
          .containsExactlyInAnyOrder("192.0.2.1", "10.0.0.1", "2001:db8::1");
    }
    assertThat(completions(agent)).hasSize(1);
  }

  @Test
  @Tag("ICE-0210")
  @Tag("ICE-0220")
  void theApplicationSaysWhetherRtcpHasAComponentOfItsOwn() {
    assertThat(started(settings(), 1, "192.0.2.1").gathered())
        .extracting(Candidate::component)
        .containsExactly(1);
    assertThat(started(settings(), 2, "192.0.2.1").gathered())
        .extracting(Candidate::component)
        .containsExactly(1, 2);
  }

  @Test
  @Tag("ICE-0230")
  @Tag("ICE-1520")
  void aComponentThatThePeerMultiplexesIsNotChecked() {
    AgentPair pair = AgentPair.standard();
    pair.left.call(now -> pair.left.agent().addStream(2, now));
    pair.right.call(now -> pair.right.agent().addStream(1, now));
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    TransportAddress second = pair.left.bases().get(1);
    assertThat(pair.left.sent()).noneMatch(sent -> sent.path().local().equals(second));
  }

  /** The peer was told of it and goes on checking it: one that left it out would be complete by itself. */
  @Test
  @Tag("ICE-1520")
  void aComponentThatThePeerWasToldOfCountsEvenWhenItsSocketIsLost() {
    AgentPair pair = AgentPair.standard().streams(2);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    pair.left.call(
        now -> pair.left.agent().handleClosed(pair.left.bases().get(1), "it broke", now));
    pair.exchange();
    assertThat(pair.runUntil(IceState.FAILED, Duration.ofMinutes(2))).isTrue();
  }

  @Test
  @Tag("ICE-0240")
  void aHostWithALoopbackOnlyHasNoCandidate() {
    AgentHarness agent = started(settings(), 1, "127.0.0.1", "::1");
    assertThat(agent.gathered()).isEmpty();
    assertThat(agent.requests()).isEmpty();
    assertThat(completions(agent)).hasSize(1);
  }

  @Test
  @Tag("ICE-0020")
  void gatheringWaitsNeitherForThePeerNorForTheApplication() {
    AgentHarness agent = started(settings(), 1, "192.0.2.1");
    assertThat(agent.gathered()).hasSize(1);
    assertThat(agent.agent().state()).isEqualTo(IceState.NEW);
  }

  @Test
  void aSocketThatCannotBeOpenedHoldsNobodyUp() {
    AgentHarness agent = new AgentHarness(time, settings().build());
    agent.answerNoRequests();
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("192.0.2.1", "192.0.2.2");
    List<IceRequest.Open> opens = agent.requests(IceRequest.Open.class);
    agent.call(now -> agent.agent().handleOpenFailed(opens.get(0), "in use", now));
    assertThat(completions(agent)).isEmpty();
    agent.call(now -> agent.open(opens.get(1), now));
    assertThat(agent.gathered()).hasSize(1);
    assertThat(completions(agent)).hasSize(1);
    assertThat(agent.events(IceEvent.Warning.class))
        .anyMatch(warning -> warning.what().contains("in use"));
  }

  @Test
  void aSocketThatOpensTooLateIsNotTold() {
    AgentHarness agent = new AgentHarness(time, settings().build());
    agent.answerNoRequests();
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("192.0.2.1");
    time.runFor(Duration.ofSeconds(5));
    assertThat(completions(agent)).hasSize(1);
    agent.call(now -> agent.open(agent.requests(IceRequest.Open.class).get(0), now));
    assertThat(agent.gathered()).isEmpty();
    agent.call(now -> agent.agent().restart(0, now));
    assertThat(agent.gathered()).hasSize(1);
  }

  // the peer may come at once

  @Test
  @Tag("ICE-0050")
  void aCheckAndDataAreTakenBeforeThePeersParametersAre() {
    AgentHarness agent = started(settings(), 1, "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    TransportAddress from = TransportAddress.udp("192.0.2.9", 4000);
    assertThat(peer.request(from, agent.base()).send().messageClass())
        .isEqualTo(MessageClass.SUCCESS);
    agent.receive(peer.request(from, agent.base()).path(), ByteBuffer.wrap(new byte[] {9}));
    assertThat(agent.delivered()).hasSize(1);
  }

  // 1:1 NAT

  @Test
  void theAddressOfAOneToOneNatIsToldAsReflexive() {
    AgentHarness agent = started(
        settings()
            .externalAddresses(Map.of(IpAddress.parse("10.0.0.1"), IpAddress.parse("203.0.113.1"))),
        1,
        "10.0.0.1",
        "10.0.0.2");
    assertThat(agent.gathered())
        .extracting(Candidate::toLine)
        .anyMatch(line -> line.endsWith(" 203.0.113.1 10001 typ srflx raddr 10.0.0.1 rport 10001"))
        .hasSize(3);
  }

  @Test
  void aLiteAgentBehindAOneToOneNatTellsTheAddressOutside() {
    AgentHarness agent = started(
        settings()
            .lite(true)
            .externalAddresses(Map.of(IpAddress.parse("10.0.0.1"), IpAddress.parse("203.0.113.1"))),
        1,
        "10.0.0.1");
    assertThat(agent.gathered())
        .extracting(Candidate::toLine)
        .singleElement()
        .asString()
        .endsWith(" 203.0.113.1 10001 typ host");
  }

  // modes and types

  @Test
  @Tag("ICE-0290")
  void withoutHostCandidatesNoCandidateNamesAnAddressOfTheHost() {
    AgentHarness agent = new AgentHarness(
        time,
        settings()
            .candidateTypes(EnumSet.of(CandidateType.SERVER_REFLEXIVE))
            .stunServers(List.of(new StunServer("198.51.100.1", 3478)))
            .build());
    ScriptedStunServer server = new ScriptedStunServer(agent, "198.51.100.1");
    server.answer(Duration.ofMillis(20), from -> TransportAddress.udp("203.0.113.7", 5555));
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("10.0.0.1", "fd00::1");
    time.runFor(Duration.ofSeconds(1));
    assertThat(agent.gathered())
        .extracting(Candidate::toLine)
        .singleElement()
        .asString()
        .endsWith(" 203.0.113.7 5555 typ srflx raddr 0.0.0.0 rport 9");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings().candidateTypes(Set.of()))
        .withMessageContaining("candidateTypes");
  }

  @Test
  @Tag("ICE-0290")
  void withRelayedCandidatesOnlyNothingIsToldAndNothingIsCheckedDirectly() {
    AgentHarness agent = started(
        settings()
            .candidateTypes(EnumSet.of(CandidateType.RELAYED))
            .stunServers(List.of(new StunServer("198.51.100.1", 3478))),
        1,
        "10.0.0.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    peer.tell(peer.host("192.0.2.9", 4000));
    peer.request(TransportAddress.udp("192.0.2.9", 4000), agent.base()).send();
    time.runFor(Duration.ofMinutes(1));
    assertThat(agent.gathered()).isEmpty();
    assertThat(agent.transactions()).isEmpty();
  }

  @Test
  @Tag("ICE-1110")
  void inMode2ThePrivateAddressOfTheDefaultRouteIsTold() {
    AgentHarness agent = new AgentHarness(
        time, settings().addressHandling(AddressHandling.DEFAULT_ROUTE).build());
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces(List.of(
        new InterfaceAddress("eth0", IpAddress.parse("10.0.0.5"), 24, Flags.DEFAULT_ROUTE),
        new InterfaceAddress("eth1", IpAddress.parse("203.0.113.5"), 24, Flags.NONE)));
    assertThat(agent.gathered())
        .extracting(candidate -> candidate.address().ip().toString())
        .containsExactly("10.0.0.5");
  }

  @ParameterizedTest
  @Tag("ICE-1120")
  @ValueSource(strings = {"10.0.0.5", "fd00::5", "2001:db8::5", "203.0.113.5"})
  void inMode3NoHostAddressIsToldButOnesThatAServerSawAre(String address) {
    boolean ipv4 = !address.contains(":");
    AgentHarness agent = new AgentHarness(
        time,
        settings()
            .addressHandling(AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY)
            .stunServers(List.of(new StunServer(ipv4 ? "198.51.100.1" : "2001:db8:9::1", 3478)))
            .build());
    ScriptedStunServer server =
        new ScriptedStunServer(agent, ipv4 ? "198.51.100.1" : "2001:db8:9::1");
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces(address);
    assertThat(agent.gathered()).isEmpty();
    TransportAddress mapped = TransportAddress.udp(ipv4 ? "198.51.100.77" : "2001:db8:8::1", 7);
    server.answer(server.requests().get(0), mapped);
    assertThat(agent.gathered())
        .extracting(Candidate::toLine)
        .singleElement()
        .asString()
        .doesNotContain(address)
        .contains(mapped.ip().toString())
        .contains(ipv4 ? " raddr 0.0.0.0 rport 9" : " raddr :: rport 9");
  }

  @Test
  @Tag("ICE-1120")
  void inMode3APublicAddressIsToldOnceAServerHasSeenIt() {
    AgentHarness agent = new AgentHarness(
        time,
        settings()
            .addressHandling(AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY)
            .stunServers(List.of(new StunServer("198.51.100.1", 3478)))
            .build());
    ScriptedStunServer server = new ScriptedStunServer(agent, "198.51.100.1");
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("203.0.113.5");
    server.answer(server.requests().get(0), agent.base());
    assertThat(agent.gathered()).singleElement().satisfies(candidate -> {
      assertThat(candidate.type()).isEqualTo(CandidateType.SERVER_REFLEXIVE);
      assertThat(candidate.address()).isEqualTo(agent.base());
    });
  }

  // foundations

  @ParameterizedTest
  @Tag("ICE-0700")
  @EnumSource(CandidateType.class)
  void likeCandidatesShareAFoundationAndOthersDoNot(CandidateType type) {
    Session.Foundations foundations = new Session.Foundations();
    IpAddress base = IpAddress.parse("192.0.2.1");
    IpAddress otherBase = IpAddress.parse("192.0.2.2");
    IpAddress server = IpAddress.parse("198.51.100.1");
    IpAddress otherServer = IpAddress.parse("198.51.100.2");
    CandidateType otherType =
        type == CandidateType.HOST ? CandidateType.PEER_REFLEXIVE : CandidateType.HOST;
    String foundation = foundations.of(type, base, server, Transport.UDP);
    assertThat(foundation).matches("[A-Za-z0-9+/]{1,32}");
    assertThat(foundations.of(type, base, server, Transport.UDP)).isEqualTo(foundation);
    List<String> unlike = List.of(
        foundations.of(otherType, base, server, Transport.UDP),
        foundations.of(type, otherBase, server, Transport.UDP),
        foundations.of(type, base, otherServer, Transport.UDP),
        foundations.of(type, base, null, Transport.UDP),
        foundations.of(type, base, server, Transport.TCP));
    assertThat(unlike).doesNotContain(foundation).doesNotHaveDuplicates();
  }

  @Test
  @Tag("ICE-0700")
  void foundationsAreSharedOverComponentsAndStreams() {
    AgentHarness agent = new AgentHarness(time, settings().build());
    agent.call(now -> agent.agent().addStream(2, now));
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("192.0.2.1", "192.0.2.2");
    for (String ip : List.of("192.0.2.1", "192.0.2.2")) {
      assertThat(agent.gathered().stream()
              .filter(candidate -> candidate.address().ip().toString().equals(ip))
              .map(Candidate::foundation)
              .distinct())
          .hasSize(1);
    }
    assertThat(agent.gathered().stream().map(Candidate::foundation).distinct()).hasSize(2);
  }

  // priorities

  @ParameterizedTest
  @Tag("ICE-0810")
  @CsvSource({
    "HOST, 2130706431",
    "PEER_REFLEXIVE, 1862270975",
    "SERVER_REFLEXIVE, 1694498815",
    "RELAYED, 16777215"
  })
  void theFormulaGivesTheKnownPriorities(CandidateType type, int priority) {
    assertThat(Candidate.priority(type.preference(), 65535, 1)).isEqualTo(priority);
    assertThat(Candidate.priority(type.preference(), 65535, 256)).isEqualTo(priority - 255);
    assertThat(Candidate.priority(type.preference(), 0, 1))
        .isEqualTo((type.preference() << 24) + 255);
  }

  @Test
  @Tag("ICE-0810")
  @Tag("ICE-0820")
  @Tag("ICE-0850")
  void whatIsOutOfRangeIsRefused() {
    for (int component : List.of(0, 257, -1)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Candidate.priority(126, 65535, component))
          .withMessageContaining("component");
    }
    for (int preference : List.of(127, -1)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Candidate.priority(preference, 65535, 1))
          .withMessageContaining("type preference");
    }
    for (int preference : List.of(65536, -1)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Candidate.priority(126, preference, 1))
          .withMessageContaining("local preference");
    }
    AgentHarness agent = new AgentHarness(time, settings().build());
    for (int components : List.of(0, 257)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> agent.agent().addStream(components, time.now()))
          .withMessageContaining("components");
    }
  }

  @Test
  @Tag("ICE-0820")
  @Tag("ICE-0830")
  @Tag("ICE-0840")
  void typePreferencesAreTheRecommendedOnes() {
    assertThat(CandidateType.HOST.preference()).isEqualTo(126);
    assertThat(CandidateType.PEER_REFLEXIVE.preference()).isEqualTo(110);
    assertThat(CandidateType.SERVER_REFLEXIVE.preference()).isEqualTo(100);
    assertThat(CandidateType.RELAYED.preference()).isZero();
    assertThat(CandidateType.values())
        .extracting(CandidateType::preference)
        .doesNotHaveDuplicates();
  }

  @Test
  @Tag("ICE-0850")
  void aSingleAddressHasTheHighestLocalPreference() {
    assertThat(started(settings(), 1, "192.0.2.1").gathered())
        .extracting(Candidate::priority)
        .containsExactly(2130706431);
  }

  @Test
  @Tag("ICE-0850")
  void preferencesBeginAnewWithEachGeneration() {
    AgentHarness agent = started(settings(), 1, "192.0.2.1", "192.0.2.2");
    agent.interfaces("192.0.2.2");
    agent.call(now -> agent.agent().restart(0, now));
    assertThat(agent.gathered())
        .extracting(Candidate::priority)
        .containsExactly(2130706431, 2130706431 - (64 << 8), 2130706431);
  }

  @Test
  @Tag("ICE-0800")
  @Tag("ICE-0850")
  void everyCandidateOfAStreamHasAPriorityOfItsOwn() {
    Random random = new Random(5);
    for (int round = 0; round < 8; round++) {
      List<StunServer> servers = new ArrayList<>();
      int most = round == 0 ? 16 : 1 + random.nextInt(16);
      for (int i = 0; i < most; i++) {
        servers.add(new StunServer("stun" + i + ".example", 3478));
      }
      List<String> addresses = new ArrayList<>();
      Map<IpAddress, IpAddress> external = new HashMap<>();
      for (int i = 0; i <= random.nextInt(8); i++) {
        addresses.add("10.0." + round + "." + (i + 1));
        external.put(IpAddress.parse(addresses.get(i)), IpAddress.parse("203.0.113." + (100 + i)));
      }
      VirtualTime clock = new VirtualTime();
      AgentHarness agent = new AgentHarness(
          clock, settings().stunServers(servers).externalAddresses(external).build());
      int port = 1024;
      for (int i = 0; i < servers.size(); i++) {
        String[] ips = {"198.51.100." + (2 * i + 1), "198.51.100." + (2 * i + 2)};
        agent.name("stun" + i + ".example", ips);
        for (String ip : ips) {
          int mapped = port++;
          new ScriptedStunServer(agent, ip)
              .answer(
                  Duration.ofMillis(random.nextInt(100)),
                  from -> TransportAddress.udp("203.0.113.9", mapped));
        }
      }
      agent.call(now -> agent.agent().addStream(1 + random.nextInt(2), now));
      agent.interfaces(addresses.toArray(String[]::new));
      clock.runFor(Duration.ofSeconds(20));
      Set<Integer> priorities = new HashSet<>();
      assertThat(agent.gathered()).hasSizeGreaterThan(addresses.size() * 2 * servers.size());
      for (Candidate candidate : agent.gathered()) {
        assertThat(candidate.priority()).isPositive();
        assertThat(priorities.add(candidate.priority())).as(candidate.toLine()).isTrue();
      }
    }
  }

  @Test
  @Tag("ICE-0870")
  void bothSidesCheckInTheSameOrderAndUnreliableAddressesLast() {
    AgentPair pair = AgentPair.standard().streams(2);
    pair.passing(path -> false);
    pair.left.interfaces(List.of(
        new InterfaceAddress(
            "tun0", IpAddress.parse("10.8.0.1"), 24, new Flags(false, false, false, true, true)),
        new InterfaceAddress("eth0", IpAddress.parse("192.0.2.1"), 24, Flags.DEFAULT_ROUTE),
        new InterfaceAddress("eth0", IpAddress.parse("2001:db8::1"), 64, Flags.DEFAULT_ROUTE)));
    pair.right.interfaces("198.51.100.1", "198.51.100.2", "2001:db8:9::1", "2001:db8:9::2");
    pair.exchange();
    List<String> left = new ArrayList<>();
    pair.left
        .agent()
        .statistics()
        .pairs()
        .forEach(each -> left.add(each.local().address() + " " + each.remote().address()));
    List<String> right = new ArrayList<>();
    pair.right
        .agent()
        .statistics()
        .pairs()
        .forEach(each -> right.add(each.remote().address() + " " + each.local().address()));
    assertThat(left).hasSize(2 * (2 * 2 + 2)).isEqualTo(right);
    assertThat(left.get(0)).startsWith("[2001:db8::1]");
    List<Candidate> told = new ArrayList<>(pair.left.gathered());
    told.sort(Comparator.comparingInt(Candidate::priority));
    assertThat(told.subList(0, 2))
        .extracting(candidate -> candidate.address().ip().toString())
        .containsExactly("10.8.0.1", "10.8.0.1");
  }

  // addresses come and go

  @Test
  @Tag("ICE-0280")
  void aVanishedAddressTakesItsCandidatesAndPairsAlong() {
    AgentHarness agent = started(settings(), 1, "192.0.2.1", "192.0.2.2");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    peer.tell(peer.host("198.51.100.9", 4000));
    time.runFor(Duration.ofSeconds(5));
    TransportAddress gone = agent.bases().get(0);
    agent.interfaces("192.0.2.2");
    IceStatistics statistics = agent.agent().statistics();
    assertThat(statistics.localCandidates())
        .extracting(each -> each.candidate().address().ip().toString())
        .containsExactly("192.0.2.2");
    assertThat(statistics.pairs())
        .extracting(pair -> pair.local().address().ip().toString())
        .containsExactly("192.0.2.2");
    assertThat(agent.requests(IceRequest.Close.class)).containsExactly(new IceRequest.Close(gone));
    int before = agent.sent().size();
    time.runFor(Duration.ofMinutes(1));
    assertThat(agent.sent().subList(before, agent.sent().size()))
        .noneMatch(sent -> sent.path().local().equals(gone));
  }

  @Test
  @Tag("ICE-0280")
  void aNewAddressIsGatheredOnWhileGatheringLasts() {
    AgentHarness agent = new AgentHarness(
        time,
        settings().stunServers(List.of(new StunServer("198.51.100.1", 3478))).build());
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    peer.tell(peer.host("198.51.100.9", 4000));
    time.runFor(Duration.ofSeconds(1));
    agent.interfaces("192.0.2.2"); // the only old one vanishes at the same time
    assertThat(agent.gathered())
        .extracting(candidate -> candidate.address().ip().toString())
        .containsExactly("192.0.2.1", "192.0.2.2");
    assertThat(completions(agent)).isEmpty();
    time.runFor(Duration.ofMillis(100));
    assertThat(peer.lastCheck().path().local()).isEqualTo(agent.base());
    time.runFor(Duration.ofSeconds(5));
    assertThat(completions(agent)).hasSize(1);
  }

  @Test
  @Tag("ICE-0280")
  void aNewAddressAfterGatheringIsAdvisedOnceAndGatheredOnAfterARestart() {
    AgentHarness agent = started(settings(), 1, "192.0.2.1");
    time.runFor(Duration.ofSeconds(5));
    agent.interfaces("192.0.2.1", "192.0.2.2");
    agent.interfaces("192.0.2.1", "192.0.2.2");
    agent.interfaces("192.0.2.2", "192.0.2.1");
    assertThat(agent.events(IceEvent.RestartAdvised.class)).hasSize(1);
    assertThat(agent.gathered()).hasSize(1);
    agent.call(now -> agent.agent().restart(0, now));
    assertThat(agent.gathered())
        .extracting(candidate -> candidate.address().ip().toString())
        .containsExactly("192.0.2.1", "192.0.2.1", "192.0.2.2");
    agent.interfaces("192.0.2.1");
    agent.interfaces("192.0.2.1", "192.0.2.2");
    assertThat(agent.events(IceEvent.RestartAdvised.class)).as("it came back").hasSize(2);
  }

  @Test
  @Tag("ICE-0280")
  void nothingIsAdvisedForSocketsThatWereFreed() {
    AgentHarness agent =
        started(settings().releaseAfter(Duration.ofSeconds(3)), 1, "192.0.2.1", "2001:db8::1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.answerWhen(check -> true, Duration.ofMillis(10));
    peer.introduce();
    peer.tell(peer.host("198.51.100.9", 4000));
    peer.tellEnd();
    time.runFor(Duration.ofSeconds(10));
    assertThat(agent.bases()).hasSize(1);
    agent.interfaces("192.0.2.1", "2001:db8::1");
    assertThat(agent.events(IceEvent.RestartAdvised.class)).isEmpty();
    agent.call(now -> agent.agent().restart(0, now));
    assertThat(agent.bases()).hasSize(2);
    assertThat(agent.gathered()).hasSize(4);
  }

  @Test
  void aRestartTellsAllCandidatesBeforeItSaysThatTheseAreAll() {
    AgentHarness agent = started(settings(), 1, "192.0.2.1", "192.0.2.2", "2001:db8::1");
    agent.events().clear();
    agent.call(now -> agent.agent().restart(0, now));
    List<Class<?>> told = new ArrayList<>();
    agent.events().stream()
        .filter(event -> event instanceof IceEvent.CandidateGathered
            || event instanceof IceEvent.GatheringComplete)
        .forEach(event -> told.add(event.getClass()));
    assertThat(told)
        .containsExactly(
            IceEvent.CandidateGathered.class,
            IceEvent.CandidateGathered.class,
            IceEvent.CandidateGathered.class,
            IceEvent.GatheringComplete.class);
  }

  @Test
  void anAddressThatIsNoLongerTheDefaultRouteIsUsedUntilTheRestart() {
    AgentHarness agent = new AgentHarness(
        time, settings().addressHandling(AddressHandling.DEFAULT_ROUTE).build());
    agent.call(now -> agent.agent().addStream(1, now));
    InterfaceAddress wlan =
        new InterfaceAddress("wlan0", IpAddress.parse("192.0.2.1"), 24, Flags.DEFAULT_ROUTE);
    agent.interfaces(List.of(wlan));
    agent.interfaces(List.of(
        new InterfaceAddress("wlan0", wlan.address(), 24, Flags.NONE),
        new InterfaceAddress("tun0", IpAddress.parse("10.8.0.2"), 24, Flags.DEFAULT_ROUTE)));
    assertThat(agent.bases()).hasSize(1);
    assertThat(agent.events(IceEvent.RestartAdvised.class)).hasSize(1);
    agent.call(now -> agent.agent().restart(0, now));
    assertThat(agent.gathered())
        .extracting(candidate -> candidate.address().ip().toString())
        .containsExactly("192.0.2.1", "10.8.0.2");
  }

  @Test
  void aSocketThatBreaksIsLeftOut() {
    AgentHarness agent = started(settings(), 1, "192.0.2.1", "192.0.2.2");
    TransportAddress broken = agent.bases().get(0);
    agent.call(now -> agent.agent().handleClosed(broken, "network down", now));
    agent.call(now -> agent.agent().handleClosed(broken, "network down", now));
    assertThat(agent.agent().statistics().localCandidates()).hasSize(1);
    assertThat(agent.requests(IceRequest.Close.class)).isEmpty();
  }

  @Test
  @Tag("ICE-1520")
  void aComponentWithoutASocketIsNotAwaited() {
    AgentHarness agent = new AgentHarness(time, settings().build());
    agent.answerNoRequests();
    agent.call(now -> agent.agent().addStream(2, now));
    agent.interfaces("192.0.2.1");
    List<IceRequest.Open> opens = agent.requests(IceRequest.Open.class);
    agent.call(now -> agent.open(opens.get(0), now));
    agent.call(now -> agent.agent().handleOpenFailed(opens.get(1), "no port is free", now));
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.answerWhen(check -> true, Duration.ofMillis(10));
    peer.introduce();
    peer.tell(
        peer.candidate(CandidateType.HOST, "192.0.2.9", 4000, 65535, 1),
        peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 65535, 2));
    peer.tellEnd();
    assertThat(
            time.runUntil(() -> agent.agent().state() == IceState.COMPLETED, Duration.ofSeconds(5)))
        .isTrue();
  }

  // the end of the session

  /** Regression: packet during or after close. */
  @Test
  void afterCloseNothingIsAskedSentOrSaid() {
    AgentHarness agent = new AgentHarness(
        time,
        settings().stunServers(List.of(new StunServer("stun.example", 3478))).build());
    agent.answerNoRequests();
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("192.0.2.1", "192.0.2.2");
    List<IceRequest.Open> opens = agent.requests(IceRequest.Open.class);
    agent.call(now -> agent.open(opens.get(0), now));
    TransportAddress base = agent.base();
    agent.call(agent.agent()::close);
    assertThat(agent.requests(IceRequest.Close.class)).containsExactly(new IceRequest.Close(base));
    int said = agent.events().size();
    int asked = agent.requests().size();
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("192.0.2.1", "192.0.2.3");
    agent.call(now -> agent.agent().handleOpenFailed(opens.get(1), "late", now));
    agent.call(now -> agent
        .agent()
        .handleResolved(
            agent.requests(IceRequest.Resolve.class).get(0),
            List.of(IpAddress.parse("198.51.100.1")),
            now));
    agent.call(now -> agent.agent().handleClosed(base, "late", now));
    agent.call(now -> agent.agent().restart(0, now));
    agent.call(now -> agent.agent().setRemote(0, new IceParameters("peer", "p".repeat(22)), now));
    agent.call(now -> agent.agent().close(now));
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    assertThat(peer.request(TransportAddress.udp("192.0.2.9", 1), base).send()).isNull();
    assertThat(agent.agent().nextTimeout()).isEqualTo(IceAgent.NEVER);
    agent.call(agent.agent()::handleTimeout);
    assertThat(agent.events()).hasSize(said);
    assertThat(agent.requests()).hasSize(asked);
    assertThat(agent.sent()).isEmpty();
    assertThat(agent.agent().state()).isEqualTo(IceState.CLOSED);
  }

  @Test
  void aSocketThatOpensAfterCloseIsClosed() {
    AgentHarness agent = new AgentHarness(time, settings().build());
    agent.answerNoRequests();
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("192.0.2.1");
    agent.call(agent.agent()::close);
    agent.call(now -> agent.open(agent.requests(IceRequest.Open.class).get(0), now));
    assertThat(agent.requests(IceRequest.Close.class)).hasSize(1);
    assertThat(agent.bases()).isEmpty();
  }
}

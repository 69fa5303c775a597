package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.net.TransportAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** When checks are sent: RFC 8445 6.1.4.2 and 14. */
class PacingTest {
  private static final long MILLI = 1_000_000L;

  private final VirtualTime time = new VirtualTime();

  private static IceParameters parameters(int pacing) {
    return new IceParameters(
        ScriptedPeer.UFRAG, ScriptedPeer.PASSWORD, false, pacing, Set.of("ice2", "trickle"));
  }

  private AgentHarness agent(IceConfiguration.Builder settings, String... addresses) {
    return AgentHarness.started(time, settings.build(), 1, addresses);
  }

  @Test
  @Tag("ICE-1710")
  void theFirstCheckIsSentAtOnceAndTheOthersOnePerTaInTurn() {
    AgentHarness agent =
        new AgentHarness(time, AgentHarness.settings(Role.CONTROLLED).pacing(20).build());
    List<ScriptedPeer> peers = new ArrayList<>();
    for (int stream = 0; stream < 3; stream++) {
      agent.call(now -> agent.agent().addStream(1, now));
      peers.add(new ScriptedPeer(agent, stream));
      peers.get(stream).credentials("PEER" + stream, ScriptedPeer.PASSWORD);
    }
    agent.interfaces("192.0.2.1");
    long begun = time.now();
    for (int stream = 0; stream < 3; stream++) {
      int index = stream;
      IceParameters told = new IceParameters(
          "PEER" + stream, ScriptedPeer.PASSWORD, false, 20, Set.of("ice2", "trickle"));
      agent.call(now -> agent.agent().setRemote(index, told, now));
      for (int i = 0; i < 2; i++) { // foundations differ, or the other streams would be frozen
        Candidate candidate = new Candidate(
            "s" + stream + "c" + i,
            1,
            Candidate.priority(126, 1000 - i, 1),
            TransportAddress.udp("192.0.2.9", 4000 + 10 * stream + i),
            CandidateType.HOST,
            null,
            java.util.Map.of());
        peers.get(stream).tell(candidate);
      }
    }
    time.runFor(Duration.ofMillis(400));
    assertThat(agent.transactions())
        .extracting(sent -> sent.path().remote().port())
        .containsExactly(4000, 4010, 4020, 4001, 4011, 4021);
    assertThat(agent.transactions())
        .extracting(sent -> sent.time() - begun)
        .containsExactly(0L, 20 * MILLI, 40 * MILLI, 60 * MILLI, 80 * MILLI, 100 * MILLI);
  }

  @Test
  @Tag("ICE-1720")
  void aTriggeredCheckIsTheNextOne() {
    AgentHarness agent = agent(AgentHarness.settings(Role.CONTROLLED), "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    Candidate[] candidates = new Candidate[5];
    for (int i = 0; i < candidates.length; i++) {
      candidates[i] = peer.candidate(CandidateType.HOST, "192.0.2.9", 4000 + i, 1000 - i, 1);
    }
    peer.tell(candidates);
    peer.awaitCheck(2);
    TransportAddress last = candidates[4].address();
    peer.request(last, agent.base()).role(Role.CONTROLLING, 1).send();
    assertThat(peer.awaitCheck(3).to()).isEqualTo(last);
    assertThat(peer.awaitCheck(4).to()).isEqualTo(candidates[2].address());
  }

  @Test
  @Tag("ICE-1740")
  void ordinaryChecksAreSentInTheOrderOfPriorities() {
    AgentHarness agent = agent(AgentHarness.settings(Role.CONTROLLED), "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    List<Integer> order = List.of(3, 1, 4, 0, 2);
    for (int i : order) { // told before the parameters, so that all are there when checks begin
      peer.tell(peer.candidate(CandidateType.HOST, "192.0.2.9", 4000 + i, 1000 - i, 1));
    }
    peer.introduce();
    time.runFor(Duration.ofSeconds(1));
    assertThat(peer.checks())
        .extracting(check -> check.to().port())
        .containsExactly(4000, 4001, 4002, 4003, 4004);
  }

  @Test
  @Tag("ICE-1750")
  void anAgentWithNothingToDoSleepsUntilAPairAppears() {
    AgentHarness agent = agent(
        AgentHarness.settings(Role.CONTROLLED).endOfCandidatesLimit(Duration.ofHours(2)),
        "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    time.runFor(Duration.ofMinutes(1));
    assertThat(agent.sent()).isEmpty();
    assertThat(agent.agent().nextTimeout()).isGreaterThan(time.now() + 3600 * 1000 * MILLI);
    long now = time.now();
    peer.tell(peer.host("192.0.2.9", 4000));
    assertThat(peer.awaitCheck(1).time()).isEqualTo(now);
  }

  @Test
  @Tag("ICE-1750")
  void noSlotIsLostOnAListThatIsDone() {
    AgentHarness agent =
        new AgentHarness(time, AgentHarness.settings(Role.CONTROLLING).build());
    List<ScriptedPeer> peers = new ArrayList<>();
    for (int stream = 0; stream < 2; stream++) {
      agent.call(now -> agent.agent().addStream(1, now));
      peers.add(new ScriptedPeer(agent, stream));
      peers.get(stream).credentials("PEER" + stream, ScriptedPeer.PASSWORD);
    }
    agent.interfaces("192.0.2.1");
    peers.get(0).answerWhen(check -> true, Duration.ofMillis(5));
    peers.get(0).introduce();
    peers.get(0).tell(peers.get(0).host("192.0.2.8", 1));
    time.runFor(Duration.ofSeconds(1));
    peers.get(1).introduce();
    for (int i = 0; i < 5; i++) {
      peers.get(1).tell(peers.get(1).host("192.0.2.9", 4000 + i));
    }
    time.runFor(Duration.ofSeconds(1));
    List<ScriptedPeer.Check> checks = peers.get(1).checks();
    assertThat(checks).hasSize(5);
    for (int i = 1; i < checks.size(); i++) {
      assertThat(checks.get(i).time() - checks.get(i - 1).time()).isEqualTo(10 * MILLI);
    }
  }

  @Test
  @Tag("ICE-1760")
  void anAgentThatIsDoneStillAnswersChecks() {
    AgentHarness agent = agent(AgentHarness.settings(Role.CONTROLLED), "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.answerWhen(check -> true, Duration.ofMillis(5));
    peer.introduce();
    peer.tell(peer.host("192.0.2.9", 4000), peer.host("192.0.2.9", 4001));
    time.runFor(Duration.ofMillis(100));
    TransportAddress there = TransportAddress.udp("192.0.2.9", 4000);
    peer.request(there, agent.base()).role(Role.CONTROLLING, 1).useCandidate().send();
    assertThat(agent.agent().state()).isEqualTo(IceState.COMPLETED);
    int checks = peer.checks().size();
    for (int port : List.of(4000, 4001, 4002)) {
      assertThat(peer.request(there.withPort(port), agent.base())
              .role(Role.CONTROLLING, 1)
              .send())
          .isNotNull();
    }
    time.runFor(Duration.ofSeconds(1));
    assertThat(peer.checks()).hasSize(checks);
  }

  @Test
  @Tag("ICE-1770")
  void aPeerThatTellsNoTaMakesIt50Milliseconds() {
    AgentHarness agent = agent(AgentHarness.settings(Role.CONTROLLED), "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce(new IceParameters(ScriptedPeer.UFRAG, ScriptedPeer.PASSWORD));
    peer.tell(peer.host("192.0.2.9", 4000), peer.host("192.0.2.9", 4001));
    assertThat(peer.awaitCheck(2).time() - peer.awaitCheck(1).time()).isEqualTo(50 * MILLI);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AgentHarness.settings(Role.CONTROLLED).pacing(4))
        .withMessageContaining("pacing 4");
  }

  // the process

  @Test
  @Tag("ICE-1790")
  void twentyAgentsTogetherStartNoTransactionWithin5MillisecondsOfAnother() {
    Pacer pacer = Pacer.standard();
    Random random = new Random(9);
    List<AgentHarness> agents = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      AgentHarness agent = new AgentHarness(
          time,
          AgentHarness.settings(Role.CONTROLLED)
              .pacer(pacer)
              .pacing(5 + random.nextInt(100))
              .stunServers(List.of(new StunServer("198.51.100.1", 3478)))
              .build());
      agents.add(agent);
      time.after(Duration.ofMillis(random.nextInt(50)), () -> {
        agent.call(now -> agent.agent().addStream(1, now));
        agent.interfaces("192.0.2.1", "192.0.2.2");
        ScriptedPeer peer = new ScriptedPeer(agent, 0);
        peer.introduce();
        peer.tell(peer.host("192.0.2.9", 4000), peer.host("192.0.2.9", 4001));
      });
    }
    time.runFor(Duration.ofSeconds(5));
    List<Long> starts = new ArrayList<>();
    agents.forEach(agent -> agent.transactions().forEach(sent -> starts.add(sent.time())));
    assertThat(starts).hasSize(20 * (2 + 4));
    starts.sort(null);
    for (int i = 1; i < starts.size(); i++) {
      assertThat(starts.get(i) - starts.get(i - 1)).isGreaterThanOrEqualTo(5 * MILLI);
    }
    assertThat(starts.get(starts.size() - 1) - starts.get(0))
        .as("and the pace is used")
        .isLessThan(1000 * MILLI);
  }

  @Test
  @Tag("ICE-1790")
  void anAgentWithALongTaHoldsNoOtherBack() {
    Pacer pacer = Pacer.standard();
    AgentHarness slow =
        agent(AgentHarness.settings(Role.CONTROLLED).pacer(pacer).pacing(1000), "192.0.2.1");
    ScriptedPeer first = new ScriptedPeer(slow, 0);
    first.introduce(parameters(10));
    first.tell(first.host("192.0.2.9", 4000), first.host("192.0.2.9", 4001));
    AgentHarness quick =
        agent(AgentHarness.settings(Role.CONTROLLED).pacer(pacer).pacing(10), "192.0.2.2");
    ScriptedPeer second = new ScriptedPeer(quick, 0);
    second.introduce();
    second.tell(second.host("192.0.2.9", 5000), second.host("192.0.2.9", 5001));
    long begun = time.now();
    assertThat(second.awaitCheck(1).time()).isEqualTo(begun + 5 * MILLI);
    assertThat(second.awaitCheck(2).time()).isEqualTo(begun + 15 * MILLI);
    assertThat(first.awaitCheck(2).time()).isEqualTo(begun + 1000 * MILLI);
  }

  @Test
  @Tag("ICE-1790")
  void theNamedWayOutHoldsNothingBack() {
    Pacer pacer = Pacer.unlimited();
    for (int i = 0; i < 3; i++) {
      assertThat(pacer.reserve(7)).isEqualTo(7);
    }
  }

  // retransmission

  @ParameterizedTest
  @ValueSource(ints = {1, 10})
  @Tag("ICE-1800")
  @Tag("ICE-0480")
  void everyCheckHasAnRtoOfHalfASecondHoweverManyThereAre(int candidates) {
    AgentHarness agent = agent(AgentHarness.settings(Role.CONTROLLED).pacing(50), "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce(parameters(50));
    for (int i = 0; i < candidates; i++) {
      peer.tell(peer.host("192.0.2.9", 4000 + i));
    }
    time.runFor(Duration.ofMinutes(2));
    assertThat(peer.checks()).hasSize(candidates);
    for (ScriptedPeer.Check check : peer.checks()) {
      List<Long> sends = agent.sent().stream()
          .filter(sent -> sent.bytes().equals(check.message().bytes()))
          .map(sent -> (sent.time() - check.time()) / MILLI)
          .toList();
      assertThat(sends).containsExactly(0L, 500L, 1500L, 3500L, 7500L, 15500L, 31500L);
    }
  }
}

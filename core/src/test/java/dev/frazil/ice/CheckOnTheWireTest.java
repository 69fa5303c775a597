package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a check looks like, byte by byte where it matters: RFC 8445 7.1 and 7.2. */
class CheckOnTheWireTest {
  private final VirtualTime time = new VirtualTime();

  private AgentHarness agent(Role role, int components, String... addresses) {
    return AgentHarness.started(time, AgentHarness.settings(role).build(), components, addresses);
  }

  /** A check of an agent with one address, and the agent. */
  private ScriptedPeer peerOf(AgentHarness agent) {
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    return peer;
  }

  @Test
  @Tag("ICE-1900")
  void aCheckGoesFromTheBaseToTheRemoteCandidate() {
    AgentHarness agent = new AgentHarness(
        time,
        AgentHarness.settings(Role.CONTROLLING)
            .stunServers(List.of(new StunServer("198.51.100.1", 3478)))
            .build());
    new ScriptedStunServer(agent, "198.51.100.1")
        .answer(Duration.ofMillis(10), from -> TransportAddress.udp("203.0.113.1", 999));
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("10.0.0.1");
    time.runFor(Duration.ofSeconds(1));
    assertThat(agent.gathered()).hasSize(2);
    ScriptedPeer peer = peerOf(agent);
    peer.tell(peer.host("192.0.2.9", 4000), peer.host("192.0.2.8", 4001));
    time.runFor(Duration.ofSeconds(1));
    assertThat(peer.checks())
        .extracting(check -> check.path().local())
        .containsExactly(agent.base(), agent.base());
    assertThat(peer.checks())
        .extracting(ScriptedPeer.Check::to)
        .containsExactlyInAnyOrder(
            TransportAddress.udp("192.0.2.9", 4000), TransportAddress.udp("192.0.2.8", 4001));
  }

  @Test
  @Tag("ICE-1930")
  void theUsernameIsThePeersUfragAndOursAndTheKeyThePeersPassword() {
    AgentHarness agent = agent(Role.CONTROLLING, 1, "192.0.2.1");
    ScriptedPeer peer = peerOf(agent);
    peer.tell(peer.host("192.0.2.9", 4000));
    StunMessage check = peer.awaitCheck(1).message();
    IceParameters local = agent.agent().localParameters(0);
    assertThat(check.get(AttributeType.USERNAME))
        .isEqualTo(ScriptedPeer.UFRAG + ":" + local.ufrag());
    assertThat(check.verifyIntegrity(IntegrityKey.shortTerm(ScriptedPeer.PASSWORD)))
        .isTrue();
    assertThat(check.verifyIntegrity(IntegrityKey.shortTerm(local.password()))).isFalse();
  }

  @Test
  @Tag("ICE-1940")
  void thePriorityIsThatOfAPeerReflexiveCandidateOfTheSameBase() {
    AgentHarness agent = agent(Role.CONTROLLING, 2, "192.0.2.1", "192.0.2.2");
    ScriptedPeer peer = peerOf(agent);
    peer.tell(
        peer.candidate(CandidateType.HOST, "192.0.2.9", 4000, 65535, 1),
        peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 65535, 2));
    time.runFor(Duration.ofSeconds(10)); // unanswered: each base checks for each component
    assertThat(peer.checks().stream().map(check -> check.path().local()))
        .containsAll(agent.bases());
    for (ScriptedPeer.Check check : peer.checks()) {
      Candidate host = agent.gathered().stream()
          .filter(candidate -> candidate.address().equals(check.path().local()))
          .findFirst()
          .orElseThrow();
      int priority = check.message().get(AttributeType.PRIORITY);
      assertThat(priority).isEqualTo(host.priority() - (126 << 24) + (110 << 24));
      if (host.priority() == 2130706431) {
        assertThat(priority).isEqualTo(0x6EFFFFFF).isEqualTo(1862270975);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Role.class)
  @Tag("ICE-1950")
  @Tag("ICE-1960")
  void aCheckTellsTheRoleAndOnlyTheControllingAgentNominates(Role role) {
    AgentHarness agent = agent(role, 1, "192.0.2.1", "192.0.2.2");
    ScriptedPeer peer = peerOf(agent);
    peer.answerWhen(check -> true, Duration.ofMillis(10));
    peer.tell(peer.host("192.0.2.9", 4000), peer.host("192.0.2.8", 4000));
    time.runFor(Duration.ofSeconds(20)); // consent checks included
    List<StunMessage> nominating = new ArrayList<>();
    AttributeType<Long> told =
        role == Role.CONTROLLING ? AttributeType.ICE_CONTROLLING : AttributeType.ICE_CONTROLLED;
    AttributeType<Long> other =
        role == Role.CONTROLLING ? AttributeType.ICE_CONTROLLED : AttributeType.ICE_CONTROLLING;
    for (AgentHarness.Sent sent : agent.transactions()) {
      StunMessage check = sent.message();
      assertThat(check.get(told)).isNotNull();
      assertThat(check.has(other)).isFalse();
      if (check.has(AttributeType.USE_CANDIDATE)) {
        assertThat(check.get(AttributeType.USE_CANDIDATE)).isNotNull();
        nominating.add(check);
      }
    }
    assertThat(agent.transactions()).hasSizeGreaterThan(4);
    assertThat(nominating).hasSize(role == Role.CONTROLLING ? 1 : 0);
  }

  @Test
  @Tag("ICE-1970")
  @Tag("ICE-1980")
  @Tag("ICE-1990")
  void theAttributesStandInTheirOrder() {
    AgentHarness agent = agent(Role.CONTROLLING, 1, "192.0.2.1");
    ScriptedPeer peer = peerOf(agent);
    peer.tell(peer.host("192.0.2.9", 4000));
    peer.answer(peer.awaitCheck(1));
    peer.awaitCheck(2);
    List<Integer> first = List.of(0x0006, 0x0024, 0x802A, 0x0008, 0x8028);
    List<Integer> nominating = List.of(0x0006, 0x0024, 0x802A, 0x0025, 0x0008, 0x8028);
    assertThat(attributes(peer.checks().get(0).message())).isEqualTo(first);
    assertThat(attributes(peer.checks().get(1).message())).isEqualTo(nominating);
    for (ScriptedPeer.Check check : peer.checks()) {
      ByteBuffer bytes = check.message().bytes();
      assertThat(bytes.getShort(0)).isEqualTo((short) 0x0001);
      assertThat(bytes.getInt(4)).isEqualTo(0x2112A442);
      assertThat(check.message().hasValidFingerprint()).isTrue();
    }
  }

  private static List<Integer> attributes(StunMessage message) {
    ByteBuffer bytes = message.bytes();
    List<Integer> types = new ArrayList<>();
    for (int at = 20; at < bytes.limit(); at += 4 + (bytes.getShort(at + 2) + 3 & ~3)) {
      types.add(bytes.getShort(at) & 0xFFFF);
    }
    return types;
  }

  @Test
  @Tag("ICE-1980")
  void anAnswerInTheOldFormIsNotTaken() {
    AgentHarness agent = agent(Role.CONTROLLING, 1, "192.0.2.1");
    ScriptedPeer peer = peerOf(agent);
    peer.tell(peer.host("192.0.2.9", 4000));
    ScriptedPeer.Check check = peer.awaitCheck(1);
    peer.respond(
        check,
        check.path(),
        builder -> builder.put(AttributeType.MAPPED_ADDRESS, check.path().local()));
    assertThat(agent.agent().statistics().pairs())
        .extracting(IceStatistics.PairStatistics::state)
        .doesNotContain(PairState.SUCCEEDED);
  }
}

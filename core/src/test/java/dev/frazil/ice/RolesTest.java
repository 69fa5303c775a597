package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.StunMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who controls: RFC 8445 6.1.1 and 16.1. */
class RolesTest {
  private static final Duration LONG = Duration.ofSeconds(10);

  private static IceConfiguration.Builder settings(Role role, boolean lite) {
    return AgentHarness.settings(role).lite(lite);
  }

  @ParameterizedTest
  @CsvSource({
    "CONTROLLING, false, false, CONTROLLING",
    "CONTROLLED, false, false, CONTROLLED",
    "CONTROLLING, false, true, CONTROLLING",
    "CONTROLLED, false, true, CONTROLLING",
    "CONTROLLING, true, false, CONTROLLED",
    "CONTROLLED, true, false, CONTROLLED",
    "CONTROLLING, true, true, CONTROLLING",
    "CONTROLLED, true, true, CONTROLLED"
  })
  @Tag("ICE-1400")
  @Tag("ICE-1410")
  @Tag("ICE-1420")
  void theInitiatorControlsUnlessOneSideIsLite(
      Role initial, boolean lite, boolean peerLite, Role role) {
    AgentHarness agent =
        AgentHarness.started(new VirtualTime(), settings(initial, lite).build(), 1, "192.0.2.1");
    agent.call(now -> agent
        .agent()
        .setRemote(
            0,
            new IceParameters(
                ScriptedPeer.UFRAG, ScriptedPeer.PASSWORD, peerLite, null, Set.of("ice2")),
            now));
    assertThat(agent.agent().role()).isEqualTo(role);
  }

  private static AgentPair pair(boolean leftLite, boolean rightLite) {
    AgentPair pair = new AgentPair(
            settings(Role.CONTROLLING, leftLite).build(),
            settings(Role.CONTROLLED, rightLite).build(),
            Duration.ofMillis(10))
        .streams(1, 1);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    pair.exchange();
    return pair;
  }

  @Test
  @Tag("ICE-1420")
  void twoLiteAgentsSendNoChecks() {
    AgentPair pair = pair(true, true);
    assertThat(pair.runUntil(IceState.COMPLETED, LONG)).isTrue();
    pair.time.runFor(Duration.ofMinutes(2));
    assertThat(pair.left.sent()).noneMatch(AgentHarness.Sent::isBindingRequest);
    assertThat(pair.right.sent()).noneMatch(AgentHarness.Sent::isBindingRequest);
  }

  @Test
  @Tag("ICE-0010")
  void aFullAgentAsksAndAnswersOnOneSocketAndALiteOneOnlyAnswers() {
    AgentPair pair = pair(false, true);
    assertThat(pair.runUntil(IceState.COMPLETED, LONG)).isTrue();
    pair.time.runFor(Duration.ofSeconds(120));
    assertThat(pair.right.sent())
        .noneMatch(AgentHarness.Sent::isBindingRequest)
        .anyMatch(sent -> sent.message().messageClass() == MessageClass.SUCCESS);
    assertThat(pair.left.sent().stream().filter(AgentHarness.Sent::isBindingRequest))
        .hasSizeGreaterThan(10);
    AgentPair full = pair(false, false);
    assertThat(full.runUntil(IceState.COMPLETED, LONG)).isTrue();
    for (AgentHarness agent : List.of(full.left, full.right)) {
      for (TransportAddress base : agent.bases()) {
        assertThat(agent.sent().stream()
                .filter(sent -> sent.path().local().equals(base))
                .map(sent -> sent.message().messageClass())
                .distinct())
            .contains(MessageClass.REQUEST, MessageClass.SUCCESS);
      }
    }
  }

  // restarts

  @Test
  @Tag("ICE-1430")
  void aRestartThatTheControlledAgentBeginsKeepsTheRoles() {
    AgentPair pair = pair(false, false);
    assertThat(pair.runUntil(IceState.COMPLETED, LONG)).isTrue();
    for (int stream = 0; stream < 2; stream++) {
      int index = stream;
      pair.right.call(now -> pair.right.agent().restart(index, now));
      pair.left.call(now -> pair.left.agent().restart(index, now));
    }
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, LONG)).isTrue();
    assertThat(pair.left.agent().role()).isEqualTo(Role.CONTROLLING);
    assertThat(pair.right.agent().role()).isEqualTo(Role.CONTROLLED);
    assertThat(pair.left.events(IceEvent.RoleSwitched.class)).isEmpty();
    assertThat(pair.right.events(IceEvent.RoleSwitched.class)).isEmpty();
  }

  @Test
  @Tag("ICE-1430")
  void aPeerThatControlledAndBecomesLiteIsControlledAfterTheRestart() {
    AgentHarness agent = AgentHarness.started(
        new VirtualTime(), settings(Role.CONTROLLED, false).build(), 1, "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    assertThat(agent.agent().role()).isEqualTo(Role.CONTROLLED);
    peer.credentials("AGAIN", "passwordoftherestart+/0123");
    peer.introduce(
        new IceParameters("AGAIN", "passwordoftherestart+/0123", true, null, Set.of("ice2")));
    assertThat(agent.agent().role()).isEqualTo(Role.CONTROLLING);
    assertThat(agent.events(IceEvent.RoleSwitched.class)).hasSize(1);
    peer.credentials("THIRD", "passwordofthethird+/012345");
    peer.introduce();
    assertThat(agent.agent().role()).as("lite becomes full").isEqualTo(Role.CONTROLLING);
  }

  @ParameterizedTest
  @CsvSource({"CONTROLLING, -1", "CONTROLLED, 0"})
  @Tag("ICE-1440")
  void aPeerOfRfc5245MayTurnTheRolesRoundInARestart(Role ours, long winningTieBreaker) {
    AgentHarness agent =
        AgentHarness.started(new VirtualTime(), settings(ours, false).build(), 1, "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.answerWhen(check -> true, Duration.ofMillis(10));
    peer.introduce();
    peer.credentials("AGAIN", "passwordoftherestart+/0123");
    peer.introduce(new IceParameters("AGAIN", "passwordoftherestart+/0123"));
    peer.tell(peer.host("192.0.2.9", 4000));
    peer.tellEnd();
    TransportAddress there = TransportAddress.udp("192.0.2.9", 4000);
    // the peer says that it has our role now; its tie-breaker makes us give way
    assertThat(peer.request(there, agent.base())
            .role(ours, winningTieBreaker)
            .send()
            .messageClass())
        .isEqualTo(MessageClass.SUCCESS);
    assertThat(agent.agent().role()).isEqualTo(ours.opposite());
    if (ours == Role.CONTROLLING) {
      agent.time().runFor(Duration.ofMillis(100));
      peer.request(there, agent.base())
          .role(ours, winningTieBreaker)
          .useCandidate()
          .send();
    }
    assertThat(agent.time().runUntil(() -> agent.agent().state() == IceState.COMPLETED, LONG))
        .isTrue();
  }

  // the tie-breaker

  @Test
  @Tag("ICE-1450")
  void theTieBreakerIsOneForAllStreamsAndNewAfterARoleConflict() {
    VirtualTime time = new VirtualTime();
    AgentHarness agent =
        new AgentHarness(time, settings(Role.CONTROLLING, false).build());
    List<ScriptedPeer> peers = new ArrayList<>();
    for (int stream = 0; stream < 2; stream++) {
      agent.call(now -> agent.agent().addStream(1, now));
      ScriptedPeer peer = new ScriptedPeer(agent, stream);
      peer.credentials("PEER" + stream, ScriptedPeer.PASSWORD);
      peers.add(peer);
    }
    agent.interfaces("192.0.2.1", "192.0.2.2");
    for (ScriptedPeer peer : peers) {
      peer.introduce();
      Candidate candidate = peer.host("192.0.2.9", 4000);
      boolean second = peer == peers.get(1); // needs another foundation, or it waits for the first
      peer.tell(second ? peer.host("192.0.2.9", 4001) : candidate);
    }
    time.runFor(Duration.ofSeconds(1));
    List<StunMessage> checks = new ArrayList<>();
    peers.forEach(peer -> peer.checks().forEach(check -> checks.add(check.message())));
    assertThat(checks).hasSizeGreaterThan(3);
    List<Long> tieBreakers =
        checks.stream().map(check -> check.get(AttributeType.ICE_CONTROLLING)).toList();
    assertThat(tieBreakers).doesNotContainNull();
    assertThat(tieBreakers.stream().distinct()).hasSize(1);
    assertThat(peers).allSatisfy(peer -> assertThat(peer.checks()).isNotEmpty());
    peers.get(0).refuse(peers.get(0).checks().get(0), ErrorCode.ROLE_CONFLICT);
    time.runFor(Duration.ofSeconds(1));
    Long changed = peers.get(0).lastCheck().message().get(AttributeType.ICE_CONTROLLED);
    assertThat(changed).isNotNull().isNotEqualTo(tieBreakers.get(0));
  }

  @Test
  @Tag("ICE-1450")
  void agentsDrawTieBreakersOfTheirOwnFromAll64Bits() {
    long or = 0;
    long and = -1;
    for (int seed = 0; seed < 100; seed++) {
      IceConfiguration configuration =
          IceConfiguration.builder(Role.CONTROLLING, new java.util.Random(seed)).build();
      long tieBreaker =
          new Session(configuration, new AgentHarness(new VirtualTime(), configuration)).tieBreaker;
      or |= tieBreaker;
      and &= tieBreaker;
    }
    assertThat(or).isEqualTo(-1L);
    assertThat(and).isZero();
  }

  @Test
  @Tag("ICE-1450")
  void tieBreakersAreComparedAsUnsignedNumbers() {
    AgentHarness agent = AgentHarness.started(
        new VirtualTime(), settings(Role.CONTROLLING, false).build(), 1, "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    TransportAddress there = TransportAddress.udp("192.0.2.9", 4000);
    StunMessage refused =
        peer.request(there, agent.base()).role(Role.CONTROLLING, 0).send();
    assertThat(refused.get(AttributeType.ERROR_CODE).code()).isEqualTo(ErrorCode.ROLE_CONFLICT);
    assertThat(agent.agent().role()).isEqualTo(Role.CONTROLLING);
    StunMessage accepted = peer.request(there, agent.base())
        .role(Role.CONTROLLING, 0xFFFF_FFFF_FFFF_FFFFL)
        .send();
    assertThat(accepted.messageClass()).isEqualTo(MessageClass.SUCCESS);
    assertThat(agent.agent().role()).isEqualTo(Role.CONTROLLED);
  }
}

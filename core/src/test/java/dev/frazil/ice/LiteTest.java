package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static dev.frazil.ice.Encounter.errorOf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.MessageClass;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Lite agents (RFC 8445 7.3.2, 8.2, 12.1.1), with full ones and among themselves. */
class LiteTest {
  private static Encounter lite(int components, String... addresses) {
    return new Encounter(AgentHarness.settings(Role.CONTROLLED).lite(true), components, addresses);
  }

  private static Encounter lite(int components) {
    return lite(components, "192.0.2.1");
  }

  private static ScriptedPeer.Request nominating(Encounter scene, TransportAddress base) {
    return scene.peer.request(THERE, base).role(Role.CONTROLLING, 1).useCandidate();
  }

  private static AgentPair twoLite(String[] left, String[] right, int... components) {
    AgentPair pair = new AgentPair(
            AgentHarness.settings(Role.CONTROLLING).lite(true).build(),
            AgentHarness.settings(Role.CONTROLLED).lite(true).build(),
            Duration.ofMillis(10))
        .streams(components);
    pair.left.interfaces(left);
    pair.right.interfaces(right);
    return pair;
  }

  @Test
  @Tag("ICE-2520")
  @Tag("ICE-3090")
  void nominationOfAFullPeerIsTakenWithoutACheck() {
    Encounter scene = lite(1);
    scene.peer.introduce();
    assertThat(errorOf(scene.fromThere().role(Role.CONTROLLING, 1).send())).isZero();
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    assertThat(errorOf(nominating(scene, scene.agent.base()).send())).isZero();
    IceStatistics.PairStatistics pair = scene.pairTo(THERE);
    assertThat(pair.nominated()).isTrue();
    assertThat(pair.state()).isEqualTo(PairState.SUCCEEDED);
    assertThat(pair.local().address()).isEqualTo(scene.agent.base());
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.agent.agent().path(0, 1)).isEqualTo(new FiveTuple(scene.agent.base(), THERE));
  }

  @Test
  @Tag("ICE-2520")
  void nominationBeforeThePeersParametersIsRemembered() {
    Encounter scene = lite(1);
    nominating(scene, scene.agent.base()).send();
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    scene.peer.introduce();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-3090")
  @Tag("ICE-3260")
  void nothingIsSentBeforeEveryComponentIsNominated() {
    Encounter scene = lite(2);
    scene.peer.introduce();
    nominating(scene, scene.agent.bases().get(0)).send();
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    nominating(scene, scene.agent.bases().get(1)).send();
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-3090")
  void sessionCompletesWhenEveryStreamHas() {
    Encounter scene = lite(1);
    scene.agent.call(now -> scene.agent.agent().addStream(1, now));
    ScriptedPeer other = new ScriptedPeer(scene.agent, 1);
    scene.peer.introduce();
    other.introduce();
    nominating(scene, scene.agent.bases().get(0)).send();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    other
        .request(THERE, scene.agent.bases().get(1))
        .role(Role.CONTROLLING, 1)
        .useCandidate()
        .send();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-0010")
  @Tag("ICE-3510")
  void liteAgentAsksNothing() {
    Encounter scene = lite(1);
    scene.introduced();
    nominating(scene, scene.agent.base()).send();
    for (int i = 0; i < 24; i++) { // the peer's consent checks
      assertThat(errorOf(scene.fromThere().role(Role.CONTROLLING, 1).send())).isZero();
      scene.runMillis(5_000);
    }
    assertThat(scene.agent.sent())
        .hasSize(25)
        .allMatch(sent -> sent.message().messageClass() == MessageClass.SUCCESS);
  }

  @Test
  @Tag("ICE-3300")
  void liteAgentKeepsAPathAliveThatNobodyElseDoes() {
    AgentPair pair = twoLite(new String[] {"192.0.2.1"}, new String[] {"192.0.2.2"}, 1);
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(1))).isTrue();
    pair.time.runFor(Duration.ofSeconds(61));
    for (AgentHarness side : List.of(pair.left, pair.right)) {
      assertThat(side.sent())
          .hasSize(4)
          .allMatch(sent -> sent.message().messageClass() == MessageClass.INDICATION);
    }
  }

  @Test
  @Tag("ICE-3040")
  void ofSeveralPairsThatAnAggressivePeerNominatesTheBestIsUsed() {
    Encounter scene = lite(1, "192.0.2.1", "2001:db8::1");
    IceParameters plain = scene.peer.parameters();
    scene.peer.introduce(
        new IceParameters(plain.ufrag(), plain.password(), false, 10, java.util.Set.of()));
    TransportAddress there6 = TransportAddress.udp("2001:db8::9", 4000);
    TransportAddress base6 = scene.agent.bases().stream()
        .filter(base -> base.ip().isIpv6())
        .findFirst()
        .orElseThrow();
    scene.peer.tell(scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4000, 7, 1));
    scene.peer.tell(scene.peer.host("2001:db8::9", 4000));
    TransportAddress base4 = scene.agent.bases().stream()
        .filter(base -> base.ip().isIpv4())
        .findFirst()
        .orElseThrow();
    nominating(scene, base4).send();
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE);
    scene.peer.request(there6, base6).role(Role.CONTROLLING, 1).useCandidate().send();
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(there6);
    nominating(scene, base4).send();
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(there6);
  }

  @Test
  @Tag("ICE-3090")
  void fullAndLiteAgentCompleteWhateverRolesTheyBeganWith() {
    for (Role role : Role.values()) {
      AgentPair pair = new AgentPair(
              AgentHarness.settings(role).build(),
              AgentHarness.settings(role).lite(true).build(),
              Duration.ofMillis(10))
          .streams(2);
      pair.left.interfaces("192.0.2.1", "2001:db8::1");
      pair.right.interfaces("192.0.2.2", "2001:db8::2");
      pair.exchange();
      assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
      assertThat(pair.left.agent().role()).isEqualTo(Role.CONTROLLING);
      assertThat(pair.right.agent().role()).isEqualTo(Role.CONTROLLED);
      pair.time.runFor(Duration.ofMinutes(2));
      assertThat(pair.left.agent().state()).isEqualTo(IceState.COMPLETED);
      for (int component = 1; component <= 2; component++) {
        assertThat(pair.left.agent().path(0, component))
            .isEqualTo(pair.right.agent().path(0, component).reversed());
      }
    }
  }

  // two lite agents

  @Test
  @Tag("ICE-3100")
  void twoLiteAgentsOfOneAddressTakeTheOnlyPairOfEachComponentAndAreDone() {
    AgentPair pair = twoLite(new String[] {"192.0.2.1"}, new String[] {"192.0.2.2"}, 2, 1);
    pair.exchange();
    assertThat(pair.left.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(pair.right.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(pair.left.sent()).isEmpty();
    for (int[] each : new int[][] {{0, 1}, {0, 2}, {1, 1}}) {
      assertThat(pair.left.agent().path(each[0], each[1]))
          .isEqualTo(pair.right.agent().path(each[0], each[1]).reversed());
    }
    pair.left.call(now -> pair.left.agent().send(0, 2, ByteBuffer.wrap(new byte[3]), now));
    pair.time.runFor(Duration.ofMillis(10));
    assertThat(pair.right.delivered()).hasSize(1);
  }

  @Test
  @Tag("ICE-3100")
  void twoLiteAgentsWithoutACommonFamilyFail() {
    AgentPair pair = twoLite(new String[] {"192.0.2.1"}, new String[] {"2001:db8::2"}, 1);
    pair.exchange();
    assertThat(pair.left.agent().state()).isEqualTo(IceState.FAILED);
    assertThat(pair.right.agent().state()).isEqualTo(IceState.FAILED);
  }

  @Test
  @Tag("ICE-3100")
  @Tag("ICE-3110")
  void twoDualStackLiteAgentsAreDoneWhenTheUpdatedExchangeIs() {
    AgentPair pair = twoLite(
        new String[] {"192.0.2.1", "2001:db8::1"}, new String[] {"192.0.2.2", "2001:db8::2"}, 2);
    pair.exchange();
    for (AgentHarness side : List.of(pair.left, pair.right)) {
      assertThat(side.agent().state()).isEqualTo(IceState.CONNECTED);
      for (int component = 1; component <= 2; component++) { // RFC 6724: IPv6 first
        assertThat(side.agent().path(0, component).remote().ip().isIpv6()).isTrue();
      }
    }
    assertThat(pair.right.events(IceEvent.SelectionToTell.class)).isEmpty();
    assertThat(pair.left.events(IceEvent.SelectionToTell.class)).hasSize(1);
    IceEvent.SelectionToTell told =
        pair.left.events(IceEvent.SelectionToTell.class).get(0);
    assertThat(told.pairs()).hasSize(2);
    tell(told, pair.right);
    assertThat(pair.right.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(pair.left.agent().state()).isEqualTo(IceState.CONNECTED);
    confirm(told, pair.left);
    assertThat(pair.left.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-3110")
  void controlledLiteAgentFollowsTheChoiceOfTheControllingOne() {
    AgentPair pair = twoLite(
        new String[] {"192.0.2.1", "2001:db8::1"}, new String[] {"192.0.2.2", "2001:db8::2"}, 1);
    pair.exchange();
    Candidate here = pair.right.gathered().stream()
        .filter(each -> each.address().ip().isIpv4())
        .findFirst()
        .orElseThrow();
    Candidate there = pair.left.gathered().stream()
        .filter(each -> each.address().ip().isIpv4())
        .findFirst()
        .orElseThrow();
    pair.right.call(
        now -> pair.right.agent().addRemoteSelection(0, 1, here.address(), there.address(), now));
    assertThat(pair.right.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(pair.right.agent().path(0, 1))
        .isEqualTo(new FiveTuple(here.address(), there.address()));
    assertThat(pair.right.agent().statistics().pairs()).hasSize(1);
  }

  @Test
  @Tag("ICE-3110")
  void selectionOfAddressesThatNobodyToldChangesNothing() {
    AgentPair pair = twoLite(
        new String[] {"192.0.2.1", "2001:db8::1"}, new String[] {"192.0.2.2", "2001:db8::2"}, 1);
    pair.exchange();
    FiveTuple before = pair.right.agent().path(0, 1);
    TransportAddress stranger = TransportAddress.udp("203.0.113.1", 1);
    pair.right.call(now ->
        pair.right.agent().addRemoteSelection(0, 1, pair.right.bases().get(0), stranger, now));
    assertThat(pair.right.agent().path(0, 1)).isEqualTo(before);
    assertThat(pair.right.agent().state()).isEqualTo(IceState.CONNECTED);
  }

  private static void tell(IceEvent.SelectionToTell told, AgentHarness to) {
    for (IceEvent.PairSelected each : told.pairs()) {
      to.call(now -> to.agent()
          .addRemoteSelection(
              told.stream(),
              each.component(),
              each.remote().address(),
              each.local().address(),
              now));
    }
  }

  private static void confirm(IceEvent.SelectionToTell told, AgentHarness to) {
    for (IceEvent.PairSelected each : told.pairs()) {
      to.call(now -> to.agent()
          .addRemoteSelection(
              told.stream(),
              each.component(),
              each.local().address(),
              each.remote().address(),
              now));
    }
  }
}

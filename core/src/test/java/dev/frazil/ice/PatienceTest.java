package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.Retransmission;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** No failure before a peer's checks have had their time (RFC 8863). */
class PatienceTest {
  private static final TransportAddress ELSEWHERE = TransportAddress.udp("198.51.100.7", 700);

  @Test
  @Tag("ICE-2900")
  @Tag("ICE-2930")
  void exchangeWithoutAnyCandidateDoesNotFailAtOnce() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED), 1, new String[0]);
    scene.runMillis(10_000); // time that counts for nothing: the peer has not been heard of
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.NEW);
    scene.peer.introduce();
    scene.peer.tellEnd();
    scene.runMillis(39_499);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    scene.runMillis(2);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
    assertThat(scene.agent.events(IceEvent.StreamFailed.class)).hasSize(1);
  }

  @ParameterizedTest
  @Tag("ICE-2910")
  @CsvSource({"500, 7, 16, 39500", "1000, 7, 16, 79000", "500, 4, 8, 7500", "600, 1, 5, 3000"})
  void patienceLastsAsLongAsACheck(int rto, int sends, int lastWait, long millis) {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED)
        .retransmission(new Retransmission(
            Duration.ofMillis(rto), sends, lastWait, Duration.ofMillis(39_500))));
    scene.peer.introduce();
    scene.peer.tellEnd();
    long start = scene.time.now();
    scene.runUntil(IceState.FAILED);
    assertThat(scene.time.now() - start).isEqualTo(Duration.ofMillis(millis).toNanos());
  }

  @Test
  @Tag("ICE-2920")
  void listWhosePairsAllFailedGoesOnRunningAndAPeerThatComesLateConnects() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    scene.runMillis(1_000);
    scene.peer.refuse(scene.peer.awaitCheck(1), 500);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
    scene.runMillis(19_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    scene.answering().from(ELSEWHERE).role(Role.CONTROLLING, 1).useCandidate().send();
    scene.runMillis(200);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.agent.events(IceEvent.StreamFailed.class)).isEmpty();
    scene.runMillis(60_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-2930")
  void listThatFailedBeforePatienceEndedFailsWhenItEnds() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    long start = scene.time.now();
    scene.peer.refuse(scene.peer.awaitCheck(1), 500);
    scene.runUntil(IceState.FAILED);
    assertThat(scene.time.now() - start).isEqualTo(Duration.ofMillis(39_500).toNanos());
  }

  @Test
  @Tag("ICE-2930")
  void endOfPatienceChangesNothingForAListThatHasPairsLeft() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    scene.runMillis(30_000);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.peer.tellEnd();
    scene.runMillis(39_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    scene.runMillis(1_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  @Test
  @Tag("ICE-2940")
  void controllingAgentGivesBetterPairsTheirTimeBeforeItNominates() {
    Encounter scene = new Encounter(Role.CONTROLLING);
    TransportAddress worse = TransportAddress.udp("192.0.2.9", 4001);
    scene.peer.onCheck(check -> scene.time.after(
        Duration.ofMillis(check.to().equals(worse) ? 100 : 140), () -> scene.peer.answer(check)));
    scene.peer.introduce();
    scene.peer.tell(
        scene.peer.host("192.0.2.9", 4000),
        scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 1));
    scene.peer.tellEnd();
    scene.runUntil(IceState.COMPLETED);
    assertThat(scene.peer.checks().stream().filter(ScriptedPeer.Check::nominates))
        .singleElement()
        .matches(check -> check.to().equals(THERE));
  }

  @Test
  @Tag("ICE-2950")
  void endOfCandidatesDoesNotEndPatience() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.peer.refuse(scene.peer.awaitCheck(1), 500);
    scene.runMillis(2_000);
    scene.peer.tellEnd();
    scene.runMillis(37_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    scene.runMillis(1_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }
}

package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static dev.frazil.ice.Encounter.errorOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.IntegrityKey;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** ICE restarts (RFC 8445 9). */
class RestartTest {
  private static final String NEXT = "NEXT";
  private static final String NEXT_PASSWORD = "anotherpasswordofthepeer";

  private static AgentPair completedPair(int... components) {
    AgentPair pair = AgentPair.standard().streams(components);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    return pair;
  }

  private static void restart(AgentHarness side, int stream) {
    side.call(now -> side.agent().restart(stream, now));
  }

  private static IceParameters renewed(Encounter scene) {
    scene.peer.credentials(NEXT, NEXT_PASSWORD);
    return scene.peer.parameters();
  }

  @Test
  @Tag("ICE-3600")
  void oneStreamRestartsOnItsSocketsAndTheOtherIsNotTouched() {
    AgentPair pair = completedPair(1, 1);
    List<TransportAddress> bases = pair.left.bases();
    IceParameters first = pair.left.agent().localParameters(0);
    IceParameters second = pair.left.agent().localParameters(1);
    restart(pair.left, 0);
    assertThat(pair.left.agent().generation(0)).isEqualTo(1);
    assertThat(pair.left.agent().localParameters(0).ufrag()).isNotEqualTo(first.ufrag());
    assertThat(pair.left.agent().localParameters(0).password()).isNotEqualTo(first.password());
    assertThat(pair.left.agent().localParameters(1)).isEqualTo(second);
    assertThat(pair.left.agent().generation(1)).isZero();
    assertThat(pair.left.bases()).isEqualTo(bases);
    assertThat(pair.left.agent().statistics().pairs()).hasSize(1); // the other stream's
    List<IceEvent> events = pair.left.events();
    int restarted = events.indexOf(pair.left.events(IceEvent.Restarted.class).get(0));
    assertThat(events.subList(restarted, events.size()))
        .anyMatch(event -> event instanceof IceEvent.CandidateGathered gathered
            && gathered.ufrag().equals(pair.left.agent().localParameters(0).ufrag())
            && gathered.candidate().address().equals(bases.get(0)));
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    assertThat(pair.right.agent().generation(0)).isEqualTo(1);
    assertThat(pair.right.agent().generation(1)).isZero();
  }

  @Test
  @Tag("ICE-3600")
  void allStreamsRestartAtOnce() {
    AgentPair pair = completedPair(2, 1);
    restart(pair.left, 0);
    restart(pair.left, 1);
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    assertThat(pair.right.agent().generation(1)).isEqualTo(1);
  }

  @Test
  @Tag("ICE-3610")
  void changeOfUfragOrPasswordAloneIsAnError() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    IceParameters known = scene.peer.parameters();
    assertThatThrownBy(() ->
            scene.peer.introduce(new IceParameters("NEWU", known.password(), false, 10, null)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("ice-ufrag")
        .hasMessageNotContaining(known.password());
    assertThatThrownBy(() ->
            scene.peer.introduce(new IceParameters(known.ufrag(), NEXT_PASSWORD, false, 10, null)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("ice-pwd")
        .hasMessageNotContaining(NEXT_PASSWORD);
    assertThat(scene.agent.agent().generation(0)).isZero();
    scene.peer.introduce(known); // the same again is nothing new
    assertThat(scene.agent.agent().generation(0)).isZero();
  }

  @Test
  @Tag("ICE-3620")
  void restartOfThePeerFlushesEverythingButTheRole() {
    Encounter scene = new Encounter(Role.CONTROLLING);
    scene.completed();
    scene.peer.tell(scene.peer.host("192.0.2.10", 4000));
    scene
        .fromThere()
        .role(Role.CONTROLLING, -1)
        .send(); // the role is no longer the one of the beginning
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLED);
    scene.peer.introduce(renewed(scene));
    assertThat(scene.agent.agent().generation(0)).isEqualTo(1);
    assertThat(scene.agent.events(IceEvent.Restarted.class)).hasSize(1);
    assertThat(scene.pairs()).isEmpty();
    assertThat(scene.remotes()).isEmpty();
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLED);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE); // data goes on
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
  }

  @Test
  @Tag("ICE-3620")
  @Tag("ICE-3240")
  void dataFlowsWithoutAGapWhileAPairIsFoundAnew() {
    AgentPair pair = completedPair(1);
    List<SendResult> results = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      if (i == 50) {
        restart(pair.left, 0);
      }
      if (i == 100) {
        pair.exchange();
      }
      byte[] payload = {(byte) i};
      pair.left.call(
          now -> results.add(pair.left.agent().send(0, 1, ByteBuffer.wrap(payload), now)));
      pair.time.runFor(Duration.ofMillis(10));
    }
    pair.time.runFor(Duration.ofMillis(100));
    assertThat(results).containsOnly(SendResult.SENT);
    assertThat(pair.right.delivered()).hasSize(200);
    assertThat(pair.left.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(pair.left.agent().role()).isEqualTo(Role.CONTROLLING);
    assertThat(pair.left.events(IceEvent.RoleSwitched.class)).isEmpty();
    assertThat(pair.right.events(IceEvent.RoleSwitched.class)).isEmpty();
  }

  @Test
  @Tag("ICE-3630")
  void destinationOfDataChangesByARestartOnly() {
    Encounter scene = new Encounter(Role.CONTROLLING).completed();
    scene.peer.introduce(); // what is told again, or told late, moves nothing
    scene.peer.tell(scene.peer.host("192.0.2.99", 99));
    scene.runMillis(10_000);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE);
    scene.peer.introduce(renewed(scene));
    scene.peer.tell(scene.peer.host("192.0.2.99", 99));
    scene.peer.tellEnd();
    scene.runMillis(10_000);
    assertThat(scene.agent.agent().path(0, 1).remote().port()).isEqualTo(99);
  }

  @Test
  @Tag("ICE-3630")
  void changeBetweenLiteAndFullTakesARestart() {
    Encounter scene = new Encounter(Role.CONTROLLING).completed();
    IceParameters known = scene.peer.parameters();
    assertThatThrownBy(() -> scene.peer.introduce(
            new IceParameters(known.ufrag(), known.password(), true, null, known.options())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("lite");
    scene.fromThere().role(Role.CONTROLLING, -1).send();
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLED);
    renewed(scene);
    scene.peer.introduce(new IceParameters(NEXT, NEXT_PASSWORD, true, null, known.options()));
    assertThat(scene.agent.agent().generation(0)).isEqualTo(1);
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLING); // RFC 8445 6.1.1
  }

  @Test
  @Tag("ICE-3640")
  void checksOfTheGenerationBeforeAreAnsweredUntilTheNewOneHasItsPairs() {
    Encounter scene = new Encounter(Role.CONTROLLED).completed();
    IceParameters old = scene.agent.agent().localParameters(0);
    IntegrityKey oldKey = IntegrityKey.shortTerm(old.password());
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    assertThat(errorOf(consentOfBefore(scene, old).send())).isZero();
    assertThat(consentOfBefore(scene, old).send().verifyIntegrity(oldKey)).isTrue();
    scene.runMillis(60_000);
    assertThat(errorOf(consentOfBefore(scene, old).send())).isZero();
    assertThat(scene.pairs()).isEmpty(); // answered, and no more than that
    scene.peer.introduce(renewed(scene));
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(100);
    assertThat(errorOf(consentOfBefore(scene, old).send())).isZero();
    scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(errorOf(consentOfBefore(scene, old).send())).isEqualTo(401);
  }

  private static ScriptedPeer.Request consentOfBefore(Encounter scene, IceParameters old) {
    return scene
        .fromThere()
        .role(Role.CONTROLLING, 1)
        .username(old.ufrag() + ":" + ScriptedPeer.UFRAG)
        .key(IntegrityKey.shortTerm(old.password()));
  }

  @Test
  @Tag("ICE-3640")
  void twoRestartsInARowLeaveThePeerOfTheFirstGenerationConnected() {
    Encounter scene = new Encounter(Role.CONTROLLED).completed();
    IceParameters old = scene.agent.agent().localParameters(0);
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    assertThat(scene.agent.agent().generation(0)).isEqualTo(2);
    assertThat(errorOf(consentOfBefore(scene, old).send())).isZero();
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    scene.runMillis(45_000);
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
  }

  @Test
  void hundredRestartsKeepWhatIsRememberedBounded() {
    Encounter scene = new Encounter(Role.CONTROLLED).completed();
    List<IceParameters> generations = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      generations.add(scene.agent.agent().localParameters(0));
      scene.agent.call(now -> scene.agent.agent().restart(0, now));
    }
    assertThat(generations.stream()
            .filter(each -> errorOf(consentOfBefore(scene, each).send()) == 0))
        .hasSizeLessThanOrEqualTo(4);
    assertThat(scene.agent.requests(IceRequest.Open.class)).hasSize(1);
  }

  @Test
  void restartDuringChecksForgetsThemAndTheirAnswers() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    int before = scene.agent.sent().size();
    scene.peer.answer(check);
    scene.runMillis(60_000);
    assertThat(scene.agent.sent()).hasSize(before);
    assertThat(scene.agent.agent().path(0, 1)).isNull();
    assertThat(scene.pairs()).isEmpty();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    scene.peer.introduce(renewed(scene));
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(200);
    assertThat(scene.agent.agent().state()).isNotEqualTo(IceState.FAILED);
    int count = scene.peer.checks().size();
    scene.peer.answer(scene.peer.awaitCheck(count));
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
  }

  @Test
  void restartDuringANominationNominatesInTheNewGenerationOnly() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    scene.peer.answer(scene.peer.awaitCheck(1));
    ScriptedPeer.Check nominating = scene.peer.awaitCheck(2);
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    scene.peer.answer(nominating);
    assertThat(scene.agent.events(IceEvent.PairSelected.class)).isEmpty();
    assertThat(scene.send()).isEqualTo(SendResult.SENT); // the old pair was valid
    renewed(scene);
    scene.peer.answerWhen(check -> true, Duration.ofMillis(20));
    scene.introduced();
    scene.runUntil(IceState.COMPLETED);
    assertThat(scene.agent.events(IceEvent.PairSelected.class)).hasSize(1);
  }

  @Test
  void bothSidesRestartAtOnceAndMeetInOneNewGeneration() {
    AgentPair pair = completedPair(1);
    restart(pair.left, 0);
    restart(pair.right, 0);
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    assertThat(pair.left.agent().generation(0)).isEqualTo(1);
    assertThat(pair.right.agent().generation(0)).isEqualTo(1);
  }

  @Test
  void restartFindsAWayWhenTheOldPathIsDead() {
    AgentPair pair = AgentPair.standard().streams(1);
    pair.left.interfaces("192.0.2.1", "192.0.2.3");
    pair.right.interfaces("192.0.2.2");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    FiveTuple dead = pair.left.agent().path(0, 1);
    pair.passing(path -> !path.equals(dead) && !path.equals(dead.reversed()));
    pair.time.runFor(Duration.ofSeconds(15));
    assertThat(pair.left.agent().state()).isEqualTo(IceState.DISCONNECTED);
    restart(pair.left, 0);
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    assertThat(pair.left.agent().path(0, 1)).isNotEqualTo(dead);
    pair.time.runFor(Duration.ofMinutes(2));
    assertThat(pair.left.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(pair.right.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  void consentOfTheOldPathThatEndsLaterDoesNotTouchTheNewOne() {
    Encounter scene = new Encounter(Role.CONTROLLED).completed();
    scene.peer.introduce(renewed(scene));
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(200);
    scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    scene.time.runFor(Duration.ofMinutes(2));
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.agent.events(IceEvent.ConsentLost.class)).isEmpty();
  }

  @Test
  void restartAfterAFailureBeginsFromScratch() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    scene.runUntil(IceState.FAILED);
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    renewed(scene);
    scene.peer.answerWhen(check -> true, Duration.ofMillis(20));
    scene.introduced();
    scene.runUntil(IceState.COMPLETED);
  }

  @Test
  void parametersOfAGenerationThatIsOverComeTooLate() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    IceParameters old = scene.peer.parameters();
    scene.peer.introduce(renewed(scene));
    assertThat(scene.agent.agent().generation(0)).isEqualTo(1);
    scene.peer.introduce(old);
    assertThat(scene.agent.agent().generation(0)).isEqualTo(1);
    assertThat(scene.dropped(DropReason.CANDIDATE_LATE)).isEqualTo(1);
  }

  @Test
  void roleOptionsAndPaceOfTheNewGenerationAreTheNewOnes() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED).renomination(true));
    scene.introduced();
    renewed(scene);
    scene.peer.introduce(
        new IceParameters(NEXT, NEXT_PASSWORD, false, 100, Set.of("ice2", "trickle")));
    int before = scene.peer.checks().size();
    for (int i = 0; i < 4; i++) {
      scene.peer.tell(scene.peer.host("192.0.2.9", 4000 + i));
    }
    scene.peer.awaitCheck(before + 4);
    List<ScriptedPeer.Check> checks = scene.peer.checks().subList(before, before + 4);
    for (int i = 1; i < 4; i++) {
      assertThat(checks.get(i).time() - checks.get(i - 1).time())
          .isGreaterThanOrEqualTo(Duration.ofMillis(100).toNanos());
    }
  }
}

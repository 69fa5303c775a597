package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static dev.frazil.ice.Encounter.errorOf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.StunMessage;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Concluding ICE (RFC 8445 8.1). */
class NominationTest {
  private static final TransportAddress WORSE = TransportAddress.udp("192.0.2.9", 4001);
  private static final TransportAddress WORST = TransportAddress.udp("192.0.2.9", 4002);

  private static Candidate better(Encounter scene) {
    return scene.peer.host("192.0.2.9", 4000);
  }

  private static Candidate worse(Encounter scene) {
    return scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 1000, 1);
  }

  private static Candidate worst(Encounter scene) {
    return scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4002, 7, 1);
  }

  private static List<ScriptedPeer.Check> nominations(Encounter scene) {
    return scene.peer.checks().stream().filter(ScriptedPeer.Check::nominates).toList();
  }

  private static ScriptedPeer.Request nominating(Encounter scene, TransportAddress from) {
    return scene.from(from).role(Role.CONTROLLING, 1).useCandidate();
  }

  @Test
  @Tag("ICE-3000")
  void checksGoOnUntilEveryBetterPairIsJudgedThenOnePairIsChosenPerComponent() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLING), 2);
    scene.peer.answerWhen(check -> check.to().port() % 2 == 1, Duration.ofMillis(100));
    scene.peer.introduce();
    for (int component = 1; component <= 2; component++) {
      scene.peer.tell(
          scene.peer.candidate(
              CandidateType.HOST, "192.0.2.9", 4000 + 10 * component, 65535, component),
          scene.peer.candidate(
              CandidateType.HOST, "192.0.2.9", 4001 + 10 * component, 900, component),
          scene.peer.candidate(
              CandidateType.HOST, "192.0.2.9", 4003 + 10 * component, 7, component));
    }
    scene.peer.tellEnd();
    scene.runUntil(IceState.COMPLETED);
    assertThat(nominations(scene))
        .extracting(check -> check.to().port())
        .containsExactlyInAnyOrder(4011, 4021);
    // the silent better pair had one and a half round trips; a whole transaction would be 39.5 s
    for (ScriptedPeer.Check nomination : nominations(scene)) {
      TransportAddress silent = nomination.to().withPort(nomination.to().port() - 1);
      long patience = nomination.time() - scene.peer.checksTo(silent).get(0).time();
      assertThat(patience).isGreaterThanOrEqualTo(Duration.ofMillis(150).toNanos());
    }
    assertThat(scene.time.now()).isLessThan(Duration.ofMillis(1_300).toNanos());
  }

  @Test
  @Tag("ICE-3010")
  void nominationRepeatsTheCheckThatMadeThePairValidBeforeOthers() {
    Encounter scene = new Encounter(Role.CONTROLLING);
    scene.peer.introduce();
    scene.peer.tell(better(scene), worse(scene), worst(scene));
    for (int i = 0; i < 30; i++) {
      scene.peer.tell(scene.peer.candidate(CandidateType.HOST, "192.0.2.10", 5000 + i, 6, 1));
    }
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    assertThat(check.to()).isEqualTo(THERE);
    scene.runMillis(60);
    int before = scene.peer.checks().size();
    scene.peer.answer(check, TransportAddress.udp("203.0.113.8", 88));
    ScriptedPeer.Check next = scene.peer.awaitCheck(before + 1);
    assertThat(next.nominates()).isTrue();
    assertThat(next.path()).isEqualTo(check.path());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  @Tag("ICE-3020")
  void eachComponentGetsOneNominatedPairOnBothSides(int components) {
    AgentPair pair = AgentPair.standard().streams(components, 1);
    pair.left.interfaces("192.0.2.1", "192.0.2.3", "2001:db8::1");
    pair.right.interfaces("192.0.2.2", "2001:db8::2");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(10))).isTrue();
    for (AgentHarness side : List.of(pair.left, pair.right)) {
      List<IceStatistics.PairStatistics> pairs = side.agent().statistics().pairs();
      assertThat(pairs).hasSize(components + 1).allMatch(IceStatistics.PairStatistics::nominated);
      assertThat(side.events(IceEvent.PairSelected.class)).hasSize(components + 1);
    }
    assertThat(pair.left.transactions().stream()
            .filter(sent -> sent.message().has(AttributeType.USE_CANDIDATE)))
        .hasSize(components + 1);
    assertThat(pair.right.transactions())
        .noneMatch(sent -> sent.message().has(AttributeType.USE_CANDIDATE));
  }

  @Test
  @Tag("ICE-3030")
  void afterSuccessNothingElseIsNominatedHoweverGood() {
    Encounter scene = new Encounter(Role.CONTROLLING).answering();
    scene.peer.introduce();
    scene.peer.tell(worse(scene));
    scene.runUntil(IceState.COMPLETED);
    scene.peer.tell(better(scene));
    scene.from(WORST).priority(Integer.MAX_VALUE).send();
    scene.runMillis(60_000);
    assertThat(nominations(scene)).hasSize(1);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(WORSE);
    assertThat(scene.agent.events(IceEvent.PairSelected.class)).hasSize(1);
  }

  /** Both may have come to it in the wrong order: the first by a relay over a slow stream. */
  @Test
  void peerThatChecksAPairWhoseNominationWasGivenUpIsToldAgainWhichHolds() {
    Encounter scene = new Encounter(Role.CONTROLLING);
    scene.peer.answerWhen(
        check -> !check.nominates() || !check.to().equals(THERE), Duration.ofMillis(20));
    scene.peer.introduce();
    scene.peer.tell(better(scene), worse(scene));
    scene.runUntil(IceState.COMPLETED);
    assertThat(nominations(scene)).extracting(ScriptedPeer.Check::to).containsOnly(THERE, WORSE);
    int before = nominations(scene).size();
    scene.from(WORSE).send();
    scene.runMillis(1_000);
    assertThat(nominations(scene)).hasSize(before);
    scene.fromThere().send();
    scene.runMillis(1_000);
    assertThat(nominations(scene)).hasSize(before + 1);
    assertThat(nominations(scene).get(before).to()).isEqualTo(WORSE);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(WORSE);
  }

  @Test
  @Tag("ICE-3030")
  void lostSelectedPairIsNotReplacedByAnotherNomination() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLING), 2);
    scene.peer.answerWhen(check -> check.to().port() < 4100, Duration.ofMillis(20));
    scene.peer.introduce();
    scene.peer.tell(
        better(scene),
        worse(scene),
        scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4100, 65535, 2));
    scene.runMillis(1_000);
    assertThat(nominations(scene)).hasSize(1);
    ScriptedPeer.Check consent =
        scene.peer.awaitCheck(scene.peer.checksTo(THERE).size() + 4);
    assertThat(consent.to()).isEqualTo(THERE);
    scene.peer.refuse(consent, 403);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
    scene.from(WORSE).send();
    scene.runMillis(60_000);
    assertThat(nominations(scene)).hasSize(1);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  @Test
  void nominatingCheckThatStaysUnansweredGivesWayToAnotherValidPair() {
    Encounter scene = new Encounter(Role.CONTROLLING);
    scene.peer.answerWhen(
        check -> !(check.nominates() && check.to().equals(THERE)), Duration.ofMillis(20));
    scene.peer.introduce();
    scene.peer.tell(better(scene), worse(scene));
    scene.peer.tellEnd();
    scene.runMillis(1_000);
    assertThat(nominations(scene)).hasSize(1);
    scene.runUntil(IceState.COMPLETED);
    assertThat(scene.time.now()).isLessThan(Duration.ofSeconds(6).toNanos());
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(WORSE);
    scene.peer.answer(nominations(scene).get(0)); // late: too late
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(WORSE);
    assertThat(scene.agent.events(IceEvent.PairSelected.class)).hasSize(1);
  }

  // peers of RFC 5245

  private static Encounter withAggressivePeer() {
    Encounter scene = new Encounter(Role.CONTROLLED).answering();
    IceParameters plain = scene.peer.parameters();
    scene.peer.introduce(
        new IceParameters(plain.ufrag(), plain.password(), false, 10, Set.of("trickle")));
    return scene;
  }

  @Test
  @Tag("ICE-3040")
  void ofSeveralPairsThatAnAggressivePeerNominatesTheBestIsUsed() {
    Encounter scene = withAggressivePeer();
    scene.peer.tell(better(scene), worse(scene), worst(scene));
    nominating(scene, WORSE).send();
    scene.runMillis(50);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(WORSE);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    nominating(scene, WORST).send();
    scene.runMillis(200);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(WORSE);
    nominating(scene, THERE).send();
    scene.runMillis(200);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE);
    nominating(scene, WORSE).send();
    nominating(scene, WORST).send();
    scene.runMillis(1_000);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.agent.events(IceEvent.PairSelected.class)).hasSize(2);
    assertThat(scene.pairs().stream().filter(IceStatistics.PairStatistics::nominated))
        .hasSize(1);
  }

  @Test
  @Tag("ICE-3040")
  void aggressiveNominationsInAnyOrderEndOnTheBestPair() {
    List<TransportAddress> all = List.of(THERE, WORSE, WORST);
    for (int order = 0; order < 6; order++) {
      Encounter scene = withAggressivePeer();
      scene.peer.tell(better(scene), worse(scene), worst(scene));
      int first = order / 2;
      int second = (first + 1 + order % 2) % 3;
      for (int index : new int[] {first, second, 3 - first - second}) {
        nominating(scene, all.get(index)).send();
        scene.runMillis(order % 2 == 0 ? 3 : 90);
      }
      scene.runMillis(500);
      assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE);
      assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    }
  }

  @Test
  @Tag("ICE-3040")
  void peerOfRfc8445NominatesAgainOnlyBecauseItsFirstAttemptFailed() {
    Encounter scene = new Encounter(Role.CONTROLLED).answering();
    scene.peer.introduce();
    scene.peer.tell(better(scene), worse(scene));
    scene.runMillis(100);
    nominating(scene, THERE).send();
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE);
    nominating(scene, WORSE).send();
    scene.runMillis(100);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(WORSE);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  // 8.1.2

  @Test
  @Tag("ICE-3050")
  void nominationEndsEverythingElseForTheComponent() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED), 2);
    scene.peer.answerWhen(check -> check.to().equals(THERE), Duration.ofMillis(20));
    scene.peer.introduce();
    scene.peer.tell(better(scene), worse(scene));
    scene.peer.tell(scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4100, 65535, 2));
    scene.runMillis(100);
    assertThat(scene.stateOf(WORSE)).isEqualTo(PairState.IN_PROGRESS);
    scene.from(WORST).role(Role.CONTROLLING, 1).send(); // waits in the queue
    nominating(scene, THERE).send();
    int before = scene.agent.sent().size();
    assertThat(scene.pairs())
        .extracting(pair -> pair.remote().address().port())
        .containsExactlyInAnyOrder(4000, 4100);
    scene.runMillis(45_000);
    assertThat(scene.agent.sent().subList(before, scene.agent.sent().size()))
        .noneMatch(
            sent -> sent.path().remote().equals(WORSE) || sent.path().remote().equals(WORST));
    assertThat(scene.agent.sent().subList(before, scene.agent.sent().size()))
        .anyMatch(sent -> sent.path().remote().port() == 4100); // the other component goes on
  }

  @Test
  @Tag("ICE-3060")
  void listThenSessionCompleteWhenEveryComponentIsNominated() {
    AgentPair pair = AgentPair.standard().streams(2, 1);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(10))).isTrue();
    for (AgentHarness side : List.of(pair.left, pair.right)) {
      List<String> order = side.events().stream()
          .map(event -> event instanceof IceEvent.PairSelected selected
              ? "selected " + selected.stream() + "/" + selected.component()
              : event instanceof IceEvent.StateChanged changed ? changed.state().toString() : "")
          .filter(text -> !text.isEmpty())
          .toList();
      assertThat(order).endsWith("COMPLETED").contains("CONNECTED");
      assertThat(order.subList(0, order.size() - 1))
          .containsOnlyOnce("selected 0/1", "selected 0/2", "selected 1/1");
    }
  }

  @Test
  @Tag("ICE-3070")
  void checksAreAnsweredAfterTheNomination() {
    Encounter scene = new Encounter(Role.CONTROLLED).completed();
    int events = scene.agent.events().size();
    assertThat(errorOf(scene.fromThere().role(Role.CONTROLLING, 1).send())).isZero();
    StunMessage late = scene.from(WORSE).role(Role.CONTROLLING, 1).send();
    assertThat(errorOf(late)).isZero();
    assertThat(late.get(AttributeType.XOR_MAPPED_ADDRESS)).isEqualTo(WORSE);
    scene.runMillis(1_000);
    assertThat(scene.peer.checksTo(WORSE)).isEmpty();
    assertThat(scene.agent.events()).hasSize(events);
    scene.time.runFor(Duration.ofMinutes(10));
    assertThat(errorOf(scene.fromThere().role(Role.CONTROLLING, 1).send())).isZero();
  }

  @Test
  @Tag("ICE-3080")
  void failureOfOneStreamNamesItAndTheOthersGoOn() {
    AgentPair pair = AgentPair.standard().streams(1, 1);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    TransportAddress dead = pair.right.bases().get(1);
    TransportAddress deaf = pair.left.bases().get(1);
    pair.passing(path -> !path.remote().equals(dead) && !path.remote().equals(deaf));
    pair.exchange();
    pair.time.runFor(Duration.ofMinutes(2));
    for (AgentHarness side : List.of(pair.left, pair.right)) {
      assertThat(side.events(IceEvent.StreamFailed.class))
          .singleElement()
          .matches(event -> event.stream() == 1 && !event.reason().isEmpty());
      assertThat(side.agent().state()).isEqualTo(IceState.CONNECTED);
      assertThat(side.agent().path(0, 1)).isNotNull();
      assertThat(side.agent().path(1, 1)).isNull();
    }
  }

  @Test
  @Tag("ICE-3080")
  void failureOfAllStreamsFailsTheSessionWithAReason() {
    AgentPair pair = AgentPair.standard().streams(1, 1);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    pair.passing(path -> false);
    pair.exchange();
    pair.time.runFor(Duration.ofMinutes(2));
    for (AgentHarness side : List.of(pair.left, pair.right)) {
      assertThat(side.agent().state()).isEqualTo(IceState.FAILED);
      assertThat(side.events(IceEvent.StreamFailed.class)).hasSize(2);
      List<IceEvent.StateChanged> changes = side.events(IceEvent.StateChanged.class);
      assertThat(changes.get(changes.size() - 1).reason()).isNotEmpty();
      assertThat(changes.stream().filter(change -> change.state() == IceState.FAILED))
          .hasSize(1);
    }
  }
}

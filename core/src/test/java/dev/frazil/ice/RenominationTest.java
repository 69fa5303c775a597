package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Nominating more than once (draft-thatcher-ice-renomination). */
class RenominationTest {
  private static final TransportAddress WORSE = TransportAddress.udp("192.0.2.9", 4001);
  private static final Set<String> OPTIONS = Set.of("ice2", "trickle", "renomination");

  private static Encounter agreed(Role role) {
    Encounter scene = new Encounter(AgentHarness.settings(role).renomination(true));
    introduce(scene);
    return scene;
  }

  private static void introduce(Encounter scene) {
    IceParameters plain = scene.peer.parameters();
    scene.peer.introduce(new IceParameters(plain.ufrag(), plain.password(), false, 10, OPTIONS));
  }

  private static Candidate worse(Encounter scene) {
    return scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 1);
  }

  private static List<ScriptedPeer.Check> nominations(Encounter scene) {
    return scene.peer.checks().stream().filter(ScriptedPeer.Check::nominates).toList();
  }

  private static List<Integer> values(Encounter scene) {
    return nominations(scene).stream()
        .map(check -> check.message().intValue(AttributeType.NOMINATION, -1))
        .toList();
  }

  private static void nominate(AgentHarness agent, TransportAddress remote) {
    long id = agent.agent().statistics().pairs().stream()
        .filter(pair -> pair.remote().address().equals(remote))
        .findFirst()
        .orElseThrow()
        .id();
    agent.call(now -> agent.agent().nominate(0, id, now));
  }

  private static ScriptedPeer.Request nominating(
      Encounter scene, TransportAddress from, int value) {
    ScriptedPeer.Request request = scene.from(from).role(Role.CONTROLLING, 1).useCandidate();
    return value == 0
        ? request
        : request.with(builder -> builder.put(AttributeType.NOMINATION, value));
  }

  private static TransportAddress selected(Encounter scene) {
    return Objects.requireNonNull(scene.agent.agent().path(0, 1)).remote();
  }

  // controlling

  @Test
  @Tag("ICE-3900")
  @Tag("ICE-3920")
  void controllingAgentMovesToAndFroAsTheApplicationSays() {
    Encounter scene = agreed(Role.CONTROLLING).answering();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), worse(scene));
    scene.runUntil(IceState.COMPLETED);
    assertThat(selected(scene)).isEqualTo(THERE);
    TransportAddress[] wishes = {WORSE, THERE, WORSE};
    for (TransportAddress wish : wishes) {
      nominate(scene.agent, wish);
      scene.runMillis(200);
      assertThat(selected(scene)).isEqualTo(wish);
      scene.runMillis(60_000); // and it stays so, however much better the other is
      assertThat(selected(scene)).isEqualTo(wish);
    }
    assertThat(values(scene)).containsExactly(1, 2, 3, 4);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.agent.events(IceEvent.PairSelected.class)).hasSize(4);
  }

  @Test
  @Tag("ICE-3900")
  void betterPairThatComesLaterIsNominatedOfItself() {
    Encounter scene = agreed(Role.CONTROLLING).answering();
    scene.peer.tell(worse(scene));
    scene.runUntil(IceState.COMPLETED);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(500);
    assertThat(selected(scene)).isEqualTo(THERE);
    assertThat(values(scene)).containsExactly(1, 2);
  }

  @Test
  @Tag("ICE-3910")
  void withoutThePeersAgreementThereIsOneNominationWithoutAValue() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLING).renomination(true)).answering();
    scene.peer.introduce();
    scene.peer.tell(worse(scene));
    scene.runUntil(IceState.COMPLETED);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.from(THERE).send();
    scene.runMillis(30_000);
    assertThat(nominations(scene)).hasSize(1);
    assertThat(nominations(scene).get(0).message().has(AttributeType.NOMINATION))
        .isFalse();
    long id = scene.pairs().get(0).id();
    assertThatThrownBy(() -> scene.agent.agent().nominate(0, id, scene.time.now()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("renomination");
  }

  @Test
  @Tag("ICE-3910")
  void withoutOurOwnOfferThePeersIsOfNoUse() {
    Encounter scene = new Encounter(Role.CONTROLLING).answering();
    assertThat(scene.agent.agent().localParameters(0).has("renomination")).isFalse();
    introduce(scene);
    scene.peer.tell(worse(scene));
    scene.runUntil(IceState.COMPLETED);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(30_000);
    assertThat(nominations(scene)).hasSize(1);
  }

  @Test
  @Tag("ICE-3920")
  void nominationIsRepeatedWithItsValueUntilItIsAnswered() {
    Encounter scene = agreed(Role.CONTROLLING);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.peer.answer(scene.peer.awaitCheck(1));
    ScriptedPeer.Check nominating = scene.peer.awaitCheck(2);
    scene.runMillis(4_000);
    List<AgentHarness.Sent> sends = scene.agent.sent().stream()
        .filter(AgentHarness.Sent::isBindingRequest)
        .filter(
            sent -> sent.message().transactionId().equals(nominating.message().transactionId()))
        .toList();
    assertThat(sends).hasSize(4);
    assertThat(sends).allMatch(sent -> sent.message().get(AttributeType.NOMINATION) == 1);
    scene.peer.answer(nominating);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-3920")
  void answersInTheWrongOrderLeaveTheLastNominationInForce() {
    Encounter scene = agreed(Role.CONTROLLING);
    TransportAddress third = TransportAddress.udp("192.0.2.9", 4002);
    boolean[] held = new boolean[1];
    scene.peer.onCheck(check -> {
      if (!(held[0] && check.nominates())) {
        scene.time.after(Duration.ofMillis(20), () -> scene.peer.answer(check));
      }
    });
    for (Candidate each : new Candidate[] {
      scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4002, 6, 1),
      worse(scene),
      scene.peer.host("192.0.2.9", 4000)
    }) { // each is better than the one before, and so is nominated
      scene.peer.tell(each);
      scene.runMillis(200);
    }
    held[0] = true;
    nominate(scene.agent, WORSE);
    scene.runMillis(30);
    nominate(scene.agent, third);
    scene.runMillis(30);
    assertThat(values(scene)).containsExactly(1, 2, 3, 4, 5);
    scene.peer.answer(nominations(scene).get(4));
    scene.peer.answer(nominations(scene).get(3));
    assertThat(selected(scene)).isEqualTo(third);
  }

  @Test
  @Tag("ICE-3920")
  void afterANominationInDoubtThePairInUseIsNominatedAgain() {
    Encounter scene = agreed(Role.CONTROLLING);
    scene.peer.answerWhen(
        check -> !(check.nominates() && check.to().equals(WORSE)), Duration.ofMillis(20));
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), worse(scene));
    scene.runUntil(IceState.COMPLETED);
    scene.runMillis(200);
    nominate(scene.agent, WORSE); // perhaps the peer follows, and its answers are lost
    scene.runMillis(10_000);
    assertThat(selected(scene)).isEqualTo(THERE);
    assertThat(nominations(scene))
        .extracting(ScriptedPeer.Check::to)
        .containsExactly(THERE, WORSE, THERE);
    assertThat(values(scene)).containsExactly(1, 2, 3);
  }

  @Test
  @Tag("ICE-3900")
  void lostPairIsReplacedByAnotherNomination() {
    Encounter scene = agreed(Role.CONTROLLING).answering();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), worse(scene));
    scene.runUntil(IceState.COMPLETED);
    scene.runMillis(200);
    int before = scene.peer.checks().size();
    scene.peer.refuse(scene.peer.awaitCheck(before + 1), 403);
    scene.runMillis(500);
    assertThat(selected(scene)).isEqualTo(WORSE);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.agent.events(IceEvent.StreamFailed.class)).isEmpty();
  }

  // controlled

  @Test
  @Tag("ICE-3900")
  void controlledAgentFollowsTheLastNomination() {
    Encounter scene = agreed(Role.CONTROLLED).answering();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), worse(scene));
    scene.runMillis(500);
    for (TransportAddress each : new TransportAddress[] {THERE, WORSE, THERE, WORSE}) {
      nominating(scene, each, 0).send();
      scene.runMillis(100);
      assertThat(selected(scene)).isEqualTo(each);
      scene.runMillis(40_000); // long enough for the other pair's consent to lapse
    }
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-3930")
  void largestValueWinsInWhateverOrderNominationsCome() {
    Encounter scene = agreed(Role.CONTROLLED).answering();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), worse(scene));
    scene.runMillis(500);
    nominating(scene, WORSE, 5).send();
    assertThat(selected(scene)).isEqualTo(WORSE);
    nominating(scene, THERE, 4).send();
    assertThat(selected(scene)).isEqualTo(WORSE);
    nominating(scene, THERE, 0).send(); // a value beats none
    assertThat(selected(scene)).isEqualTo(WORSE);
    nominating(scene, THERE, 6).send();
    assertThat(selected(scene)).isEqualTo(THERE);
    nominating(scene, WORSE, 0xFF000007).send(); // 24 bits count
    assertThat(selected(scene)).isEqualTo(WORSE);
    nominating(scene, THERE, 6).send();
    assertThat(selected(scene)).isEqualTo(WORSE);
  }

  @Test
  @Tag("ICE-3930")
  void valueBeatsAPlainNominationOfBeforeAndAfter() {
    Encounter scene = agreed(Role.CONTROLLED).answering();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), worse(scene));
    scene.runMillis(500);
    nominating(scene, THERE, 0).send();
    nominating(scene, WORSE, 1).send();
    assertThat(selected(scene)).isEqualTo(WORSE);
    nominating(scene, THERE, 0).send();
    assertThat(selected(scene)).isEqualTo(WORSE);
  }

  /** libwebrtc sends the value without USE-CANDIDATE once renomination is agreed. */
  @Test
  @Tag("ICE-3930")
  void valueAloneNominatesWhereRenominationIsAgreed() {
    for (boolean agreed : new boolean[] {true, false}) {
      Encounter scene = agreed ? agreed(Role.CONTROLLED) : new Encounter(Role.CONTROLLED);
      scene.answering();
      if (!agreed) {
        scene.peer.introduce();
      }
      scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
      scene.runMillis(500);
      scene
          .fromThere()
          .role(Role.CONTROLLING, 1)
          .with(builder -> builder.put(AttributeType.NOMINATION, 1))
          .send();
      scene.runMillis(100);
      assertThat(scene.agent.agent().state())
          .isEqualTo(agreed ? IceState.COMPLETED : IceState.CONNECTED);
    }
  }

  @Test
  @Tag("ICE-3900")
  @Tag("ICE-3930")
  void twoAgentsMoveTogether() {
    AgentPair pair = new AgentPair(
            AgentHarness.settings(Role.CONTROLLING).renomination(true).build(),
            AgentHarness.settings(Role.CONTROLLED).renomination(true).build(),
            Duration.ofMillis(30))
        .streams(1);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2", "192.0.2.4");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    pair.time.runFor(Duration.ofSeconds(1));
    for (int i = 0; i < 4; i++) {
      FiveTuple before = pair.left.agent().path(0, 1);
      TransportAddress other = pair.right.bases().stream()
          .filter(base -> !base.equals(before.remote()))
          .findFirst()
          .orElseThrow();
      nominate(pair.left, other);
      pair.time.runFor(Duration.ofSeconds(i == 2 ? 90 : 1));
      assertThat(pair.left.agent().path(0, 1).remote()).isEqualTo(other);
      assertThat(pair.right.agent().path(0, 1))
          .isEqualTo(pair.left.agent().path(0, 1).reversed());
    }
  }
}

package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What is checked again while nothing is selected, since NATs may have forgotten what was so. */
class RechecksTest {
  private static final TransportAddress ELSEWHERE = TransportAddress.udp("198.51.100.7", 700);

  private static Encounter controlled() {
    return new Encounter(AgentHarness.settings(Role.CONTROLLED), 1, "192.0.2.1");
  }

  private static void answerFromElsewhere(ScriptedPeer peer, ScriptedPeer.Check check) {
    peer.respond(
        check,
        new FiveTuple(check.path().local(), ELSEWHERE),
        builder -> builder.put(AttributeType.XOR_MAPPED_ADDRESS, check.path().local()));
  }

  @Test
  void pairThatWasAnsweredFromElsewhereIsCheckedAgainWhilePatienceLasts() {
    Encounter scene = controlled();
    scene.peer.introduce();
    scene.peer.onCheck(check ->
        scene.time.after(Duration.ofMillis(20), () -> answerFromElsewhere(scene.peer, check)));
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(60_000);
    assertThat(scene.peer.checksTo(THERE)).hasSize(1 + 7); // every 5 s for 39.5 s
  }

  @Test
  void pairThatWasAnsweredFromElsewhereMayWorkLater() {
    Encounter scene = controlled();
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    answerFromElsewhere(scene.peer, scene.peer.awaitCheck(1));
    assertThat(scene.pairTo(THERE).state()).isEqualTo(PairState.FAILED);
    scene.peer.answer(scene.peer.awaitCheck(2));
    assertThat(scene.pairTo(THERE).state()).isEqualTo(PairState.SUCCEEDED);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CONNECTED);
  }

  @Test
  void pairThatWasAnsweredFromElsewhereRestsWhileAnotherIsValid() {
    Encounter scene = controlled();
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), scene.peer.host("192.0.2.10", 4000));
    answerFromElsewhere(scene.peer, scene.peer.awaitCheck(1));
    TransportAddress other = scene.peer.awaitCheck(2).to();
    scene.peer.answer(scene.peer.lastCheck());
    scene.peer.answerWhen(check -> check.to().equals(other), Duration.ofMillis(20));
    scene.runMillis(30_000);
    assertThat(scene.peer.checksTo(THERE)).hasSize(1);
  }

  @Test
  void pairThatNobodyAnsweredIsNotCheckedAgain() {
    Encounter scene = controlled();
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(120_000);
    assertThat(scene.peer.checks()).hasSize(1);
  }

  /** A NAT in between may have rebooted since; the path that carries data has consent checks. */
  @Test
  void validPairThatCarriesNothingIsCheckedAgainUntilOneIsSelected() {
    Encounter scene = controlled();
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), scene.peer.host("192.0.2.10", 4000));
    scene.peer.answerWhen(check -> true, Duration.ofMillis(20));
    scene.runMillis(17_000);
    List<ScriptedPeer.Check> spare = scene.peer.checksTo(TransportAddress.udp("192.0.2.10", 4000));
    assertThat(spare).hasSize(1 + 3);
    scene.from(THERE).role(Role.CONTROLLING, 1).useCandidate().send();
    scene.runMillis(17_000);
    assertThat(scene.peer.checksTo(TransportAddress.udp("192.0.2.10", 4000))).hasSize(4);
  }

  @Test
  void pairWhoseNominationWasGivenUpIsCheckedAgainWhileThatOfAnotherHasNoAnswer() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLING));
    scene.peer.introduce();
    scene.peer.answerWhen(check -> !check.nominates(), Duration.ofMillis(20));
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.peer.tell(scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 1));
    scene.runMillis(4_000);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
    int before = scene.peer.checksTo(THERE).size();
    scene.runMillis(8_000);
    assertThat(scene.peer.checksTo(THERE)).hasSizeGreaterThan(before);
  }

  /** With renomination, the peer sees another pair then, and would go on with the one it knew. */
  @Test
  void selectedPairToWhichANatGaveAnotherAddressIsNominatedAgain() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLING).renomination(true));
    TransportAddress[] mapped = new TransportAddress[1];
    scene.peer.onCheck(check -> scene.time.after(
        Duration.ofMillis(20),
        () -> scene.peer.answer(check, mapped[0] == null ? check.path().local() : mapped[0])));
    scene.peer.introduce(new IceParameters(
        ScriptedPeer.UFRAG,
        ScriptedPeer.PASSWORD,
        false,
        10,
        Set.of("ice2", "trickle", "renomination")));
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.peer.tellEnd();
    scene.runUntil(IceState.COMPLETED);
    long nominations =
        scene.peer.checks().stream().filter(ScriptedPeer.Check::nominates).count();
    scene.runMillis(10_000);
    assertThat(scene.peer.checks().stream().filter(ScriptedPeer.Check::nominates))
        .hasSize((int) nominations);
    mapped[0] = ELSEWHERE;
    scene.runMillis(20_000);
    assertThat(scene.peer.checks().stream().filter(ScriptedPeer.Check::nominates))
        .hasSize((int) nominations + 1);
  }

  // what else the random worlds of the campaign taught

  /** The new address has no socket in this generation: the way through the NAT64 is still the only one. */
  @Test
  @Tag("ICE-0540")
  void hostThatGetsAnIpv4AddressGoesOnThroughItsNat64() {
    AgentHarness agent = new AgentHarness(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLED).build());
    agent.name("ipv4only.arpa", "64:ff9b::192.0.0.170");
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("2001:db8::1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    agent.interfaces("2001:db8::1", "192.0.2.1");
    peer.tell(peer.host("198.51.100.9", 4000));
    assertThat(agent.agent().statistics().pairs())
        .anyMatch(pair -> pair.local().address().ip().isIpv6());
  }

  /** Else the peer would nominate what this agent knows nothing of. */
  @Test
  @Tag("ICE-1570")
  void checkWhosePairHasNoRoomIsNotAnswered() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLED).maxPairs(2), 1, "192.0.2.1");
    scene.peer.introduce();
    for (int host = 10; host < 12; host++) {
      TransportAddress from = TransportAddress.udp("198.51.100." + host, 4000);
      assertThat(scene.from(from).role(Role.CONTROLLING, 1).useCandidate().send() == null)
          .isEqualTo(host != 10);
    }
    assertThat(scene.agent.agent().statistics().dropped()).containsEntry(DropReason.TABLE_FULL, 1L);
  }

  /** Two NATs that give each destination a port of its own and let everybody in would go on for ever. */
  @Test
  @Tag("ICE-1570")
  void hostThatChecksFromEverNewPortsLeavesRoomForOthers() {
    Encounter scene = controlled();
    scene.peer.introduce();
    int answered = 0;
    for (int port = 4000; port < 4100; port++) {
      boolean answer = scene
              .from(TransportAddress.udp("198.51.100.9", port))
              .role(Role.CONTROLLING, 1)
              .send()
          != null;
      answered += answer ? 1 : 0;
    }
    assertThat(answered).isEqualTo(12);
    assertThat(scene.from(ELSEWHERE).role(Role.CONTROLLING, 1).send()).isNotNull();
  }

  /** A learnt pair that turns out worse than the best valid one holds its nomination back no longer. */
  @Test
  @Tag("ICE-1790")
  void candidateToldAsWorseThanLearntLetsTheValidPairBeNominatedInItsTurn() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLING), 1, "192.0.2.1", "192.0.2.2");
    scene.peer.introduce();
    scene.peer.answerWhen(check -> check.to().equals(THERE), Duration.ofMillis(100));
    scene.peer.tell(candidate(scene, THERE, 65535));
    scene.runMillis(50);
    scene.from(ELSEWHERE).send();
    scene.runMillis(61);
    assertThat(scene.peer.checks()).noneMatch(ScriptedPeer.Check::nominates);
    scene.peer.tell(candidate(scene, ELSEWHERE, 1));
    scene.runMillis(11);
    assertThat(scene.peer.checks()).anyMatch(ScriptedPeer.Check::nominates);
    List<AgentHarness.Sent> starts = scene.agent.transactions();
    assertThat(starts).hasSizeGreaterThan(4);
    for (int i = 1; i < starts.size(); i++) {
      assertThat(starts.get(i).time() - starts.get(i - 1).time())
          .isGreaterThanOrEqualTo(10_000_000L);
    }
  }

  private static Candidate candidate(Encounter scene, TransportAddress address, int preference) {
    return scene.peer.candidate(
        CandidateType.SERVER_REFLEXIVE, address.ip().toString(), address.port(), preference, 1);
  }
}

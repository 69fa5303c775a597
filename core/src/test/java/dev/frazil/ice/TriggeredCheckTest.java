package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a check of the peer sets off: candidates, pairs, checks, nominations (RFC 8445 7.3.1.3 to 7.3.1.5). */
class TriggeredCheckTest {
  private static final TransportAddress ELSEWHERE = TransportAddress.udp("198.51.100.7", 700);

  private static Encounter controlled(String... addresses) {
    return new Encounter(AgentHarness.settings(Role.CONTROLLED), 1, addresses);
  }

  private static ScriptedPeer.Request nominating(Encounter scene, TransportAddress from) {
    return scene.from(from).role(Role.CONTROLLING, 1).useCandidate();
  }

  // 7.3.1.3

  @Test
  @Tag("ICE-2410")
  void unknownSourceBecomesAPeerReflexiveCandidateWithOnePair() {
    Encounter scene = controlled("192.0.2.1", "192.0.2.2");
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    int pairs = scene.pairs().size();
    scene.from(ELSEWHERE).role(Role.CONTROLLING, 1).priority(12345).send();
    List<IceStatistics.CandidateStatistics> remotes =
        scene.agent.agent().statistics().remoteCandidates();
    assertThat(remotes).hasSize(2);
    Candidate learnt = remotes.get(1).candidate();
    assertThat(learnt.type()).isEqualTo(CandidateType.PEER_REFLEXIVE);
    assertThat(learnt.address()).isEqualTo(ELSEWHERE);
    assertThat(learnt.priority()).isEqualTo(12345);
    assertThat(learnt.component()).isEqualTo(1);
    assertThat(learnt.foundation()).isNotEqualTo(remotes.get(0).candidate().foundation());
    assertThat(scene.pairs()).hasSize(pairs + 1);
    scene.runMillis(1000);
    assertThat(scene.peer.checksTo(ELSEWHERE))
        .allMatch(check -> check.path().local().equals(scene.agent.bases().get(0)));
  }

  @Test
  @Tag("ICE-2410")
  void foundationsOfLearntCandidatesAreUnlikeAnyOther() {
    Encounter scene = controlled("192.0.2.1");
    scene.peer.introduce();
    for (int i = 0; i < 3; i++) { // told under the names that would come next
      TransportAddress told = TransportAddress.udp("192.0.2.9", 4000 + i);
      scene.peer.tell(
          new Candidate("prflx" + (i + 3), 1, 1000 + i, told, CandidateType.HOST, null, Map.of()));
    }
    for (int i = 0; i < 5; i++) {
      scene
          .from(TransportAddress.udp("192.0.2.7", 5000 + i))
          .role(Role.CONTROLLING, 1)
          .send();
    }
    assertThat(scene.agent.agent().statistics().remoteCandidates())
        .extracting(each -> each.candidate().foundation())
        .hasSize(8)
        .doesNotHaveDuplicates();
  }

  @Test
  @Tag("ICE-2410")
  void learntCandidateBelongsToTheComponentOfTheSocket() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED), 2);
    scene.peer.introduce();
    scene
        .peer
        .request(ELSEWHERE, scene.agent.bases().get(1))
        .role(Role.CONTROLLING, 1)
        .send();
    assertThat(scene.pairTo(ELSEWHERE).component()).isEqualTo(2);
    scene
        .from(ELSEWHERE)
        .role(Role.CONTROLLING, 1)
        .send(); // one address for both, as with rtcp-mux
    assertThat(scene.pairs())
        .extracting(IceStatistics.PairStatistics::component)
        .containsExactlyInAnyOrder(1, 2);
    assertThat(scene.remotes()).hasSize(2);
  }

  @Test
  @Tag("ICE-2420")
  @Tag("SIG-0210")
  void candidateToldLaterTakesOverWhatWasLearnt() {
    Encounter scene = controlled("192.0.2.1");
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000)); // its pair is first
    scene.from(ELSEWHERE).role(Role.CONTROLLING, 1).priority(5).send();
    assertThat(scene.pairs().get(1).remote().address()).isEqualTo(ELSEWHERE);
    Candidate told = scene.peer.candidate(
        CandidateType.SERVER_REFLEXIVE, ELSEWHERE.ip().toString(), ELSEWHERE.port(), 65535, 1);
    Candidate better = new Candidate(
        told.foundation(), 1, Integer.MAX_VALUE, ELSEWHERE, told.type(), null, told.extensions());
    scene.peer.tell(better);
    assertThat(scene.remotes())
        .containsExactly(
            new Encounter.RemoteSummary(CandidateType.HOST, THERE),
            new Encounter.RemoteSummary(CandidateType.SERVER_REFLEXIVE, ELSEWHERE));
    assertThat(scene.pairs()).hasSize(2);
    assertThat(scene.pairTo(ELSEWHERE).remote()).isEqualTo(better);
    assertThat(scene.pairs().get(0).remote()).isEqualTo(better); // sorted anew
    scene.peer.tell(told); // what was told once stays
    assertThat(scene.pairTo(ELSEWHERE).remote()).isEqualTo(better);
  }

  @Test
  @Tag("SIG-0210")
  void learntAndToldAddressOfOnePathBehindNat64AreOnePair() {
    AgentHarness agent = new AgentHarness(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLED).build());
    agent.name("ipv4only.arpa", "64:ff9b::192.0.0.170");
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("2001:db8::1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    TransportAddress seen = TransportAddress.udp("64:ff9b::192.0.2.9", 4000);
    peer.request(seen, agent.base()).role(Role.CONTROLLING, 1).priority(5).send();
    Candidate told = peer.host("192.0.2.9", 4000);
    peer.tell(told);
    IceStatistics statistics = agent.agent().statistics();
    assertThat(statistics.pairs()).hasSize(1);
    assertThat(statistics.pairs().get(0).remote()).isEqualTo(told);
    assertThat(statistics.remoteCandidates()).hasSize(1);
  }

  @Test
  @Tag("ICE-2420")
  void candidateToldAfterItWasLearntIsPairedWithAllOtherBases() {
    Encounter scene = controlled("192.0.2.1", "192.0.2.2");
    scene.peer.introduce();
    scene.from(THERE).role(Role.CONTROLLING, 1).send();
    assertThat(scene.pairs()).hasSize(1);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    assertThat(scene.pairs()).hasSize(2);
    scene.runMillis(100);
    assertThat(scene.peer.checksTo(THERE).stream()
            .map(check -> check.path().local())
            .distinct())
        .containsExactlyInAnyOrderElementsOf(scene.agent.bases());
  }

  // 7.3.1.4

  @Test
  @Tag("ICE-2430")
  @Tag("ICE-2470")
  void triggeredPairIsTheSocketAndTheSourceEvenBehindANat() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED)
        .stunServers(List.of(new StunServer("203.0.113.5", 3478))));
    AgentHarness.Sent probe = scene.agent.transactions().get(0);
    scene.agent.receive(
        probe.path(),
        StunBuilder.success(
                Method.BINDING, probe.message().transactionId(), ByteBuffer.allocate(200))
            .put(AttributeType.XOR_MAPPED_ADDRESS, TransportAddress.udp("203.0.113.9", 9))
            .finish());
    assertThat(scene.agent.gathered()).hasSize(2);
    scene.peer.introduce();
    scene.from(ELSEWHERE).role(Role.CONTROLLING, 1).send();
    assertThat(scene.pairTo(ELSEWHERE).local().type()).isEqualTo(CandidateType.HOST);
    assertThat(scene.stateOf(ELSEWHERE)).isEqualTo(PairState.WAITING);
    scene.runMillis(20);
    assertThat(scene.peer.lastCheck().path())
        .isEqualTo(new FiveTuple(scene.agent.base(), ELSEWHERE));
  }

  @Test
  @Tag("ICE-2440")
  @Tag("ICE-2450")
  void runningCheckIsCancelledAndMadeAgainAndItsLateAnswerStillCounts() {
    Encounter scene = controlled("192.0.2.1").introduced();
    ScriptedPeer.Check first = scene.peer.awaitCheck(1);
    scene.runMillis(100);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.IN_PROGRESS);
    scene.fromThere().role(Role.CONTROLLING, 1).send();
    assertThat(scene.statesOf(THERE)).endsWith(PairState.WAITING, PairState.IN_PROGRESS);
    ScriptedPeer.Check second = scene.peer.awaitCheck(2);
    assertThat(second.time() - first.time()).isLessThan(Duration.ofMillis(120).toNanos());
    assertThat(second.message().transactionId()).isNotEqualTo(first.message().transactionId());
    scene.runMillis(20_000);
    assertThat(sends(scene, first)).isEqualTo(1); // no retransmission of the cancelled one
    assertThat(sends(scene, second)).isGreaterThan(3);
    scene.peer.answer(first);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.SUCCEEDED);
    int sends = sends(scene, second);
    scene.runMillis(25_000);
    assertThat(sends(scene, second)).isEqualTo(sends); // nothing left to find out
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.SUCCEEDED);
  }

  private static int sends(Encounter scene, ScriptedPeer.Check check) {
    return (int) scene.agent.sent().stream()
        .filter(AgentHarness.Sent::isBindingRequest)
        .filter(sent -> sent.message().transactionId().equals(check.message().transactionId()))
        .count();
  }

  @Test
  @Tag("ICE-2450")
  void silenceOfACancelledCheckIsNoFailure() {
    Encounter scene = controlled("192.0.2.1").introduced();
    scene.peer.awaitCheck(1);
    scene.runMillis(15_000);
    scene.fromThere().role(Role.CONTROLLING, 1).send();
    scene.peer.awaitCheck(2);
    scene.runMillis(30_000); // the first one's time is over, the second one's is not
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.IN_PROGRESS);
    scene.peer.answer(scene.peer.checks().get(0)); // too late: forgotten
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.IN_PROGRESS);
    assertThat(scene.dropped(DropReason.UNKNOWN_TRANSACTION)).isEqualTo(1);
  }

  @Test
  @Tag("ICE-2460")
  void frozenAndWaitingPairsAreCheckedNextAndOnce() {
    Encounter scene = controlled("192.0.2.1", "192.0.2.2");
    Candidate[] told = new Candidate[6];
    for (int i = 0; i < told.length; i++) { // one foundation: all but the first are frozen
      Candidate host = scene.peer.host("192.0.2.9", 4000 + i);
      told[i] = new Candidate(
          "same",
          1,
          host.priority() - 256 * i,
          host.address(),
          CandidateType.HOST,
          null,
          host.extensions());
    }
    scene.peer.introduce();
    scene.peer.tell(told);
    TransportAddress frozen = told[4].address();
    assertThat(scene.pairs().stream()
            .filter(pair -> pair.remote().address().equals(frozen))
            .map(IceStatistics.PairStatistics::state))
        .containsOnly(PairState.FROZEN);
    int before = scene.peer.checks().size();
    scene.from(frozen).role(Role.CONTROLLING, 1).send();
    scene.from(frozen).role(Role.CONTROLLING, 1).send();
    ScriptedPeer.Check next = scene.peer.awaitCheck(before + 1);
    assertThat(next.path()).isEqualTo(new FiveTuple(scene.agent.bases().get(0), frozen));
    scene.runMillis(5000);
    assertThat(
            scene.peer.checksTo(frozen).stream().filter(check -> check.path().equals(next.path())))
        .hasSize(1);
  }

  @Test
  @Tag("ICE-2460")
  void failedPairIsTriedAgainAndSoIsAFailedList() {
    Encounter scene = controlled("192.0.2.1").introduced();
    scene.runUntil(IceState.FAILED);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
    int before = scene.peer.checks().size();
    scene.fromThere().role(Role.CONTROLLING, 1).send();
    assertThat(scene.statesOf(THERE))
        .endsWith(PairState.FAILED, PairState.WAITING, PairState.IN_PROGRESS);
    scene.peer.answer(scene.peer.awaitCheck(before + 1));
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CONNECTED);
    nominating(scene, THERE).send();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-2460")
  void succeededPairIsNotCheckedAgain() {
    Encounter scene = controlled("192.0.2.1").answering().introduced();
    scene.runMillis(500);
    int before = scene.peer.checks().size();
    scene.fromThere().role(Role.CONTROLLING, 1).send();
    scene.runMillis(2000);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.SUCCEEDED);
    assertThat(scene.peer.checks()).hasSize(before);
  }

  @Test
  @Tag("ICE-2470")
  void newPairIsInsertedByItsPriorityAndCheckedFirst() {
    Encounter scene = controlled("192.0.2.1");
    scene.peer.introduce();
    for (int i = 0; i < 10; i++) {
      scene.peer.tell(
          scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4000 + i, 60_000 - 100 * i, 1));
    }
    int middle = Candidate.priority(126, 60_000 - 450, 1);
    int before = scene.peer.checks().size();
    scene.from(ELSEWHERE).role(Role.CONTROLLING, 1).priority(middle).send();
    assertThat(scene.peer.awaitCheck(before + 1).to()).isEqualTo(ELSEWHERE);
    List<Long> priorities =
        scene.pairs().stream().map(IceStatistics.PairStatistics::priority).toList();
    assertThat(priorities).isSortedAccordingTo((a, b) -> Long.compare(b, a));
    assertThat(scene.pairs().get(5).remote().address()).isEqualTo(ELSEWHERE);
  }

  @Test
  @Tag("ICE-2480")
  void triggeredCheckUsesTheCredentialsOfTheUfragThatTheRequestNames() {
    Encounter scene = controlled("192.0.2.1");
    scene.peer.introduce();
    String own = scene.agent.agent().localParameters(0).ufrag();
    scene
        .from(ELSEWHERE)
        .username(own + ":OTHER")
        .role(Role.CONTROLLING, 1)
        .useCandidate()
        .send();
    scene.runMillis(1000);
    assertThat(scene.agent.transactions()).isEmpty(); // another fork's: its password is not known
    assertThat(scene.pairs()).isEmpty();
    scene.from(ELSEWHERE).role(Role.CONTROLLING, 1).send();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    assertThat(check.message().get(AttributeType.USERNAME)).isEqualTo("PEER:" + own);
    assertThat(check.message().verifyIntegrity(IntegrityKey.shortTerm(ScriptedPeer.PASSWORD)))
        .isTrue();
  }

  // 7.3.1.5

  @Test
  @Tag("ICE-2490")
  void nominationOfASucceededPairHoldsAtOnce() {
    Encounter scene = controlled("192.0.2.1").answering().introduced();
    scene.runMillis(500);
    nominating(scene, THERE).send();
    assertThat(scene.pairTo(THERE).nominated()).isTrue();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-2490")
  void nominationNamesTheValidPairThatTheCheckedPairMade() {
    // the answer shows that the packet left from the other base, as on a host with two addresses
    Encounter scene = controlled("192.0.2.1", "192.0.2.2");
    TransportAddress first = scene.agent.bases().get(0);
    TransportAddress second = scene.agent.bases().get(1);
    scene.peer.onCheck(check -> {
      if (check.path().local().equals(first)) {
        scene.time.after(Duration.ofMillis(5), () -> scene.peer.answer(check, second));
      }
    });
    scene.introduced();
    scene.runMillis(500);
    assertThat(scene.agent.agent().path(0, 1)).isEqualTo(new FiveTuple(second, THERE));
    nominating(scene, THERE).send(); // to the first base
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.agent.agent().path(0, 1)).isEqualTo(new FiveTuple(second, THERE));
  }

  @Test
  @Tag("ICE-2500")
  void nominationDuringACheckHoldsWhenTheCheckSucceeds() {
    Encounter scene = controlled("192.0.2.1").introduced();
    scene.peer.awaitCheck(1);
    nominating(scene, THERE).send();
    assertThat(scene.pairTo(THERE).nominated()).isFalse();
    scene.peer.answer(scene.peer.awaitCheck(2));
    assertThat(scene.pairTo(THERE).nominated()).isTrue();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-2500")
  void nominationOfAnUnknownPairHoldsWhenItsCheckSucceeds() {
    Encounter scene = controlled("192.0.2.1").introduced();
    nominating(scene, ELSEWHERE).send();
    scene.peer.answerWhen(check -> check.to().equals(ELSEWHERE), Duration.ofMillis(5));
    scene.runMillis(100);
    assertThat(scene.pairs()).hasSize(1);
    assertThat(scene.pairTo(ELSEWHERE).nominated()).isTrue();
  }

  @Test
  @Tag("ICE-2500")
  void nominatedPairWhoseCheckFailsIsFailedAndSoIsTheListOncePatienceIsOver() {
    Encounter scene = controlled("192.0.2.1").introduced();
    scene.peer.awaitCheck(1);
    nominating(scene, THERE).send();
    scene.peer.refuse(scene.peer.awaitCheck(2), 500);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
    assertThat(scene.pairTo(THERE).nominated()).isFalse();
    assertThat(scene.agent.agent().path(0, 1)).isNull();
    scene.runMillis(39_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    scene.runMillis(1_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  @Test
  @Tag("ICE-2500")
  void nominationLongAfterTheCheckIsFollowedByAnotherCheckNotByDataWithoutConsent() {
    Encounter scene = controlled("192.0.2.1");
    TransportAddress worse = TransportAddress.udp("192.0.2.9", 4001);
    boolean[] silent = new boolean[1];
    scene.peer.answerWhen(check -> !silent[0] || !check.to().equals(worse), Duration.ofMillis(20));
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.peer.tell(scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 1));
    scene.runMillis(1_000);
    silent[0] = true;
    scene.runMillis(35_000); // data goes to the better pair; consent for the worse one has run out
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE);
    silent[0] = false;
    nominating(scene, worse).send();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CONNECTED);
    scene.runMillis(200);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(worse);
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
  }
}

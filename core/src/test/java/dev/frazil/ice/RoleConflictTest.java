package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static dev.frazil.ice.Encounter.errorOf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.StunMessage;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Both agents in one role: who gives way, and what follows (RFC 8445 7.2.5.1, 7.3.1.1). */
class RoleConflictTest {
  /** Settings with a tie-breaker: the first random number that an agent draws. */
  private static IceConfiguration.Builder settings(Role role, long tieBreaker) {
    Random later = new Random(5);
    boolean[] drawn = new boolean[1];
    RandomGenerator random = () -> {
      boolean first = !drawn[0];
      drawn[0] = true;
      return first ? tieBreaker : later.nextLong();
    };
    return IceConfiguration.builder(role, random)
        .addressHandling(AddressHandling.ALL_INTERFACES)
        .eventLog(true);
  }

  private static Role roleIn(StunMessage request) {
    boolean controlling = request.has(AttributeType.ICE_CONTROLLING);
    assertThat(controlling).isNotEqualTo(request.has(AttributeType.ICE_CONTROLLED));
    return controlling ? Role.CONTROLLING : Role.CONTROLLED;
  }

  private static long tieBreakerIn(StunMessage request) {
    return request.longValue(AttributeType.ICE_CONTROLLING, 0)
        | request.longValue(AttributeType.ICE_CONTROLLED, 0);
  }

  @ParameterizedTest
  @Tag("ICE-2300")
  @Tag("ICE-2310")
  @Tag("ICE-2320")
  @Tag("ICE-2330")
  @CsvSource({
    "CONTROLLING, 5, 4, 487, CONTROLLING",
    "CONTROLLING, 5, 5, 487, CONTROLLING",
    "CONTROLLING, 5, 6, 0, CONTROLLED",
    "CONTROLLING, -1, 9223372036854775807, 487, CONTROLLING",
    "CONTROLLING, -9223372036854775808, 9223372036854775807, 487, CONTROLLING",
    "CONTROLLING, 9223372036854775807, -9223372036854775808, 0, CONTROLLED",
    "CONTROLLING, -2, -1, 0, CONTROLLED",
    "CONTROLLED, 5, 4, 0, CONTROLLING",
    "CONTROLLED, 5, 5, 0, CONTROLLING",
    "CONTROLLED, 5, 6, 487, CONTROLLED",
    "CONTROLLED, -1, 9223372036854775807, 0, CONTROLLING",
    "CONTROLLED, 9223372036854775807, -9223372036854775808, 487, CONTROLLED",
    "CONTROLLED, -2, -1, 487, CONTROLLED",
    "CONTROLLED, 0, 0, 0, CONTROLLING",
  })
  void largerTieBreakerControls(Role role, long ours, long theirs, int error, Role after) {
    Encounter scene = new Encounter(settings(role, ours)).introduced();
    StunMessage response = scene.fromThere().role(role, theirs).send();
    assertThat(errorOf(response)).isEqualTo(error);
    assertThat(scene.agent.agent().role()).isEqualTo(after);
    assertThat(response.verifyIntegrity(scene.agentKey())).isTrue();
    assertThat(scene.agent.events(IceEvent.RoleSwitched.class)).hasSize(role == after ? 0 : 1);
  }

  @ParameterizedTest
  @Tag("ICE-2340")
  @CsvSource({"CONTROLLING, CONTROLLED", "CONTROLLED, CONTROLLING"})
  void oppositeRolesAreNoConflictWhateverTheTieBreakers(Role ours, Role theirs) {
    for (long tieBreaker : new long[] {0, -1, 7}) {
      Encounter scene = new Encounter(settings(ours, 7)).introduced();
      assertThat(errorOf(scene.fromThere().role(theirs, tieBreaker).send())).isZero();
      assertThat(scene.agent.agent().role()).isEqualTo(ours);
    }
  }

  @Test
  @Tag("ICE-2340")
  void roleSwitchSortsThePairsAnew() {
    Encounter scene = new Encounter(settings(Role.CONTROLLING, 5), 1, "192.0.2.1", "192.0.2.2");
    List<Integer> locals =
        scene.agent.gathered().stream().map(Candidate::priority).sorted().toList();
    scene.peer.introduce();
    for (int i = 0;
        i < 2;
        i++) { // the same two priorities on both sides: only the role tells the middle pairs apart
      TransportAddress address = TransportAddress.udp("192.0.2.9", 4000 + i);
      scene.peer.tell(
          new Candidate("r" + i, 1, locals.get(i), address, CandidateType.HOST, null, Map.of()));
    }
    List<Long> before =
        scene.pairs().stream().map(IceStatistics.PairStatistics::id).toList();
    assertThat(errorOf(scene.fromThere().role(Role.CONTROLLING, 6).send())).isZero();
    List<IceStatistics.PairStatistics> after = scene.pairs();
    assertThat(after.stream().map(IceStatistics.PairStatistics::id))
        .containsExactly(before.get(0), before.get(2), before.get(1), before.get(3));
    for (IceStatistics.PairStatistics pair : after) {
      long controlled = pair.local().priority();
      long controlling = pair.remote().priority();
      assertThat(pair.priority())
          .isEqualTo((Math.min(controlling, controlled) << 32)
              + 2 * Math.max(controlling, controlled)
              + (controlling > controlled ? 1 : 0));
    }
  }

  @Test
  @Tag("ICE-2340")
  void whoBecomesControllingNominates() {
    Encounter scene = new Encounter(settings(Role.CONTROLLED, 5)).answering().introduced();
    scene.runMillis(1000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CONNECTED);
    assertThat(scene.peer.checks()).noneMatch(ScriptedPeer.Check::nominates);
    scene.fromThere().role(Role.CONTROLLED, 4).send();
    scene.runMillis(200);
    assertThat(scene.peer.checks()).anyMatch(ScriptedPeer.Check::nominates);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-2340")
  void whoBecomesControlledNominatesNoMore() {
    Encounter scene = new Encounter(settings(Role.CONTROLLING, 5)).introduced();
    scene.peer.answer(scene.peer.awaitCheck(1));
    ScriptedPeer.Check nominating = scene.peer.awaitCheck(2);
    assertThat(nominating.nominates()).isTrue();
    scene.fromThere().role(Role.CONTROLLING, 6).send();
    scene.peer.answer(nominating); // late: it was sent in a role that is no longer ours
    scene.runMillis(5000);
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLED);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CONNECTED);
    assertThat(scene.peer.checks().stream().filter(ScriptedPeer.Check::nominates))
        .hasSize(1);
    scene.answering().fromThere().role(Role.CONTROLLING, 6).useCandidate().send();
    scene.runMillis(100);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-2340")
  void roleThatSwitchesTwiceDuringANominationStillNominates() {
    for (int millis : new int[] {0, 1, 30}) {
      Encounter scene = new Encounter(settings(Role.CONTROLLING, 5)).introduced();
      scene.peer.answer(scene.peer.awaitCheck(1));
      scene.peer.awaitCheck(2); // nominates, and is never answered
      scene.fromThere().role(Role.CONTROLLING, 6).send();
      scene.runMillis(millis);
      int before = scene.peer.checks().size();
      scene.fromThere().role(Role.CONTROLLED, 4).send();
      assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLING);
      ScriptedPeer.Check again = scene.peer.awaitCheck(before + 1);
      assertThat(again.nominates()).isTrue();
      scene.peer.answer(again);
      assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    }
  }

  @Test
  @Tag("ICE-2340")
  void pendingNominationOfAPeerThatNoLongerControlsIsForgotten() {
    Encounter scene = new Encounter(settings(Role.CONTROLLED, 5)).introduced();
    scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send();
    scene.fromThere().role(Role.CONTROLLED, 4).send();
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLING);
    int count = scene.peer.checks().size();
    scene.peer.answer(scene.peer.awaitCheck(count + 1));
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CONNECTED);
    assertThat(scene.peer.awaitCheck(count + 2).nominates()).isTrue();
    scene.peer.answer(scene.peer.lastCheck());
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-2340")
  void roleSwitchAfterCompletionChangesNoSelection() {
    Encounter scene = new Encounter(settings(Role.CONTROLLING, 5)).completed();
    scene.fromThere().role(Role.CONTROLLING, 6).send();
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLED);
    scene.fromThere().role(Role.CONTROLLED, 1).send();
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLING);
    scene.runMillis(20_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.peer.checks().stream().filter(ScriptedPeer.Check::nominates))
        .hasSize(1);
    assertThat(scene.agent.events(IceEvent.PairSelected.class)).hasSize(1);
  }

  /** Regression "stale 487 after a role switch": two in flight, one switch. */
  @ParameterizedTest
  @Tag("ICE-2610")
  @Tag("ICE-2620")
  @CsvSource({"CONTROLLING", "CONTROLLED"})
  void twoConflictsReportedSwitchTheRoleOnce(Role role) {
    Encounter scene = new Encounter(settings(role, 5));
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), scene.peer.host("192.0.2.9", 4001));
    scene.peer.awaitCheck(2);
    scene.peer.refuse(scene.peer.checks().get(0), 487);
    scene.peer.refuse(scene.peer.checks().get(1), 487);
    assertThat(scene.agent.agent().role()).isEqualTo(role.opposite());
    assertThat(scene.pairs()).allMatch(pair -> pair.state() == PairState.WAITING);
    assertThat(scene.agent.events(IceEvent.RoleSwitched.class)).hasSize(1);
    scene.peer.awaitCheck(4);
    for (int i = 0; i < 2; i++) {
      StunMessage first = scene.peer.checks().get(i).message();
      StunMessage again = scene.peer.checks().get(2 + i).message();
      assertThat(roleIn(first)).isEqualTo(role);
      assertThat(tieBreakerIn(first)).isEqualTo(5);
      assertThat(roleIn(again)).isEqualTo(role.opposite());
      assertThat(tieBreakerIn(again)).isNotEqualTo(5);
      assertThat(scene.peer.checks().get(2 + i).to())
          .isEqualTo(scene.peer.checks().get(i).to());
    }
  }

  @Test
  @Tag("ICE-2610")
  void conflictReportedForTheRoleOfBeforeDoesNotSwitchBack() {
    Encounter scene = new Encounter(settings(Role.CONTROLLING, 5)).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    scene.fromThere().role(Role.CONTROLLING, 6).send();
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLED);
    scene.peer.refuse(check, 487);
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLED);
    int count = scene.peer.checks().size();
    assertThat(roleIn(scene.peer.awaitCheck(count + 1).message())).isEqualTo(Role.CONTROLLED);
  }

  /** Regression "forged error response": 487 without integrity, or with another's. */
  @Test
  @Tag("ICE-2610")
  void unprotectedConflictReportIsDroppedAndTheCheckGoesOn() {
    Encounter scene = new Encounter(settings(Role.CONTROLLING, 5)).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    scene.peer.refuse(check, 487, null);
    scene.peer.refuse(check, 487, dev.frazil.stun.IntegrityKey.shortTerm("x".repeat(24)));
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLING);
    assertThat(scene.dropped(DropReason.FORGED_RESPONSE)).isEqualTo(2);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.IN_PROGRESS);
    scene.peer.answer(check);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.SUCCEEDED);
  }

  @Test
  void peerThatReportsAConflictEachTimeEndsAsAFailure() {
    Encounter scene = new Encounter(settings(Role.CONTROLLING, 5));
    scene.peer.onCheck(
        check -> scene.time.after(Duration.ofMillis(1), () -> scene.peer.refuse(check, 487)));
    scene.introduced();
    scene.time.runFor(Duration.ofMinutes(3));
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
    assertThat(scene.peer.checks()).hasSizeLessThan(20);
  }

  @Test
  @Tag("ICE-2340")
  void twoAgentsThatBothWantToControlAgreeAndComplete() {
    for (Role role : Role.values()) {
      for (int seed = 0; seed < 20; seed++) {
        AgentPair pair = new AgentPair(
                settings(role, new Random(seed).nextLong()).build(),
                settings(role, new Random(seed + 100).nextLong()).build(),
                Duration.ofMillis(10 + seed * 7))
            .streams(2);
        pair.left.interfaces("192.0.2.1", "192.0.2.3");
        pair.right.interfaces("192.0.2.2", "192.0.2.4");
        pair.exchange();
        assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(10))).isTrue();
        assertThat(pair.left.agent().role()).isNotEqualTo(pair.right.agent().role());
        for (int component = 1; component <= 2; component++) {
          assertThat(pair.left.agent().path(0, component))
              .isEqualTo(pair.right.agent().path(0, component).reversed());
        }
      }
    }
  }
}

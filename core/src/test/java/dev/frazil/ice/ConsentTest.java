package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static dev.frazil.ice.Encounter.errorOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Consent to send (RFC 7675), and keepalives where there is none to ask for (RFC 8445 11). */
class ConsentTest {
  private static final long SECOND = Duration.ofSeconds(1).toNanos();

  /** A completed session whose peer goes on answering. */
  private static Encounter completed(Role role) {
    return new Encounter(role).completed();
  }

  /** A completed session whose peer has just fallen silent. */
  private static Encounter silent(Role role) {
    Encounter scene = new Encounter(role);
    boolean[] quiet = new boolean[1];
    scene.peer.onCheck(check -> {
      if (!quiet[0]) {
        scene.time.after(Duration.ofMillis(20), () -> scene.peer.answer(check));
      }
    });
    scene.introduced();
    scene.runMillis(100);
    if (role == Role.CONTROLLED) {
      scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send();
    }
    scene.runUntil(IceState.COMPLETED);
    quiet[0] = true;
    return scene;
  }

  /** The consent requests, or keepalives, that the agent sent from now on for so long. */
  private static List<AgentHarness.Sent> sentDuring(Encounter scene, Duration duration) {
    int before = scene.agent.sent().size();
    scene.time.runFor(duration);
    return List.copyOf(scene.agent.sent().subList(before, scene.agent.sent().size()));
  }

  @Test
  @Tag("ICE-3400")
  void nothingIsSentBeforeACheckSucceeded() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    scene.fromThere().send(); // the peer's check is no consent to receive
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    scene.peer.answer(check);
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
  }

  @Test
  @Tag("ICE-3410")
  @Tag("ICE-3420")
  @Tag("ICE-3510")
  void consentIsAskedForEveryFourToSixSeconds() {
    Encounter scene = completed(Role.CONTROLLING);
    List<AgentHarness.Sent> sent = sentDuring(scene, Duration.ofMinutes(60));
    assertThat(sent)
        .allMatch(each -> each.isBindingRequest() && each.path().remote().equals(THERE));
    int[] histogram = new int[4]; // by half seconds from 4 to 6
    for (int i = 1; i < sent.size(); i++) {
      long gap = sent.get(i).time() - sent.get(i - 1).time();
      assertThat(gap).isBetween(4 * SECOND, 6 * SECOND);
      histogram[(int) ((gap - 4 * SECOND) * 2 / SECOND)]++;
    }
    assertThat(Arrays.stream(histogram)).allMatch(count -> count > (sent.size() - 1) / 8);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @ParameterizedTest
  @EnumSource(Role.class)
  @Tag("ICE-3430")
  @Tag("ICE-3440")
  @Tag("ICE-3500")
  void consentRequestsAreChecksOfTheSessionEachSentOnce(Role role) {
    Encounter scene = silent(role);
    List<AgentHarness.Sent> sent = sentDuring(scene, Duration.ofSeconds(29));
    assertThat(sent).hasSizeBetween(4, 7);
    Set<?> ids =
        sent.stream().map(each -> each.message().transactionId()).collect(Collectors.toSet());
    assertThat(ids).hasSameSizeAs(sent);
    for (AgentHarness.Sent each : sent) {
      StunMessage request = each.message();
      assertThat(request.get(AttributeType.USERNAME))
          .isEqualTo("PEER:" + scene.agent.agent().localParameters(0).ufrag());
      assertThat(request.verifyIntegrity(scene.peer.key())).isTrue();
      assertThat(request.hasValidFingerprint()).isTrue();
      assertThat(request.has(AttributeType.USE_CANDIDATE)).isFalse();
      assertThat(each.path()).isEqualTo(new FiveTuple(scene.agent.base(), THERE));
    }
  }

  @Test
  @Tag("ICE-3430")
  @Tag("ICE-3450")
  void lateAnswerToAnyOutstandingRequestRenews() {
    Encounter scene = silent(Role.CONTROLLING);
    int before = scene.peer.checks().size();
    scene.runMillis(25_000);
    scene.peer.answer(scene.peer.checks().get(before)); // 20 s late
    scene.runMillis(29_000);
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    scene.runMillis(1_100);
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
  }

  @Test
  @Tag("ICE-3440")
  void answerWithoutIntegrityOrFromElsewhereOrAnErrorRenewsNothing() {
    Encounter scene = silent(Role.CONTROLLING);
    int before = scene.peer.checks().size();
    scene.runMillis(25_000);
    for (ScriptedPeer.Check check : List.copyOf(scene.peer.checks()).subList(before, before + 3)) {
      FiveTuple elsewhere =
          new FiveTuple(scene.agent.base(), TransportAddress.udp(THERE.ip(), THERE.port() + 1));
      scene.peer.respond(
          check,
          elsewhere,
          builder -> builder.put(AttributeType.XOR_MAPPED_ADDRESS, check.path().local()));
      scene.peer.refuse(check, 403, null);
      scene.peer.refuse(check, 403, IntegrityKey.shortTerm("w".repeat(22)));
    }
    scene.peer.refuse(scene.peer.checks().get(before), 500);
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    scene.runMillis(5_100);
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
  }

  @ParameterizedTest
  @EnumSource(Role.class)
  @Tag("ICE-3450")
  @Tag("ICE-3460")
  void consentEndsThirtySecondsAfterTheLastAnswerForGood(Role role) {
    Encounter scene = silent(role);
    long last = scene.time.now();
    int before = scene.peer.checks().size();
    scene.time.runUntil(() -> scene.send() == SendResult.NO_PATH, Duration.ofMinutes(1));
    assertThat(scene.time.now() - last).isBetween(30 * SECOND - 100_000_000, 30 * SECOND);
    assertThat(scene.agent.events(IceEvent.ConsentLost.class)).hasSize(1);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
    assertThat(scene.agent.agent().path(0, 1)).isNull();
    for (ScriptedPeer.Check check :
        List.copyOf(scene.peer.checks()).subList(before, scene.peer.checks().size())) {
      scene.peer.answer(check);
    }
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    // nor do checks of the peer bring it back: they are answered, and a nomination is refused
    Role theirs = role.opposite();
    assertThat(errorOf(scene.fromThere().role(theirs, 1).send())).isZero();
    if (theirs == Role.CONTROLLING) {
      assertThat(errorOf(scene.fromThere().role(theirs, 1).useCandidate().send()))
          .isEqualTo(400);
    }
    assertThat(sentDuring(scene, Duration.ofMinutes(2))).isEmpty();
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  @Test
  void anApplicationMayGiveTheSilentPeerUpEarlier() {
    boolean[] quiet = new boolean[1];
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLING)
        .disconnectedAfter(Duration.ofSeconds(6))
        .failedAfter(Duration.ofSeconds(12)));
    scene.peer.onCheck(check -> {
      if (!quiet[0]) {
        scene.peer.answer(check);
      }
    });
    scene.introduced();
    scene.runUntil(IceState.COMPLETED);
    scene.runMillis(60_000);
    quiet[0] = true;
    long silentSince = scene.time.now();
    scene.runUntil(IceState.DISCONNECTED);
    assertThat(scene.time.now() - silentSince).isBetween(0L, 6 * SECOND);
    scene.runUntil(IceState.FAILED);
    assertThat(scene.time.now() - silentSince).isBetween(6 * SECOND, 12 * SECOND);
    assertThat(scene.agent.events(IceEvent.ConsentLost.class))
        .singleElement()
        .asString()
        .contains("no answer for 12 s");
  }

  @Test
  @Tag("ICE-3450")
  @Tag("ICE-3460")
  void consentThatEndsDuringTheNominationEndsTheCheckToo() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    scene.peer.answer(scene.peer.awaitCheck(1));
    ScriptedPeer.Check nominating = scene.peer.awaitCheck(2);
    scene.time.runUntil(() -> scene.send() == SendResult.NO_PATH, Duration.ofMinutes(1));
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
    assertThat(sentDuring(scene, Duration.ofSeconds(5))).isEmpty();
    scene.peer.answer(nominating); // within its 39.5 s
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    scene.runMillis(10_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  @Test
  @Tag("ICE-3450")
  void pairThatIsNotYetSelectedLosesConsentToo() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    scene.peer.answer(scene.peer.awaitCheck(1));
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    scene.runMillis(30_500);
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
    scene.runMillis(10_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  /** Other pairs may still be found, but not this one: neither asked for nor nominated by the peer. */
  @Test
  @Tag("ICE-3460")
  void pathThatLostConsentIsNotCheckedAgainInItsGeneration() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000)); // more may come: the list does not fail
    scene.peer.answer(scene.peer.awaitCheck(1));
    scene.runMillis(31_000);
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    assertThat(scene.agent.agent().state()).isNotEqualTo(IceState.FAILED);
    int checks = scene.peer.checks().size();
    scene.fromThere().role(Role.CONTROLLING, 1).send();
    scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send();
    scene.runMillis(5_000);
    assertThat(scene.peer.checks()).hasSize(checks);
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
  }

  @Test
  @Tag("ICE-3460")
  void restartRegainsConsentWithNewCredentials() {
    Encounter scene = silent(Role.CONTROLLED);
    scene.runUntil(IceState.FAILED);
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    scene.peer.credentials("NEXT", "anotherpasswordofthepeer");
    scene.peer.answerWhen(check -> true, Duration.ofMillis(5));
    scene.introduced();
    scene.runMillis(200);
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
  }

  @Test
  @Tag("ICE-3470")
  void validPairWhoseConsentRanOutUnusedIsCheckedAgainBeforeItIsUsed() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    TransportAddress spare = TransportAddress.udp("192.0.2.9", 4001);
    boolean[] answers = {true, true};
    scene.peer.onCheck(check -> {
      if (answers[check.to().equals(spare) ? 1 : 0]) {
        scene.time.after(Duration.ofMillis(20), () -> scene.peer.answer(check));
      }
    });
    scene.peer.introduce();
    scene.peer.tell(
        scene.peer.host("192.0.2.9", 4000),
        scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 1));
    scene.runMillis(1_000);
    answers[1] = false;
    scene.runMillis(8_000);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE);
    answers[0] = false;
    scene.time.runUntil(() -> scene.send() == SendResult.NO_PATH, Duration.ofMinutes(1));
    assertThat(scene.peer.lastCheck().to()).isEqualTo(spare);
    assertThat(scene.peer.lastCheck().time()).isEqualTo(scene.time.now());
    scene.peer.answer(scene.peer.lastCheck());
    answers[1] = true;
    scene.runMillis(100);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(spare);
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
  }

  @Test
  @Tag("ICE-3480")
  void restartThatFindsNothingStopsDataWhenTheOldPathsConsentEnds() {
    Encounter scene = silent(Role.CONTROLLING);
    long last = scene.time.now();
    scene.runMillis(2_000);
    int before = scene.agent.sent().size();
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    String old = ScriptedPeer.UFRAG;
    scene.peer.credentials("NEXT", "anotherpasswordofthepeer");
    scene.introduced();
    scene.time.runUntil(() -> scene.send() == SendResult.NO_PATH, Duration.ofMinutes(1));
    assertThat(scene.time.now() - last).isBetween(30 * SECOND - 100_000_000, 30 * SECOND);
    assertThat(scene.agent.agent().path(0, 1)).isNull();
    List<StunMessage> asked = scene
        .agent
        .sent()
        .subList(before, scene.agent.sent().size())
        .stream()
        .filter(AgentHarness.Sent::isBindingRequest)
        .map(AgentHarness.Sent::message)
        .filter(each -> each.get(AttributeType.USERNAME).startsWith(old + ":"))
        .toList();
    assertThat(asked)
        .hasSizeGreaterThan(3); // with the credentials of the generation that carries the data
    assertThat(asked)
        .allMatch(each -> each.verifyIntegrity(IntegrityKey.shortTerm(ScriptedPeer.PASSWORD)));
  }

  @Test
  @Tag("ICE-3480")
  void consentOfTheOldPathIsRenewedDuringARestart() {
    Encounter scene = completed(Role.CONTROLLING);
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    scene.time.runFor(Duration.ofMinutes(3)); // the peer never restarts, yet answers
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
  }

  @Test
  @Tag("ICE-3490")
  void protected403RevokesConsentAtOnce() {
    Encounter scene = silent(Role.CONTROLLING);
    int before = scene.peer.checks().size();
    ScriptedPeer.Check request = scene.peer.awaitCheck(before + 1);
    scene.peer.refuse(request, 403, null);
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    scene.peer.refuse(request, 403);
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    assertThat(scene.agent.events(IceEvent.ConsentLost.class)).hasSize(1);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  @Test
  @Tag("ICE-3490")
  void protected403ToACheckOfAPathInUseRevokesConsentToo() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    scene.peer.answer(scene.peer.awaitCheck(1));
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    scene.peer.refuse(scene.peer.awaitCheck(2), 403);
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    assertThat(scene.agent.events(IceEvent.ConsentLost.class)).hasSize(1);
  }

  @Test
  @Tag("ICE-3490")
  void agentThatRevokesItsConsentAnswers403AndThePeerStops() {
    AgentPair pair = AgentPair.standard().streams(1);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    pair.right.call(now -> pair.right.agent().revokeConsent(0, now));
    pair.time.runFor(Duration.ofSeconds(7));
    assertThat(pair.left.agent().path(0, 1)).isNull();
    assertThat(pair.left.events(IceEvent.ConsentLost.class)).hasSize(1);
    assertThat(pair.left.agent().state()).isEqualTo(IceState.FAILED);
    assertThat(pair.right.agent().path(0, 1))
        .isNotNull(); // the other direction is the peer's affair
  }

  @Test
  @Tag("ICE-3500")
  void transactionIdsAreDrawnFromTheSecureGeneratorAndSeenByNobody() {
    // 96 bits each from the configured generator: 4 + 8 bytes of which none repeats or counts
    Encounter scene = completed(Role.CONTROLLING);
    List<StunMessage> requests = sentDuring(scene, Duration.ofMinutes(10)).stream()
        .map(AgentHarness.Sent::message)
        .toList();
    Set<String> ids =
        requests.stream().map(each -> each.transactionId().toString()).collect(Collectors.toSet());
    assertThat(ids).hasSameSizeAs(requests);
    for (StunMessage each : requests) {
      assertThat(scene.agent.events().toString())
          .doesNotContain(each.transactionId().toString());
    }
  }

  @Test
  void stateSaysDisconnectedWhileConsentIsInDoubtAndConnectedAgainWhenItIsNot() {
    Encounter scene = silent(Role.CONTROLLING);
    scene.runUntil(IceState.DISCONNECTED);
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    scene.peer.answer(scene.peer.lastCheck());
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  // RFC 8445 11

  private static Encounter withoutConsent() {
    return new Encounter(AgentHarness.settings(Role.CONTROLLING).consent(false)).completed();
  }

  @Test
  @Tag("ICE-3300")
  @Tag("ICE-3310")
  void idlePathGetsAnIndicationWithFingerprintOnlyEveryFifteenSeconds() {
    Encounter scene = withoutConsent();
    List<AgentHarness.Sent> sent = sentDuring(scene, Duration.ofMinutes(10));
    assertThat(sent).hasSizeBetween(39, 40);
    for (int i = 0; i < sent.size(); i++) {
      StunMessage message = sent.get(i).message();
      assertThat(message.is(MessageClass.INDICATION, Method.BINDING)).isTrue();
      assertThat(message.toString()).endsWith(message.transactionId() + " FINGERPRINT");
      assertThat(message.hasValidFingerprint()).isTrue();
      assertThat(sent.get(i).path()).isEqualTo(new FiveTuple(scene.agent.base(), THERE));
      if (i > 0) {
        assertThat(sent.get(i).time() - sent.get(i - 1).time()).isEqualTo(15 * SECOND);
      }
    }
  }

  @Test
  @Tag("ICE-3300")
  void pathInUseGetsNone() {
    Encounter scene = withoutConsent();
    for (int i = 0; i < 50; i++) {
      assertThat(scene.send()).isEqualTo(SendResult.SENT);
      assertThat(sentDuring(scene, Duration.ofMillis(14_900))).isEmpty();
    }
  }

  @Test
  @Tag("ICE-3300")
  void noPauseIsLongerThanTheInterval() {
    Encounter scene = withoutConsent();
    Random random = new Random(4);
    List<Long> times = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      for (AgentHarness.Sent each : sentDuring(scene, Duration.ofMillis(random.nextInt(25_000)))) {
        times.add(each.time());
      }
      scene.send();
      times.add(scene.time.now());
    }
    for (int i = 1; i < times.size(); i++) {
      assertThat(times.get(i) - times.get(i - 1)).isLessThanOrEqualTo(15 * SECOND);
    }
  }

  @Test
  @Tag("ICE-3300")
  void intervalBelowFifteenSecondsIsRefused() {
    assertThatThrownBy(() ->
            AgentHarness.settings(Role.CONTROLLING).keepaliveInterval(Duration.ofMillis(14_999)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("keepaliveInterval")
        .hasMessageContaining("PT15S");
  }

  @Test
  @Tag("ICE-3320")
  void pathThatDataHasLeftIsNotKeptAlive() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLED).consent(false)).answering();
    scene.peer.introduce();
    scene.peer.tell(scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 1));
    scene.runMillis(100);
    assertThat(scene.agent.agent().path(0, 1).remote().port()).isEqualTo(4001);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(45_000); // until nothing of the checks is left
    List<AgentHarness.Sent> keepalives = sentDuring(scene, Duration.ofMinutes(5)).stream()
        .filter(each -> !each.isBindingRequest()) // valid pairs are checked again
        .toList();
    assertThat(keepalives).isNotEmpty();
    assertThat(keepalives).allMatch(each -> each.path().remote().equals(THERE));
  }

  @Test
  @Tag("ICE-3320")
  void onlySelectedPathsGetKeepalivesAndNoneAfterTheEnd() {
    Encounter scene = new Encounter(
        AgentHarness.settings(Role.CONTROLLING).consent(false), 1, "192.0.2.1", "192.0.2.2");
    scene.completed();
    scene.runMillis(45_000); // until nothing of the checks is left
    List<AgentHarness.Sent> sent = sentDuring(scene, Duration.ofMinutes(5));
    assertThat(sent).isNotEmpty();
    assertThat(sent).allMatch(each -> each.path().equals(scene.agent.agent().path(0, 1)));
    int events = scene.agent.events().size();
    // a check that comes meanwhile is answered and changes nothing
    assertThat(errorOf(scene.fromThere().send())).isZero();
    assertThat(scene.agent.events()).hasSize(events);
    assertThat(sentDuring(scene, Duration.ofSeconds(10))).hasSizeLessThanOrEqualTo(1);
    scene.agent.call(scene.agent.agent()::close);
    assertThat(sentDuring(scene, Duration.ofMinutes(5))).isEmpty();
    assertThat(scene.agent.agent().nextTimeout()).isEqualTo(Long.MAX_VALUE);
  }
}

package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.TransactionId;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the answers to checks make of pairs (RFC 8445 7.2.5). */
class CheckResponseTest {
  private static final TransportAddress MAPPED = TransportAddress.udp("203.0.113.4", 444);

  private static UnaryOperator<StunBuilder> mapped(TransportAddress address) {
    return builder -> builder.put(AttributeType.XOR_MAPPED_ADDRESS, address);
  }

  private static Candidate alike(Candidate candidate, String foundation) {
    return new Candidate(
        foundation,
        candidate.component(),
        candidate.priority(),
        candidate.address(),
        candidate.type(),
        null,
        candidate.extensions());
  }

  @Test
  @Tag("ICE-2600")
  void responseIsMatchedByItsTransactionId() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    StunBuilder stranger = StunBuilder.success(
        Method.BINDING, TransactionId.random(new Random(9)), ByteBuffer.allocate(200));
    scene.agent.receive(
        check.path(),
        mapped(check.path().local())
            .apply(stranger)
            .integrity(scene.peer.key())
            .fingerprint()
            .finish());
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.IN_PROGRESS);
    assertThat(scene.dropped(DropReason.UNKNOWN_TRANSACTION)).isEqualTo(1);
    scene.peer.answer(check);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.SUCCEEDED);
    scene.peer.answer(check); // a duplicate answers nothing any more
    assertThat(scene.dropped(DropReason.UNKNOWN_TRANSACTION)).isEqualTo(2);
  }

  @Test
  @Tag("ICE-2600")
  void responseOfAnotherMethodAnswersNothing() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    StunBuilder other = StunBuilder.success(
        Method.ALLOCATE, check.message().transactionId(), ByteBuffer.allocate(200));
    scene.agent.receive(
        check.path(),
        mapped(check.path().local())
            .apply(other)
            .integrity(scene.peer.key())
            .fingerprint()
            .finish());
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.IN_PROGRESS);
  }

  /** Regression "response without or with wrong integrity": as if it had never come. */
  @Test
  @Tag("ICE-2600")
  void responseThatIsNotProtectedIsAsIfItHadNeverCome() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    for (IntegrityKey key : new IntegrityKey[] {null, IntegrityKey.shortTerm("y".repeat(22))}) {
      StunBuilder forged = StunBuilder.success(
          Method.BINDING, check.message().transactionId(), ByteBuffer.allocate(200));
      mapped(MAPPED).apply(forged);
      if (key != null) {
        forged.integrity(key);
      }
      scene.agent.receive(check.path(), forged.fingerprint().finish());
      scene.peer.refuse(check, 400, key);
      scene.peer.refuse(check, 401, key);
    }
    assertThat(scene.dropped(DropReason.FORGED_RESPONSE)).isEqualTo(6);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.IN_PROGRESS);
    scene.runMillis(600);
    assertThat(scene.pairTo(THERE).retransmissionsSent()).isEqualTo(1);
    scene.peer.answer(check);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.SUCCEEDED);
  }

  /** Regression "wrong integrity": no password and no key in anything that the agent says. */
  @Test
  void nothingThatIsSaidHoldsASecret() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    scene.peer.refuse(scene.peer.awaitCheck(1), 400, IntegrityKey.shortTerm("y".repeat(22)));
    scene.fromThere().key(IntegrityKey.shortTerm("z".repeat(22))).send();
    String said = scene.agent.events() + " " + scene.agent.agent() + " "
        + scene.agent.agent().statistics() + " " + scene.agent.agent().localParameters(0);
    assertThat(said)
        .doesNotContain(ScriptedPeer.PASSWORD)
        .doesNotContain(scene.agent.agent().localParameters(0).password());
  }

  @Test
  @Tag("ICE-2630")
  void answerFromAnotherAddressFailsThePair() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    FiveTuple crooked =
        new FiveTuple(check.path().local(), TransportAddress.udp(THERE.ip(), THERE.port() + 1));
    scene.peer.respond(check, crooked, mapped(check.path().local()));
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
    assertThat(scene.agent.agent().path(0, 1)).isNull();
    assertThat(scene.pairs()).hasSize(1);
    scene.data(crooked.remote(), 1);
    assertThat(scene.agent.delivered()).isEmpty();
  }

  @Test
  @Tag("ICE-2630")
  void answerAtAnotherSocketFailsThePair() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLED), 1, "192.0.2.1", "192.0.2.2");
    scene.introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    TransportAddress other = scene.agent.bases().stream()
        .filter(base -> !base.equals(check.path().local()))
        .findFirst()
        .orElseThrow();
    scene.peer.respond(check, new FiveTuple(other, THERE), mapped(check.path().local()));
    assertThat(scene.statesOf(THERE)).contains(PairState.FAILED);
    assertThat(scene.agent.agent().path(0, 1)).isNull();
  }

  @Test
  @Tag("ICE-2650")
  @Tag("ICE-2670")
  void silenceForAWholeTransactionFailsThePairAlone() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    Candidate first = alike(scene.peer.host("192.0.2.9", 4000), "same");
    Candidate second =
        alike(scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 9, 1), "same");
    scene.peer.tell(first, second);
    long start = scene.peer.awaitCheck(1).time();
    scene.runMillis(3_450);
    assertThat(scene.stateOf(second.address())).isEqualTo(PairState.FROZEN);
    scene.runMillis(35_950);
    assertThat(scene.stateOf(first.address())).isEqualTo(PairState.IN_PROGRESS);
    assertThat(scene.stateOf(second.address())).isEqualTo(PairState.IN_PROGRESS); // thawed by then
    scene.runMillis(150);
    List<AgentHarness.Sent> sends = scene.agent.sent().stream()
        .filter(sent -> sent.path().remote().equals(first.address()))
        .toList();
    assertThat(sends).hasSize(7);
    assertThat(sends.get(6).time() - start).isEqualTo(Duration.ofMillis(31_500).toNanos());
    assertThat(scene.stateOf(first.address())).isEqualTo(PairState.FAILED);
    assertThat(scene.statesOf(second.address()))
        .doesNotContain(PairState.FAILED, PairState.SUCCEEDED);
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 401, 403, 420, 500, 699})
  @Tag("ICE-2660")
  @Tag("ICE-2670")
  void protectedErrorFailsThePairAlone(int code) {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    Candidate second =
        alike(scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 9, 1), "same");
    scene.peer.tell(alike(scene.peer.host("192.0.2.9", 4000), "same"), second);
    scene.peer.refuse(scene.peer.awaitCheck(1), code);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
    assertThat(scene.statesOf(second.address())).doesNotContain(PairState.FAILED);
    scene.runMillis(30);
    assertThat(scene.peer.checksTo(second.address())).hasSize(1);
    assertThat(scene.peer.checksTo(THERE)).hasSize(1);
  }

  /** Regression "XOR-MAPPED-ADDRESS of length 0, unknown family, wrong length": no exception, the check fails. */
  @Test
  @Tag("ICE-2640")
  void icmpErrorFailsThePairThatIsCheckedOnThatPathAndNoOther() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), scene.peer.host("192.0.2.9", 4001));
    scene.peer.tellEnd();
    ScriptedPeer.Check check = scene.peer.awaitCheck(2);
    FiveTuple path = check.path();
    TransportAddress base = scene.agent.base();
    TransportAddress other = scene.peer.checks().get(0).to();
    for (FiveTuple quoted : List.of( // not quite what was sent
        new FiveTuple(base, check.to().withPort(check.to().port() + 10)),
        new FiveTuple(base.withPort(base.port() + 1), check.to()))) {
      scene.agent.call(now -> scene.agent.agent().handleUnreachable(quoted, now));
    }
    assertThat(scene.stateOf(check.to())).isEqualTo(PairState.IN_PROGRESS);
    scene.agent.call(now -> scene.agent.agent().handleUnreachable(path, now));
    assertThat(scene.stateOf(check.to())).isEqualTo(PairState.FAILED);
    assertThat(scene.stateOf(other)).isEqualTo(PairState.IN_PROGRESS);
    int sent = scene.agent.sent().size();
    scene.runMillis(1_200);
    assertThat(scene.agent.sent().subList(sent, scene.agent.sent().size()))
        .isNotEmpty()
        .allMatch(each -> each.path().remote().equals(other));
    scene.peer.answer(check); // it was a lie
    assertThat(scene.stateOf(check.to())).isEqualTo(PairState.SUCCEEDED);
  }

  @Test
  @Tag("ICE-2640")
  void icmpErrorNeitherEndsANominationNorAPathInUse() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    scene.peer.answer(scene.peer.awaitCheck(1));
    ScriptedPeer.Check nominating = scene.peer.awaitCheck(2);
    assertThat(nominating.nominates()).isTrue();
    scene.agent.call(now -> scene.agent.agent().handleUnreachable(nominating.path(), now));
    scene.peer.answer(nominating);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    scene.time.runFor(Duration.ofSeconds(6)); // a consent check is on its way
    scene.agent.call(now -> scene.agent.agent().handleUnreachable(nominating.path(), now));
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
  }

  /** RFC 8489 6.3: what has a FINGERPRINT that does not fit is as if it had not come, however right the rest. */
  @Test
  @Tag("ICE-2150")
  void responseWithAWrongFingerprintIsAsIfItHadNeverCome() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    ByteBuffer response = StunBuilder.success(
            Method.BINDING, check.message().transactionId(), ByteBuffer.allocate(200))
        .put(AttributeType.XOR_MAPPED_ADDRESS, check.path().local())
        .integrity(scene.peer.key())
        .fingerprint()
        .finish();
    int last = response.limit() - 1;
    response.put(last, (byte) (response.get(last) ^ 1));
    scene.agent.receive(check.path(), response);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.IN_PROGRESS);
    assertThat(scene.dropped(DropReason.BAD_RESPONSE)).isEqualTo(1);
    response.put(last, (byte) (response.get(last) ^ 1));
    scene.agent.receive(check.path(), response);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.SUCCEEDED);
  }

  @Test
  @Tag("ICE-2660")
  void successWithoutAReadableMappedAddressFailsThePair() {
    byte[][] values = {{}, {0, 9, 1, 2, 3, 4, 5, 6}, {0, 1, 1, 2, 3, 4}, {0, 2, 1, 2, 3, 4, 5, 6}};
    for (byte[] value : values) {
      Encounter scene = new Encounter(Role.CONTROLLED).introduced();
      ScriptedPeer.Check check = scene.peer.awaitCheck(1);
      AttributeType<ByteBuffer> raw = AttributeType.ofBytes(0x0020, "XOR-MAPPED-ADDRESS", 0, 20);
      scene.peer.respond(check, check.path(), builder -> builder.put(raw, ByteBuffer.wrap(value)));
      assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
      assertThat(scene.dropped(DropReason.BAD_RESPONSE)).isEqualTo(1);
    }
  }

  /** Regression "CVE-2021-37706": ERROR-CODE shorter than 4 bytes. */
  @Test
  @Tag("ICE-2660")
  void errorWhoseCodeCannotBeReadFailsThePair() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    AttributeType<ByteBuffer> raw = AttributeType.ofBytes(0x0009, "ERROR-CODE", 0, 20);
    scene.agent.receive(
        check.path(),
        StunBuilder.message(
                MessageClass.ERROR,
                Method.BINDING,
                check.message().transactionId(),
                ByteBuffer.allocate(200))
            .put(raw, ByteBuffer.wrap(new byte[] {0, 0, 4}))
            .integrity(scene.peer.key())
            .fingerprint()
            .finish());
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
  }

  @Test
  void answersOfARemovedPairDoNothing() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    TransportAddress other = TransportAddress.udp("192.0.2.9", 4001);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000), scene.peer.host("192.0.2.9", 4001));
    scene.peer.awaitCheck(2);
    ScriptedPeer.Check late = scene.peer.checksTo(other).get(0);
    scene.peer.answer(scene.peer.checksTo(THERE).get(0));
    scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send();
    assertThat(scene.pairs()).hasSize(1);
    scene.peer.answer(late);
    assertThat(scene.pairs()).hasSize(1);
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  // 7.2.5.3

  @Test
  @Tag("ICE-2680")
  @Tag("ICE-2690")
  @Tag("ICE-2700")
  void unknownMappedAddressBecomesAPeerReflexiveCandidateOfTheBase() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLED), 1, "192.0.2.1", "192.0.2.2");
    scene.introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    int locals = scene.agent.agent().statistics().localCandidates().size();
    int pairs = scene.pairs().size();
    scene.peer.answer(check, MAPPED);
    Candidate learnt =
        scene.agent.agent().statistics().localCandidates().get(locals).candidate();
    assertThat(learnt.address()).isEqualTo(MAPPED);
    assertThat(learnt.type()).isEqualTo(CandidateType.PEER_REFLEXIVE);
    assertThat(learnt.related()).isEqualTo(check.path().local());
    assertThat(learnt.priority()).isEqualTo(check.message().get(AttributeType.PRIORITY));
    assertThat(scene.agent.gathered())
        .extracting(Candidate::foundation)
        .doesNotContain(learnt.foundation());
    assertThat(scene.pairs()).hasSize(pairs); // no further pairs, and none with the other base
    assertThat(scene.agent.gathered()).doesNotContain(learnt);
    IceStatistics.PairStatistics valid = scene.pairs().stream()
        .filter(pair -> pair.state() == PairState.SUCCEEDED)
        .findFirst()
        .orElseThrow();
    assertThat(valid.local()).isEqualTo(learnt);
    assertThat(valid.nominated()).isFalse();
    assertThat(scene.agent.agent().path(0, 1)).isEqualTo(check.path()); // sent from the base
    String own = scene.agent.agent().localParameters(0).ufrag();
    scene.runMillis(6_000);
    assertThat(scene.peer.lastCheck().message().get(AttributeType.USERNAME))
        .isEqualTo("PEER:" + own);
  }

  @Test
  @Tag("ICE-2690")
  void withoutANatTheValidPairIsTheCheckedOne() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    scene.peer.answer(scene.peer.awaitCheck(1));
    assertThat(scene.pairTo(THERE).local().type()).isEqualTo(CandidateType.HOST);
    assertThat(scene.pairTo(THERE).state()).isEqualTo(PairState.SUCCEEDED);
    assertThat(scene.pairTo(THERE).nominated()).isFalse();
    assertThat(scene.agent.agent().statistics().localCandidates()).hasSize(1);
  }

  @Test
  @Tag("ICE-2690")
  @Tag("ICE-2710")
  void answerThatNamesAnotherBaseMakesThatPairValidOnly() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLING), 1, "192.0.2.1", "192.0.2.2");
    scene.introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    TransportAddress other = scene.agent.bases().stream()
        .filter(base -> !base.equals(check.path().local()))
        .findFirst()
        .orElseThrow();
    scene.peer.answer(check, other);
    assertThat(scene.pairs()).allMatch(pair -> pair.state() == PairState.SUCCEEDED);
    assertThat(scene.agent.agent().path(0, 1)).isEqualTo(new FiveTuple(other, THERE));
    scene.runMillis(200);
    ScriptedPeer.Check nominating = scene.peer.checks().stream()
        .filter(ScriptedPeer.Check::nominates)
        .findFirst()
        .orElseThrow();
    assertThat(nominating.path())
        .isEqualTo(check.path()); // what is repeated is the check that made it valid
    scene.peer.answer(nominating, other);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.agent.agent().path(0, 1)).isEqualTo(new FiveTuple(other, THERE));
  }

  @Test
  @Tag("ICE-2730")
  void failedNominationOfAPairThatAnotherCheckMadeValidTakesItOffTheValidList() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLING), 1, "192.0.2.1", "192.0.2.2");
    scene.introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    TransportAddress other = scene.agent.bases().stream()
        .filter(base -> !base.equals(check.path().local()))
        .findFirst()
        .orElseThrow();
    scene.peer.answer(check, other);
    scene.runMillis(200);
    scene.peer.refuse(
        scene.peer.checks().stream()
            .filter(ScriptedPeer.Check::nominates)
            .findFirst()
            .orElseThrow(),
        400);
    assertThat(scene.agent.agent().path(0, 1)).isNull();
    scene.time.runFor(Duration.ofMinutes(2));
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
    assertThat(scene.peer.checks().stream().filter(ScriptedPeer.Check::nominates))
        .hasSize(1);
  }

  @Test
  @Tag("ICE-2700")
  void priorityOfAValidPairTakesEachSidesOwnWord() {
    // local told or learnt, remote told or learnt: the choice between valid pairs shows their
    // priorities
    for (boolean localLearnt : new boolean[] {false, true}) {
      for (boolean remoteLearnt : new boolean[] {false, true}) {
        Encounter scene = new Encounter(Role.CONTROLLED);
        scene.peer.introduce();
        int theirs = remoteLearnt ? 4_000 : 5_000;
        if (remoteLearnt) {
          scene.fromThere().role(Role.CONTROLLING, 1).priority(theirs).send();
        } else {
          Candidate host = scene.peer.host("192.0.2.9", 4000);
          scene.peer.tell(
              new Candidate("x", 1, theirs, THERE, host.type(), null, host.extensions()));
        }
        ScriptedPeer.Check check = scene.peer.awaitCheck(1);
        scene.peer.answer(check, localLearnt ? MAPPED : check.path().local());
        IceStatistics.PairStatistics pair = scene.pairTo(THERE);
        int ours = localLearnt
            ? check.message().intValue(AttributeType.PRIORITY, 0)
            : Candidate.priority(126, 65535, 1);
        assertThat(pair.local().priority()).isEqualTo(ours);
        assertThat(pair.remote().priority()).isEqualTo(theirs);
      }
    }
  }

  /** The local side of a valid pair counts as the peer sees it: behind a NAT it is worth less than the host candidate. */
  @Test
  @Tag("ICE-2700")
  @Tag("ICE-3040")
  void ofTwoPairsThatAnAggressivePeerNominatesTheHigherValidOneCounts() {
    for (int first = 0; first < 2; first++) {
      Encounter scene =
          new Encounter(AgentHarness.settings(Role.CONTROLLED), 1, "192.0.2.1", "192.0.2.2");
      List<TransportAddress> bases = scene.agent.bases();
      scene.peer.onCheck(check -> scene.time.after(
          Duration.ofMillis(5),
          () -> scene.peer.answer(
              check,
              check.path().local().equals(bases.get(0)) ? MAPPED : check.path().local())));
      scene.peer.introduce(new IceParameters(
          ScriptedPeer.UFRAG, ScriptedPeer.PASSWORD, false, 10, Set.of("trickle")));
      scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
      scene.runMillis(100);
      for (int i = 0; i < 2; i++) {
        TransportAddress base = bases.get((first + i) % 2);
        scene.peer.request(THERE, base).role(Role.CONTROLLING, 1).useCandidate().send();
        scene.runMillis(100);
      }
      assertThat(scene.agent.agent().path(0, 1)).isEqualTo(new FiveTuple(bases.get(1), THERE));
    }
  }

  @Test
  @Tag("ICE-2710")
  void successThawsTheCheckedFoundationInAllLists() {
    AgentHarness agent = new AgentHarness(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLED).build());
    agent.call(now -> agent.agent().addStream(2, now));
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("192.0.2.1");
    ScriptedPeer[] peers = {new ScriptedPeer(agent, 0), new ScriptedPeer(agent, 1)};
    peers[1].credentials("other", "passwordoftheotherstream");
    peers[0].introduce();
    peers[1].introduce();
    peers[0].tell(
        alike(peers[0].candidate(CandidateType.HOST, "192.0.2.9", 4000, 65535, 1), "a"),
        alike(peers[0].candidate(CandidateType.HOST, "192.0.2.9", 4001, 65535, 2), "a"));
    peers[1].tell(
        alike(peers[1].candidate(CandidateType.HOST, "192.0.2.9", 4002, 65535, 1), "a"),
        alike(peers[1].candidate(CandidateType.HOST, "192.0.2.9", 4003, 65000, 1), "b"),
        alike(peers[1].candidate(CandidateType.HOST, "192.0.2.9", 4004, 64000, 1), "b"));
    agent.time().runFor(Duration.ofMillis(200));
    assertThat(states(agent))
        .containsExactly(
            PairState.IN_PROGRESS,
            PairState.FROZEN,
            PairState.FROZEN,
            PairState.IN_PROGRESS,
            PairState.FROZEN);
    ScriptedPeer.Check check = peers[0].lastCheck();
    peers[0].answer(
        check, MAPPED); // the valid pair's own foundation is another: the checked one's counts
    assertThat(states(agent))
        .startsWith(PairState.SUCCEEDED)
        .doesNotContainSequence(PairState.SUCCEEDED, PairState.FROZEN)
        .endsWith(PairState.IN_PROGRESS, PairState.FROZEN);
    agent.time().runFor(Duration.ofMillis(100));
    assertThat(states(agent))
        .containsExactly(
            PairState.SUCCEEDED,
            PairState.IN_PROGRESS,
            PairState.IN_PROGRESS,
            PairState.IN_PROGRESS,
            PairState.FROZEN);
  }

  private static List<PairState> states(AgentHarness agent) {
    return agent.agent().statistics().pairs().stream()
        .sorted((a, b) ->
            Integer.compare(a.remote().address().port(), b.remote().address().port()))
        .map(IceStatistics.PairStatistics::state)
        .toList();
  }

  @Test
  @Tag("ICE-2720")
  void successOfANominatingCheckNominates() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    scene.peer.answer(scene.peer.awaitCheck(1));
    assertThat(scene.pairTo(THERE).nominated()).isFalse();
    ScriptedPeer.Check nominating = scene.peer.awaitCheck(2);
    assertThat(nominating.nominates()).isTrue();
    assertThat(scene.pairTo(THERE).nominated()).isFalse();
    scene.peer.answer(nominating);
    assertThat(scene.pairTo(THERE).nominated()).isTrue();
  }

  @Test
  @Tag("ICE-2730")
  void failureOfTheOnlyNominationFailsPairAndListOncePatienceIsOver() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    scene.peer.answer(scene.peer.awaitCheck(1));
    scene.peer.refuse(scene.peer.awaitCheck(2), 400);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
    assertThat(scene.agent.agent().path(0, 1)).isNull();
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    assertThat(scene.agent.agent().state()).isNotEqualTo(IceState.FAILED);
    scene.runMillis(40_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
    assertThat(scene.agent.events(IceEvent.StreamFailed.class)).hasSize(1);
  }

  @Test
  @Tag("ICE-2730")
  void refusedNominationIsFollowedByThatOfAnotherValidPair() {
    Encounter scene = new Encounter(Role.CONTROLLING);
    scene.peer.onCheck(check -> scene.time.after(Duration.ofMillis(5), () -> {
      if (check.nominates() && check.to().equals(THERE)) {
        scene.peer.refuse(check, 400);
      } else {
        scene.peer.answer(check);
      }
    }));
    scene.peer.introduce();
    scene.peer.tell(
        scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 1),
        scene.peer.host("192.0.2.9", 4000));
    scene.runUntil(IceState.COMPLETED);
    assertThat(scene.agent.agent().path(0, 1).remote().port()).isEqualTo(4001);
  }

  @Test
  @Tag("ICE-2740")
  void listFailsWhenAComponentIsLeftWithoutAValidPair() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED), 2);
    scene.peer.answerWhen(check -> check.to().port() == 4000, Duration.ofMillis(5));
    scene.peer.introduce();
    scene.peer.tell(
        scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4000, 65535, 1),
        scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 65535, 2));
    scene.peer.tellEnd();
    scene.runMillis(39_000);
    assertThat(scene.agent.events(IceEvent.StreamFailed.class)).isEmpty();
    scene.runMillis(2_000);
    assertThat(scene.agent.events(IceEvent.StreamFailed.class)).hasSize(1);
    assertThat(scene.agent.agent().path(0, 1)).isNull(); // not even the component that works
  }

  @Test
  @Tag("ICE-2740")
  void listWithAValidPairForEachComponentGoesOnRunning() {
    Encounter scene = new Encounter(Role.CONTROLLED).answering().introduced();
    scene.time.runFor(Duration.ofMinutes(2));
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CONNECTED);
    assertThat(scene.agent.events(IceEvent.StreamFailed.class)).isEmpty();
  }
}

package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Candidates that are told as they are found (RFC 8838). */
class TrickleTest {
  private static final TransportAddress SERVER = TransportAddress.udp("203.0.113.5", 3478);
  private static final TransportAddress MAPPED = TransportAddress.udp("203.0.113.99", 999);

  private static IceConfiguration.Builder withServer(Role role) {
    return AgentHarness.settings(role).stunServers(List.of(new StunServer("203.0.113.5", 3478)));
  }

  private static IceParameters withoutTrickle(Encounter scene) {
    IceParameters plain = scene.peer.parameters();
    return new IceParameters(plain.ufrag(), plain.password(), false, 10, Set.of("ice2"));
  }

  /** The STUN server answers the n-th request to it. */
  private static void mapped(Encounter scene, int number, TransportAddress mapped) {
    AgentHarness.Sent probe = scene.agent.transactions().stream()
        .filter(sent -> sent.path().remote().equals(SERVER))
        .toList()
        .get(number);
    scene.agent.receive(
        probe.path(),
        StunBuilder.success(
                Method.BINDING, probe.message().transactionId(), ByteBuffer.allocate(200))
            .put(AttributeType.XOR_MAPPED_ADDRESS, mapped)
            .finish());
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

  // 3 to 5: whether to trickle

  @Test
  @Tag("SIG-0020")
  @Tag("SIG-0040")
  void withAPeerThatDoesNotTrickleEverythingIsToldAtOnceAndChecksBeginThen() {
    Encounter scene = Encounter.withoutInterfaces(withServer(Role.CONTROLLED), 1);
    scene.peer.introduce(withoutTrickle(scene));
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.agent.interfaces("192.0.2.1");
    scene.runMillis(100);
    assertThat(scene.agent.gathered()).isEmpty(); // no host candidate ahead of the others
    mapped(scene, 0, MAPPED);
    assertThat(scene.agent.gathered())
        .extracting(Candidate::type)
        .containsExactly(CandidateType.HOST, CandidateType.SERVER_REFLEXIVE);
    assertThat(scene.agent.events(IceEvent.GatheringComplete.class)).hasSize(1);
    scene.runMillis(1_000);
    assertThat(scene.peer.checks()).isEmpty(); // nor a check before the peer's last word
    scene.peer.tellEnd();
    scene.runMillis(20);
    assertThat(scene.peer.checksTo(THERE)).hasSize(1);
  }

  @Test
  @Tag("SIG-0020")
  void agentThatMustNotTrickleTellsEverythingAtOnce() {
    Encounter scene = new Encounter(withServer(Role.CONTROLLING).trickle(false));
    assertThat(scene.agent.agent().localParameters(0).has("trickle")).isFalse();
    scene.runMillis(100);
    assertThat(scene.agent.gathered()).isEmpty();
    mapped(scene, 0, MAPPED);
    assertThat(scene.agent.gathered()).hasSize(2);
    List<Class<?>> kinds = new ArrayList<>();
    scene.agent.events().forEach(event -> kinds.add(event.getClass()));
    assertThat(kinds)
        .containsSubsequence(IceEvent.CandidateGathered.class, IceEvent.GatheringComplete.class);
  }

  @Test
  @Tag("SIG-0020")
  void candidateOfABaseThatVanishesBeforeItIsToldIsNeverTold() {
    Encounter scene =
        new Encounter(withServer(Role.CONTROLLING).trickle(false), 1, "192.0.2.1", "192.0.2.2");
    scene.runMillis(100);
    scene.agent.interfaces("192.0.2.2");
    mapped(scene, 1, MAPPED);
    assertThat(scene.agent.gathered())
        .isNotEmpty()
        .allMatch(candidate -> !candidate.address().ip().toString().equals("192.0.2.1"));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  @Tag("SIG-0030")
  void trickleIsAnnouncedForEveryStreamOrForNone(boolean trickle) {
    AgentHarness agent = new AgentHarness(
        new VirtualTime(),
        AgentHarness.settings(Role.CONTROLLING).trickle(trickle).build());
    for (int stream = 0; stream < 3; stream++) {
      agent.call(now -> agent.agent().addStream(1, now));
      assertThat(agent.agent().localParameters(stream).has("trickle")).isEqualTo(trickle);
    }
    agent.call(now -> agent.agent().restart(1, now));
    assertThat(agent.agent().localParameters(1).has("trickle")).isEqualTo(trickle);
  }

  /** An application can ask before it has anything to tell, and begin in half trickle where it can't ask the peer. */
  @Test
  @Tag("SIG-0010")
  void trickleCanBeAskedForBeforeTheSessionBegins() {
    for (boolean trickle : new boolean[] {true, false}) {
      AgentHarness agent = new AgentHarness(
          new VirtualTime(),
          AgentHarness.settings(Role.CONTROLLED).trickle(trickle).build());
      agent.call(now -> agent.agent().addStream(1, now));
      assertThat(agent.agent().localParameters(0).has("trickle")).isEqualTo(trickle);
      assertThat(agent.agent().state()).isEqualTo(IceState.NEW);
      assertThat(agent.sent()).isEmpty();
      assertThat(agent.requests()).isEmpty();
      assertThat(agent.events()).isEmpty();
    }
  }

  /** The carrier's duty is to deliver once and in order; an agent whose carrier fails in it connects all the same. */
  @Test
  @Tag("SIG-0110")
  void itemsThatComeTwiceOrInAnyOrderLeadToTheSameEnd() {
    for (int seed = 0; seed < 50; seed++) {
      Random random = new Random(seed);
      AgentPair pair = AgentPair.standard().streams(1);
      pair.left.interfaces("192.0.2.1", "192.0.2.3");
      pair.right.interfaces("192.0.2.2", "192.0.2.4");
      shuffled(pair, pair.left, pair.right, random);
      shuffled(pair, pair.right, pair.left, random);
      assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(10))).isTrue();
      assertThat(pair.left.agent().path(0, 1))
          .isEqualTo(pair.right.agent().path(0, 1).reversed());
      assertThat(pair.left.agent().statistics().remoteCandidates()).hasSize(2);
      assertThat(pair.right.agent().statistics().remoteCandidates()).hasSize(2);
    }
  }

  /** Tells a side what the other gathered, parameters and each candidate twice and anyhow, the end behind them. */
  private static void shuffled(AgentPair pair, AgentHarness from, AgentHarness to, Random random) {
    IceParameters parameters = from.agent().localParameters(0);
    String ufrag = parameters.ufrag();
    List<LongConsumer> items = new ArrayList<>();
    for (int twice = 0; twice < 2; twice++) {
      items.add(now -> to.agent().setRemote(0, parameters, now));
      from.gathered()
          .forEach(each -> items.add(now -> to.agent().addRemoteCandidate(0, ufrag, each, now)));
    }
    Collections.shuffle(items, random);
    items.add(now -> to.agent().endOfRemoteCandidates(0, ufrag, now));
    items.add(now -> to.agent().endOfRemoteCandidates(0, ufrag, now));
    for (int i = 0; i < items.size(); i++) {
      LongConsumer item = items.get(i);
      pair.time.after(Duration.ofMillis(10L * i), () -> to.call(item));
    }
  }

  @Test
  @Tag("SIG-0050")
  @Tag("SIG-0060")
  void emptyDescriptionAndAnswerConnectByWhatIsTrickledLater() {
    AgentPair pair = AgentPair.standard().streams(1);
    pair.left.call(
        now -> pair.left.agent().setRemote(0, pair.right.agent().localParameters(0), now));
    pair.right.call(
        now -> pair.right.agent().setRemote(0, pair.left.agent().localParameters(0), now));
    pair.time.runFor(Duration.ofSeconds(5));
    assertThat(pair.left.agent().state()).isEqualTo(IceState.CHECKING);
    assertThat(pair.left.agent().statistics().pairs()).isEmpty();
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    Candidate only = pair.left.gathered().get(0);
    pair.right.call(now -> pair.right.agent().addRemoteCandidate(0, null, only, now));
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
  }

  // 7, 8: checklists

  @Test
  @Tag("SIG-0070")
  void emptyListLosesNoTurn() {
    AgentHarness agent = new AgentHarness(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLED).build());
    ScriptedPeer[] peers = new ScriptedPeer[3];
    for (int stream = 0; stream < 3; stream++) {
      agent.call(now -> agent.agent().addStream(1, now));
    }
    agent.interfaces("192.0.2.1");
    for (int stream = 0; stream < 3; stream++) {
      peers[stream] = new ScriptedPeer(agent, stream);
      peers[stream].credentials("PEER" + stream, ScriptedPeer.PASSWORD);
      peers[stream].introduce();
    }
    for (int i = 0; i < 6; i++) {
      peers[1].tell(peers[1].host("192.0.2.9", 4000 + i));
    }
    agent.time().runFor(Duration.ofMillis(300));
    List<AgentHarness.Sent> checks = agent.transactions();
    assertThat(checks).hasSize(6);
    for (int i = 1; i < checks.size(); i++) {
      assertThat(checks.get(i).time() - checks.get(i - 1).time())
          .isEqualTo(Duration.ofMillis(10).toNanos());
    }
    assertThat(agent.agent().state()).isEqualTo(IceState.CHECKING);
  }

  @Test
  @Tag("SIG-0080")
  void listDoesNotFailWhileOurOwnCandidatesAreBeingGathered() {
    Encounter scene = new Encounter(withServer(Role.CONTROLLED)
        .gatheringLimit(Duration.ofSeconds(60))
        .pacing(1_000)); // makes the server's transaction last longer than RFC 8863's patience
    scene.introduced();
    scene.peer.refuse(scene.peer.awaitCheck(1), 500);
    scene.time.runFor(Duration.ofSeconds(58));
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    assertThat(scene.agent.events(IceEvent.GatheringComplete.class)).isEmpty();
    scene.time.runFor(Duration.ofSeconds(25));
    assertThat(scene.agent.events(IceEvent.GatheringComplete.class)).hasSize(1);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  @Test
  @Tag("SIG-0080")
  void listDoesNotFailBeforeThePeersEndOfCandidates() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(80_000);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.FAILED);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    scene.peer.tell(scene.peer.host("192.0.2.10", 4000)); // every word of the peer buys it time
    scene.runMillis(80_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    scene.runMillis(11_000); // the limit for a peer that forgets
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  // 9: our candidates

  @Test
  @Tag("SIG-0100")
  void candidateThatIsKnownByAddressAndBaseIsIgnored() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED)
        .stunServers(
            List.of(new StunServer("203.0.113.6", 3478), new StunServer("203.0.113.5", 3478))));
    scene.runMillis(100);
    mapped(
        scene, 0, MAPPED); // of the second server: of lower priority than the first one's would be
    AgentHarness.Sent first = scene.agent.transactions().get(0);
    assertThat(first.path().remote().ip().toString()).isEqualTo("203.0.113.6");
    scene.agent.receive(
        first.path(),
        StunBuilder.success(
                Method.BINDING, first.message().transactionId(), ByteBuffer.allocate(200))
            .put(AttributeType.XOR_MAPPED_ADDRESS, MAPPED)
            .finish());
    assertThat(scene.agent.gathered()).hasSize(2);
    assertThat(scene.agent.events(IceEvent.GatheringComplete.class)).hasSize(1);
  }

  @Test
  @Tag("SIG-0100")
  void reflexiveAddressThatIsTheHostsOwnIsIgnored() {
    Encounter scene = new Encounter(withServer(Role.CONTROLLED));
    mapped(scene, 0, scene.agent.base());
    assertThat(scene.agent.gathered()).hasSize(1);
  }

  @Test
  @Tag("SIG-0120")
  void itemsOfAGenerationThatIsOverAreIgnored() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    Candidate late = scene.peer.host("192.0.2.77", 7);
    for (boolean known : new boolean[] {false, true}) {
      if (!known) {
        scene.agent.call(now -> scene.agent.agent().restart(0, now));
      } else {
        scene.peer.credentials("NEXT", "anotherpasswordofthepeer");
        scene.peer.introduce();
      }
      scene.agent.call(
          now -> scene.agent.agent().addRemoteCandidate(0, ScriptedPeer.UFRAG, late, now));
      scene.agent.call(
          now -> scene.agent.agent().endOfRemoteCandidates(0, ScriptedPeer.UFRAG, now));
      assertThat(scene.remotes()).isEmpty();
    }
    assertThat(scene.dropped(DropReason.CANDIDATE_LATE)).isGreaterThanOrEqualTo(2);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000)); // the end of before ended nothing here
    assertThat(scene.remotes()).hasSize(1);
  }

  @Test
  @Tag("SIG-0120")
  void itemsOfAGenerationToComeWaitForItsParameters() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    scene.peer.credentials("NEXT", "anotherpasswordofthepeer");
    scene.peer.tell(scene.peer.host("192.0.2.77", 7));
    scene.peer.tellEnd();
    assertThat(scene.remotes())
        .containsExactly(new Encounter.RemoteSummary(CandidateType.HOST, THERE));
    scene.peer.introduce();
    assertThat(scene.remotes())
        .containsExactly(
            new Encounter.RemoteSummary(CandidateType.HOST, TransportAddress.udp("192.0.2.77", 7)));
    scene.peer.tell(scene.peer.host("192.0.2.78", 7));
    assertThat(scene.remotes()).hasSize(1); // its end came, too
  }

  // 10 to 12: pairs

  @Test
  @Tag("SIG-0130")
  void candidateIsPairedAfterThePeerWasTold() {
    Encounter scene = Encounter.withoutInterfaces(AgentHarness.settings(Role.CONTROLLED), 2);
    scene.peer.introduce();
    scene.peer.tell(
        scene.peer.host("192.0.2.9", 4000),
        scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 65535, 2));
    scene.agent.interfaces("192.0.2.1", "192.0.2.2");
    List<TransportAddress> told = new ArrayList<>();
    int formed = 0;
    for (IceEvent event : scene.agent.events()) {
      if (event instanceof IceEvent.CandidateGathered gathered) {
        told.add(gathered.candidate().address());
      } else if (event instanceof IceEvent.PairChanged changed && changed.why().equals("formed")) {
        formed++;
        assertThat(told).anyMatch(address -> changed.path().startsWith("host " + address + " >"));
      }
    }
    assertThat(formed).isEqualTo(4);
  }

  @Test
  @Tag("SIG-0140")
  void betterReflexiveCandidateOfTheSameBaseTakesOverNoPairThatIsBeingChecked() {
    List<StunServer> servers =
        List.of(new StunServer("203.0.113.5", 3478), new StunServer("203.0.113.6", 3478));
    Encounter scene = Encounter.withoutInterfaces(
        AgentHarness.settings(Role.CONTROLLED)
            .addressHandling(AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY)
            .stunServers(servers),
        1);
    ScriptedStunServer first = new ScriptedStunServer(scene.agent, "203.0.113.5");
    ScriptedStunServer second = new ScriptedStunServer(scene.agent, "203.0.113.6");
    scene.agent.interfaces("192.0.2.1");
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(50);
    TransportAddress worse = TransportAddress.udp("198.51.100.2", 7);
    second.answer(second.requests().get(0), worse);
    scene.peer.awaitCheck(1);
    long priority = scene.pairTo(THERE).priority();
    first.answer(first.requests().get(0), TransportAddress.udp("198.51.100.1", 7));
    assertThat(scene.agent.gathered()).hasSize(2);
    assertThat(scene.agent.gathered().get(1).priority())
        .isGreaterThan(scene.agent.gathered().get(0).priority());
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.IN_PROGRESS);
    assertThat(scene.pairTo(THERE).local().address()).isEqualTo(worse);
    assertThat(scene.pairTo(THERE).priority()).isEqualTo(priority);
  }

  @ParameterizedTest
  @EnumSource(PairState.class)
  @Tag("SIG-0140")
  void reflexiveCandidateOfAPairedBaseDisturbsNoPair(PairState state) {
    Encounter scene = new Encounter(withServer(Role.CONTROLLED));
    scene.peer.introduce();
    Candidate blocker = alike(scene.peer.host("192.0.2.8", 4000), "same");
    Candidate told =
        alike(scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4000, 7, 1), "same");
    switch (state) {
      case FROZEN -> {
        scene.peer.tell(blocker, told);
        scene.peer.awaitCheck(1);
      }
      case WAITING -> {
        for (int i = 0; i < 20; i++) {
          scene.peer.tell(scene.peer.host("192.0.2.8", 5000 + i));
        }
        scene.peer.tell(told);
      }
      default -> {
        scene.peer.tell(told);
        ScriptedPeer.Check check = scene.peer.awaitCheck(1);
        if (state == PairState.SUCCEEDED) {
          scene.peer.answer(check);
        } else if (state == PairState.FAILED) {
          scene.peer.refuse(check, 500);
        }
      }
    }
    IceStatistics.PairStatistics before = scene.pairTo(THERE);
    assertThat(before.state()).isEqualTo(state);
    int pairs = scene.pairs().size();
    mapped(scene, 0, MAPPED);
    assertThat(scene.agent.gathered()).hasSize(2);
    assertThat(scene.pairs()).hasSize(pairs);
    IceStatistics.PairStatistics after = scene.pairTo(THERE);
    assertThat(after.id()).isEqualTo(before.id());
    assertThat(after.state()).isEqualTo(state);
    assertThat(after.local().type()).isEqualTo(CandidateType.HOST);
  }

  @Test
  @Tag("SIG-0150")
  void fullListDropsFailedPairsFirstThenThoseOfLowerPriority() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED).maxPairs(3));
    scene.peer.introduce();
    Candidate[] told = new Candidate[7];
    for (int i = 0; i < told.length; i++) { // the first is the best
      told[i] = scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4000 + i, 60_000 - i, 1);
    }
    scene.peer.tell(told[1]);
    scene.peer.refuse(scene.peer.awaitCheck(1), 500);
    scene.peer.tell(told[4]);
    scene.peer.awaitCheck(2);
    scene.peer.tell(alike(told[3], "same"), alike(told[6], "same")); // full; the failed one goes
    assertThat(ports(scene)).containsExactly(4003, 4004, 4006);
    scene.peer.tell(alike(told[5], "same")); // the frozen one of lowest priority goes
    assertThat(ports(scene)).containsExactly(4003, 4004, 4005);
    scene.peer.tell(alike(told[2], "other"));
    assertThat(ports(scene)).containsExactly(4002, 4003, 4004);
    scene.peer.tell(
        scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4100, 5, 1)); // no room for it
    assertThat(ports(scene)).containsExactly(4002, 4003, 4004);
  }

  private static List<Integer> ports(Encounter scene) {
    return scene.pairs().stream().map(pair -> pair.remote().address().port()).toList();
  }

  @Test
  @Tag("SIG-0200")
  void remoteCandidateWithoutACounterpartWaitsForOne() {
    Encounter scene = new Encounter(withServer(Role.CONTROLLED), 2);
    scene.peer.introduce();
    scene.peer.tell(
        scene.peer.host("2001:db8::9", 4000),
        scene.peer.host("192.0.2.9", 4000),
        scene.peer.candidate(CandidateType.HOST, "2001:db8::9", 4001, 65535, 2));
    assertThat(scene.remotes()).hasSize(3);
    assertThat(scene.pairs()).hasSize(1); // of one family and component
    scene.agent.interfaces("192.0.2.1", "2001:db8::1");
    assertThat(scene.pairs()).hasSize(3);
    assertThat(scene.pairs())
        .allMatch(pair -> pair.local().component() == pair.remote().component()
            && pair.local().address().ip().family()
                == pair.remote().address().ip().family());
  }

  @Test
  @Tag("SIG-0220")
  void insertedPairWaitsOnTopOfItsFoundationOrWhereThatSucceededElseItIsFrozen() {
    AgentHarness agent = new AgentHarness(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLED).build());
    agent.call(now -> agent.agent().addStream(2, now));
    agent.call(now -> agent.agent().addStream(2, now));
    agent.interfaces("192.0.2.1");
    ScriptedPeer audio = new ScriptedPeer(agent, 0);
    ScriptedPeer video = new ScriptedPeer(agent, 1);
    video.credentials("video", ScriptedPeer.PASSWORD);
    audio.introduce();
    video.introduce();
    // rule 1: the first of its foundation; below it, rule 3
    insert(audio, 4001, "f1", 1, 100);
    assertThat(history(agent, 4001)).startsWith(PairState.WAITING);
    insert(audio, 4002, "f1", 2, 100);
    insert(video, 4003, "f1", 1, 50);
    insert(video, 4004, "f1", 2, 50);
    for (int port = 4002; port <= 4004; port++) {
      assertThat(history(agent, port)).isEmpty(); // frozen from the start
    }
    // rule 1 again: a lower component, or a higher priority in the same one, goes on top
    insert(audio, 4010, "f2", 2, 100);
    insert(audio, 4011, "f2", 1, 10);
    assertThat(history(agent, 4011)).startsWith(PairState.WAITING);
    insert(video, 4012, "f2", 1, 200);
    assertThat(history(agent, 4012)).startsWith(PairState.WAITING);
    insert(video, 4013, "f2", 1, 5);
    assertThat(history(agent, 4013)).isEmpty();
    // rule 2: the foundation has succeeded somewhere
    agent.time().runFor(Duration.ofMillis(200));
    ScriptedPeer.Check check =
        audio.checksTo(TransportAddress.udp("192.0.2.9", 4001)).get(0);
    audio.answer(check);
    insert(video, 4020, "f1", 2, 1);
    assertThat(history(agent, 4020)).startsWith(PairState.WAITING);
  }

  private static void insert(
      ScriptedPeer peer, int port, String foundation, int component, int preference) {
    peer.tell(alike(
        peer.candidate(CandidateType.HOST, "192.0.2.9", port, preference, component), foundation));
  }

  private static List<PairState> history(AgentHarness agent, int port) {
    return agent.events(IceEvent.PairChanged.class).stream()
        .filter(event -> event.path().endsWith(":" + port) && !event.why().equals("formed"))
        .map(IceEvent.PairChanged::state)
        .toList();
  }

  // 13, 14: the end

  @ParameterizedTest
  @EnumSource(Role.class)
  @Tag("SIG-0160")
  @Tag("SIG-0170")
  void endOfCandidatesIsToldWhenGatheringIsCompleteOrHasTakenTooLong(Role role) {
    for (boolean answered : new boolean[] {true, false}) {
      Encounter scene = new Encounter(withServer(role).gatheringLimit(Duration.ofSeconds(3)));
      scene.runMillis(1_000);
      assertThat(scene.agent.events(IceEvent.GatheringComplete.class)).isEmpty();
      if (answered) {
        mapped(scene, 0, MAPPED);
      } else {
        scene.runMillis(2_001);
      }
      String ufrag = scene.agent.agent().localParameters(0).ufrag();
      assertThat(scene.agent.events(IceEvent.GatheringComplete.class))
          .containsExactly(new IceEvent.GatheringComplete(0, ufrag));
      scene.agent.call(now -> scene.agent.agent().restart(0, now));
      scene.runMillis(4_000);
      assertThat(scene.agent.events(IceEvent.GatheringComplete.class).get(1).ufrag())
          .isEqualTo(scene.agent.agent().localParameters(0).ufrag())
          .isNotEqualTo(ufrag);
    }
  }

  @Test
  @Tag("SIG-0170")
  void endOfCandidatesOfAnotherGenerationEndsNothing() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    scene.agent.call(now -> scene.agent.agent().endOfRemoteCandidates(0, "OTHER", now));
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    assertThat(scene.remotes()).hasSize(1);
  }

  @Test
  @Tag("SIG-0180")
  void nothingIsToldAfterTheEndOfCandidates() {
    Encounter scene =
        new Encounter(withServer(Role.CONTROLLED).gatheringLimit(Duration.ofSeconds(1)));
    scene.runMillis(1_100);
    assertThat(scene.agent.events(IceEvent.GatheringComplete.class)).hasSize(1);
    mapped(scene, 0, MAPPED); // late
    scene.agent.interfaces("192.0.2.1", "192.0.2.2");
    scene.runMillis(5_000);
    assertThat(scene.agent.gathered()).hasSize(1);
    assertThat(scene.agent.events(IceEvent.RestartAdvised.class)).hasSize(1);
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    assertThat(scene.agent.gathered().subList(1, 3))
        .extracting(candidate -> candidate.address().ip().toString())
        .containsExactly("192.0.2.1", "192.0.2.2");
  }

  @Test
  @Tag("SIG-0180")
  void nothingIsToldAfterTheNomination() {
    Encounter scene = new Encounter(withServer(Role.CONTROLLED)).completed();
    int before = scene.agent.gathered().size();
    mapped(scene, 0, MAPPED);
    scene.agent.interfaces("192.0.2.1", "192.0.2.2");
    scene.runMillis(1_000);
    assertThat(scene.agent.gathered()).hasSize(before);
  }

  @Test
  @Tag("SIG-0190")
  void lowerComponentsAreToldAndPairedFirst() {
    Encounter scene = Encounter.withoutInterfaces(AgentHarness.settings(Role.CONTROLLED), 3);
    scene.peer.introduce();
    for (int component = 3; component >= 1; component--) {
      scene.peer.tell(scene.peer.candidate(
          CandidateType.HOST, "192.0.2.9", 4000 + component, 65535, component));
    }
    scene.agent.interfaces("192.0.2.1", "192.0.2.2");
    for (String foundation :
        scene.agent.gathered().stream().map(Candidate::foundation).distinct().toList()) {
      assertThat(scene.agent.gathered().stream()
              .filter(candidate -> candidate.foundation().equals(foundation))
              .map(Candidate::component))
          .containsExactly(1, 2, 3);
    }
    List<Candidate> paired = scene.pairs().stream()
        .sorted((a, b) -> Long.compare(a.id(), b.id()))
        .map(IceStatistics.PairStatistics::local)
        .toList();
    assertThat(paired).isEqualTo(scene.agent.gathered());
  }

  @Test
  @Tag("SIG-0230")
  void candidatesAfterThePeersEndAreIgnoredAndCounted() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    scene.peer.tell(scene.peer.host("192.0.2.77", 7));
    scene.agent.call(now ->
        scene.agent.agent().addRemoteCandidate(0, null, scene.peer.host("192.0.2.78", 7), now));
    assertThat(scene.remotes()).hasSize(1);
    assertThat(scene.dropped(DropReason.CANDIDATE_LATE)).isEqualTo(2);
    scene.peer.credentials("NEXT", "anotherpasswordofthepeer");
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.77", 7));
    assertThat(scene.remotes()).hasSize(1);
    assertThat(scene.dropped(DropReason.CANDIDATE_LATE)).isEqualTo(2);
  }

  @Test
  @Tag("SIG-0240")
  void endOfCandidatesFailsAListThatHasNothingLeft() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(45_000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    scene.peer.tellEnd();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  @Test
  @Tag("SIG-0240")
  void endOfCandidatesIsRememberedForWhenTheLastCheckIsOver() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    scene.runMillis(30_000);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.peer.tellEnd();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CHECKING);
    scene.runMillis(39_600);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  // 16

  @Test
  @Tag("SIG-0010")
  @Tag("SIG-0250")
  void halfTrickleMeetsResponderWithAndWithoutTrickle() {
    for (boolean trickles : new boolean[] {true, false}) {
      AgentPair pair = new AgentPair(
              AgentHarness.settings(Role.CONTROLLING).build(),
              AgentHarness.settings(Role.CONTROLLED).trickle(trickles).build(),
              Duration.ofMillis(10))
          .streams(1);
      pair.left.interfaces("192.0.2.1", "192.0.2.3"); // the whole generation first
      IceParameters description = pair.left.agent().localParameters(0);
      assertThat(description.has("trickle")).isTrue();
      assertThat(pair.left.events(IceEvent.GatheringComplete.class)).hasSize(1);
      pair.right.call(now -> pair.right.agent().setRemote(0, description, now));
      for (Candidate each : pair.left.gathered()) {
        pair.right.call(now -> pair.right.agent().addRemoteCandidate(0, null, each, now));
      }
      pair.right.call(now -> pair.right.agent().endOfRemoteCandidates(0, null, now));
      IceParameters answer = pair.right.agent().localParameters(0);
      pair.left.call(now -> pair.left.agent().setRemote(0, answer, now));
      pair.time.runFor(Duration.ofMillis(500));
      pair.right.interfaces("192.0.2.2");
      pair.time.runFor(Duration.ofMillis(500));
      // a responder that trickles checks as soon as it has an address; the other waits for nothing
      // either
      assertThat(pair.right.gathered()).hasSize(1);
      Candidate late = pair.right.gathered().get(0);
      pair.left.call(now -> pair.left.agent().addRemoteCandidate(0, null, late, now));
      pair.left.call(now -> pair.left.agent().endOfRemoteCandidates(0, null, now));
      assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
      assertThat(pair.left.agent().path(0, 1))
          .isEqualTo(pair.right.agent().path(0, 1).reversed());
      assertThat(new FiveTuple(late.address(), pair.right.agent().path(0, 1).remote()).local())
          .isEqualTo(late.address());
    }
  }
}

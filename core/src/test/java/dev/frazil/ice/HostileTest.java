package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.IntegrityKey;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Strangers, and peers that mean no good (RFC 8445 19). */
class HostileTest {
  /** Everything that the agent knows and has asked or told, but for the counters of drops. */
  private static String digest(Encounter scene) {
    IceStatistics statistics = scene.agent.agent().statistics();
    return statistics.state() + "|" + statistics.role() + "|" + statistics.localCandidates() + "|"
        + statistics.remoteCandidates() + "|" + statistics.pairs() + "|" + scene.agent.events()
        + "|" + scene.agent.requests() + "|" + scene.agent.delivered().size() + "|"
        + scene.agent.agent().nextTimeout();
  }

  /** Regression "candidate floods": 10,000 trickled candidates. */
  @Test
  @Tag("ICE-4000")
  void tenThousandTrickledCandidatesMakeABoundedNumberOfPairsAndChecks() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    Random random = new Random(8);
    for (int i = 0; i < 10_000; i++) {
      scene.peer.tell(scene.peer.candidate(
          CandidateType.HOST, "198.51.100.7", 1024 + i, random.nextInt(65536), 1));
      if (i % 100 == 0) {
        scene.runMillis(1);
      }
    }
    assertThat(scene.pairs()).hasSizeLessThanOrEqualTo(100);
    assertThat(scene.remotes()).hasSizeLessThanOrEqualTo(128);
    assertThat(scene.dropped(DropReason.TABLE_FULL)).isGreaterThan(9_000);
    scene.peer.tellEnd();
    scene.time.runFor(Duration.ofMinutes(3));
    List<AgentHarness.Sent> first = scene.agent.transactions();
    assertThat(first).hasSizeLessThanOrEqualTo(110);
    for (int i = 1; i < first.size(); i++) { // RFC 8445 19.5.1: and no faster than Ta
      assertThat(first.get(i).time() - first.get(i - 1).time())
          .isGreaterThanOrEqualTo(Duration.ofMillis(10).toNanos());
    }
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  /** Regression "amplification by ICE": a peer that goes on naming addresses of a victim, as those before fail. */
  @Test
  @Tag("ICE-4000")
  void peerThatKeepsNamingNewAddressesGetsNoMoreThanHundredOfThemChecked() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    for (int i = 0; i < 2_000; i++) {
      scene.peer.tell(scene.peer.host("198.51.100.7", 1024 + i));
      scene.runMillis(300);
    }
    assertThat(scene.agent.transactions()).hasSizeLessThanOrEqualTo(100);
  }

  @Test
  @Tag("ICE-4000")
  void peerThatIsReallyThereIsFoundWhenTheChecksAreUsedUp() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.answerWhen(check -> check.to().equals(THERE), Duration.ofMillis(20));
    scene.peer.introduce();
    for (int i = 0; i < 500; i++) {
      scene.peer.tell(scene.peer.host("198.51.100.7", 1024 + i));
      scene.runMillis(300);
    }
    scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send(); // it asked for this one
    scene.runMillis(100);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  /** Regression "candidate floods": checks with valid integrity from 10,000 ports. */
  @Test
  @Tag("ICE-4000")
  void checksFromTenThousandPortsMakeABoundedNumberOfPairsAndCandidates() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    for (int i = 0; i < 10_000; i++) {
      scene
          .from(TransportAddress.udp("198.51.100.7", 1024 + i))
          .role(Role.CONTROLLING, 1)
          .post();
    }
    assertThat(scene.pairs()).hasSizeLessThanOrEqualTo(100);
    assertThat(scene.remotes()).hasSizeLessThanOrEqualTo(128);
    assertThat(scene.dropped(DropReason.TABLE_FULL)).isGreaterThan(9_000);
    assertThat(scene.pairTo(THERE)).isNotNull(); // what was told is not pushed out
  }

  @Test
  @Tag("ICE-4000")
  void peerThatSeesUsAtEverNewAddressesMakesABoundedNumberOfCandidates() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLING).maxPairs(4).renomination(true));
    int[] port = {1024};
    scene.peer.onCheck(check -> scene.time.after(
        Duration.ofMillis(1),
        () -> scene.peer.answer(check, TransportAddress.udp("203.0.113.7", port[0]++))));
    IceParameters plain = scene.peer.parameters();
    scene.peer.introduce(new IceParameters(
        plain.ufrag(), plain.password(), false, 10, Set.of("ice2", "trickle", "renomination")));
    scene.peer.tell(scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 1));
    scene.runUntil(IceState.COMPLETED);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(200);
    for (int i = 0; i < 300; i++) { // nominated by turns, each pair is checked anew
      long id = scene.pairs().stream()
          .filter(pair -> !pair.nominated())
          .findFirst()
          .orElseThrow()
          .id();
      scene.agent.call(now -> scene.agent.agent().nominate(0, id, now));
      scene.runMillis(25);
    }
    assertThat(port[0]).isGreaterThan(1_300);
    assertThat(scene.agent.agent().statistics().localCandidates()).hasSizeLessThanOrEqualTo(5);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-4000")
  void earlyCandidatesOfGenerationsThatNeverComeAreBounded() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    for (int i = 0; i < 10_000; i++) {
      Candidate host = scene.peer.host("198.51.100.7", 1024 + i);
      String ufrag = "U" + i + "xxx";
      scene.agent.call(now -> scene.agent.agent().addRemoteCandidate(0, ufrag, host, now));
    }
    assertThat(scene.dropped(DropReason.TABLE_FULL)).isGreaterThan(9_000);
  }

  @Test
  @Tag("ICE-4010")
  void randomBytesAndSpoiltMessagesOfStrangersChangeNothing() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    scene.peer.awaitCheck(1);
    scene.runMillis(100);
    List<ByteBuffer> samples = new ArrayList<>();
    scene.agent.sent().forEach(sent -> samples.add(sent.bytes())); // the agent's own, sent back
    samples.add(scene.fromThere().key(IntegrityKey.shortTerm("s".repeat(22))).bytes());
    samples.add(scene.fromThere().key(null).useCandidate().bytes());
    samples.add(scene.fromThere().username("x").bytes());
    Random random = new Random(11);
    String before = digest(scene);
    for (int i = 0; i < 20_000; i++) {
      TransportAddress from = i % 3 == 0 ? THERE : TransportAddress.udp("198.51.100.7", 1 + i);
      scene.agent.receive(new FiveTuple(scene.agent.base(), from), spoilt(random, samples));
    }
    assertThat(digest(scene)).isEqualTo(before);
  }

  private static ByteBuffer spoilt(Random random, List<ByteBuffer> samples) {
    if (random.nextInt(4) == 0) {
      byte[] noise = new byte[random.nextInt(200)];
      random.nextBytes(noise);
      return ByteBuffer.wrap(noise);
    }
    ByteBuffer sample = samples.get(random.nextInt(samples.size())).duplicate();
    byte[] bytes = new byte[sample.remaining()];
    sample.get(bytes);
    if (random.nextBoolean()) {
      bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
    }
    int length = random.nextInt(8) == 0 ? random.nextInt(bytes.length) : bytes.length;
    return ByteBuffer.wrap(bytes, 0, length);
  }

  @Test
  @Tag("ICE-4010")
  void replayedMessagesOfThePeerChangeNothing() {
    AgentPair pair = AgentPair.standard().streams(1);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    pair.time.runFor(Duration.ofSeconds(30));
    for (AgentHarness[] each :
        new AgentHarness[][] {{pair.left, pair.right}, {pair.right, pair.left}}) {
      AgentHarness from = each[0];
      AgentHarness to = each[1];
      List<AgentHarness.Sent> recorded = List.copyOf(from.sent());
      int events = to.events().size();
      FiveTuple path = to.agent().path(0, 1);
      List<PairState> states = states(to);
      for (AgentHarness.Sent sent : recorded) {
        to.receive(sent.path().reversed(), sent.bytes());
      }
      assertThat(to.events()).hasSize(events);
      assertThat(to.agent().path(0, 1)).isEqualTo(path);
      assertThat(states(to)).isEqualTo(states);
    }
  }

  private static List<PairState> states(AgentHarness agent) {
    return agent.agent().statistics().pairs().stream()
        .map(IceStatistics.PairStatistics::state)
        .toList();
  }

  /** Nothing from the network throws, be it ever so authentic. */
  @Test
  void spoiltMessagesOfThePeerWithTheRightKeyNeverThrow() {
    for (Role role : Role.values()) {
      for (int seed = 0; seed < 40; seed++) {
        Random random = new Random(seed);
        Encounter scene = new Encounter(
            AgentHarness.settings(role).renomination(seed % 2 == 0), 1, "192.0.2.1", "192.0.2.2");
        List<TransportAddress> bases = scene.agent.bases();
        scene.peer.onCheck(check -> scene.time.after(Duration.ofMillis(random.nextInt(60)), () -> {
          switch (random.nextInt(6)) {
            case 0 -> scene.peer.refuse(check, 300 + random.nextInt(400));
            case 1 -> scene.peer.refuse(check, 487);
            case 2 ->
              scene.peer.answer(check, TransportAddress.udp("203.0.113.7", 1 + random.nextInt(3)));
            case 3 -> scene.peer.answer(check, bases.get(random.nextInt(2)));
            case 4 -> {}
            default -> scene.peer.answer(check);
          }
        }));
        scene.introduced();
        for (int i = 0; i < 200; i++) {
          scene.runMillis(random.nextInt(30));
          TransportAddress base = bases.get(random.nextInt(2));
          TransportAddress from = TransportAddress.udp("192.0.2.9", 4000 + random.nextInt(4));
          ScriptedPeer.Request request = scene
              .peer
              .request(from, base)
              .role(Role.values()[random.nextInt(2)], random.nextLong());
          if (random.nextInt(3) == 0) {
            request.useCandidate();
          }
          if (random.nextInt(3) == 0) {
            request.with(
                builder -> builder.put(dev.frazil.stun.AttributeType.NOMINATION, random.nextInt()));
          }
          request.send();
        }
        scene.time.runFor(Duration.ofMinutes(2));
        assertThat(scene.pairs()).hasSizeLessThanOrEqualTo(100);
      }
    }
  }
}

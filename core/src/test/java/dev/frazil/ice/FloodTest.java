package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a peer can make an agent keep and send: RFC 8445 19.5.1, 6.1.2.5. */
class FloodTest {
  /** Regression: remote candidates that are loopback, unspecified, multicast, broadcast or of port 0. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1 4000",
        "127.255.0.1 4000",
        "::1 4000",
        "0.0.0.0 4000",
        ":: 4000",
        "224.0.0.1 4000",
        "239.255.255.255 4000",
        "ff02::1 4000",
        "255.255.255.255 4000",
        "::ffff:127.0.0.1 4000",
        "192.0.2.9 0"
      })
  void anAddressThatNoPeerCanHaveIsRefusedAndCounted(String where) {
    Encounter encounter =
        new Encounter(AgentHarness.settings(Role.CONTROLLING), 1, "192.0.2.1", "2001:db8::1");
    String[] parts = where.split(" ");
    ScriptedPeer peer = encounter.peer;
    peer.tell(peer.host(parts[0], Integer.parseInt(parts[1]))); // before the parameters
    peer.introduce();
    peer.tell(peer.host(parts[0], Integer.parseInt(parts[1])));
    encounter.time.runFor(Duration.ofSeconds(5));
    assertThat(peer.checks()).isEmpty();
    assertThat(encounter.agent.agent().statistics().dropped())
        .containsEntry(DropReason.CANDIDATE_REFUSED, 2L);
    assertThat(encounter.agent.agent().statistics().remoteCandidates()).isEmpty();
  }

  @Test
  void theApplicationMayRefuseMore() {
    Encounter encounter = new Encounter(AgentHarness.settings(Role.CONTROLLING)
        .remoteFilter(candidate -> !candidate.address().ip().isPrivate()));
    ScriptedPeer peer = encounter.peer;
    peer.introduce();
    peer.tell(peer.host("10.0.0.9", 4000), peer.host("203.0.113.9", 4000));
    encounter.time.runFor(Duration.ofSeconds(5));
    assertThat(peer.checks())
        .extracting(check -> check.to().ip().toString())
        .containsExactly("203.0.113.9");
  }

  @Test
  void whatTheApplicationRefusesIsNotLearntFromChecksEither() {
    Encounter encounter = new Encounter(AgentHarness.settings(Role.CONTROLLED)
        .remoteFilter(candidate -> !candidate.address().ip().isPrivate()));
    encounter.peer.introduce();
    TransportAddress inside = TransportAddress.udp("10.0.0.9", 4000);
    assertThat(Encounter.errorOf(
            encounter.from(inside).role(Role.CONTROLLING, 1).useCandidate().send()))
        .isEqualTo(403);
    assertThat(encounter.remotes()).isEmpty();
    assertThat(encounter.dropped(DropReason.CANDIDATE_REFUSED)).isEqualTo(1);
    TransportAddress outside = TransportAddress.udp("203.0.113.9", 4000);
    assertThat(Encounter.errorOf(
            encounter.from(outside).role(Role.CONTROLLING, 1).useCandidate().send()))
        .isZero();
    encounter.time.runFor(Duration.ofSeconds(1));
    assertThat(encounter.peer.checks()).extracting(ScriptedPeer.Check::to).containsOnly(outside);
  }

  @ParameterizedTest
  @ValueSource(strings = {"192.0.2.9 0", "0.0.0.0 4000", "224.0.0.1 4000", "255.255.255.255 4000"})
  void checkFromWhereNobodyCanHearIsNotAnswered(String where) {
    Encounter encounter = new Encounter(AgentHarness.settings(Role.CONTROLLED));
    encounter.peer.introduce();
    String[] parts = where.split(" ");
    TransportAddress source = TransportAddress.udp(parts[0], Integer.parseInt(parts[1]));
    assertThat(encounter.from(source).role(Role.CONTROLLING, 1).send()).isNull();
    assertThat(encounter.remotes()).isEmpty();
    assertThat(encounter.dropped(DropReason.BAD_REQUEST)).isEqualTo(1);
  }

  @Test
  void loopbackIsTakenWhenAskedFor() {
    Encounter encounter =
        new Encounter(AgentHarness.settings(Role.CONTROLLING).loopback(true), 1, "127.0.0.1");
    encounter.peer.introduce();
    encounter.peer.tell(encounter.peer.host("127.0.0.1", 4000));
    encounter.peer.awaitCheck(1);
  }

  /** Regression: candidate floods. */
  @Test
  @Tag("ICE-1570")
  void tenThousandCandidatesLeaveTheBestHundredPairs() {
    Encounter encounter = new Encounter(AgentHarness.settings(Role.CONTROLLED));
    ScriptedPeer peer = encounter.peer;
    peer.introduce();
    for (int i = 0; i < 10_000; i++) {
      int preference = i * 7919 % 10_000; // the best come anywhere
      peer.tell(peer.candidate(
          CandidateType.HOST, "198.51." + i / 250 + "." + (i % 250 + 1), 4000, preference, 1));
    }
    IceStatistics statistics = encounter.agent.agent().statistics();
    assertThat(statistics.pairs()).hasSize(100);
    assertThat(statistics.remoteCandidates()).hasSizeLessThanOrEqualTo(128);
    assertThat(statistics.pairs().stream()
            .filter(pair -> pair.state() != PairState.IN_PROGRESS)
            .map(pair -> (pair.remote().priority() >> 8) & 0xFFFF))
        .hasSizeGreaterThan(95)
        .allMatch(preference -> preference >= 10_000 - 100);
    assertThat(statistics.dropped().get(DropReason.TABLE_FULL)).isGreaterThan(1000L);
  }

  /** Regression: amplification by ICE (RFC 8445 19.5.1). */
  @Test
  @Tag("ICE-1570")
  void candidatesAimedAtAVictimCostItNoMoreThanPairsAndPaceAllow() {
    Encounter encounter = new Encounter(
        AgentHarness.settings(Role.CONTROLLING), 1, "192.0.2.1", "192.0.2.2", "192.0.2.3");
    ScriptedPeer peer = encounter.peer;
    peer.introduce();
    long begun = encounter.time.now();
    for (int port = 1; port <= 500; port++) {
      peer.tell(peer.host("198.51.100.66", port));
    }
    peer.tellEnd();
    encounter.time.runFor(Duration.ofMinutes(3));
    assertThat(encounter.agent.transactions()).hasSizeLessThanOrEqualTo(100 + 10);
    assertThat(encounter.agent.sent()).hasSizeLessThanOrEqualTo(7 * 110);
    List<AgentHarness.Sent> first = encounter.agent.transactions();
    for (int i = 0; i < first.size(); i++) {
      assertThat(first.get(i).time() - begun).isGreaterThanOrEqualTo(i * 10_000_000L);
    }
  }

  @Test
  void whatComesBeforeTheParametersIsBounded() {
    Encounter encounter = new Encounter(AgentHarness.settings(Role.CONTROLLING));
    ScriptedPeer peer = encounter.peer;
    for (int i = 0; i < 1000; i++) {
      peer.tell(peer.host("198.51.100.9", 1000 + i));
    }
    assertThat(encounter.agent.agent().statistics().dropped())
        .containsEntry(DropReason.TABLE_FULL, 1000L - 128);
    peer.introduce();
    assertThat(encounter.agent.agent().statistics().pairs()).hasSize(100);
  }

  @Test
  void aCandidateOfAComponentThatTheStreamLacksIsRefused() {
    Encounter encounter = new Encounter(AgentHarness.settings(Role.CONTROLLING));
    ScriptedPeer peer = encounter.peer;
    peer.introduce();
    peer.tell(peer.candidate(CandidateType.HOST, "198.51.100.9", 4000, 65535, 2));
    assertThat(encounter.agent.agent().statistics().remoteCandidates()).isEmpty();
    assertThat(encounter.agent.agent().statistics().dropped())
        .containsEntry(DropReason.CANDIDATE_REFUSED, 1L);
  }

  @Test
  void theSameCandidateToldAgainChangesNothing() {
    Encounter encounter = new Encounter(AgentHarness.settings(Role.CONTROLLED));
    ScriptedPeer peer = encounter.peer;
    peer.introduce();
    Candidate candidate = peer.host("198.51.100.9", 4000);
    for (int i = 0; i < 1000; i++) {
      peer.tell(candidate);
    }
    encounter.time.runFor(Duration.ofSeconds(1));
    assertThat(encounter.agent.agent().statistics().pairs()).hasSize(1);
    assertThat(peer.checks()).hasSize(1);
    assertThat(peer.checks().get(0).to()).isEqualTo(TransportAddress.udp("198.51.100.9", 4000));
  }
}

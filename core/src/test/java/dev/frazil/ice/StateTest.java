package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The states of pairs, of checklists and of the session: RFC 8445 6.1.2.1, 6.1.2.6 and 6.1.3. */
class StateTest {
  /** Figure 6, and the moves that 7.2.5.1, 7.2.5.3.2, 7.3.1.4 and 8.1.1 add. */
  private static final Map<PairState, Set<PairState>> MOVES = new EnumMap<>(Map.of(
      PairState.FROZEN,
      Set.of(PairState.WAITING, PairState.SUCCEEDED),
      PairState.WAITING,
      Set.of(PairState.IN_PROGRESS, PairState.SUCCEEDED),
      PairState.IN_PROGRESS,
      Set.of(PairState.SUCCEEDED, PairState.FAILED, PairState.WAITING),
      PairState.SUCCEEDED,
      Set.of(PairState.IN_PROGRESS),
      PairState.FAILED,
      Set.of(PairState.WAITING, PairState.SUCCEEDED)));

  @Test
  @Tag("ICE-1600")
  void pairsMakeNoOtherMovesThanTheFigureShows() {
    Set<String> seen = new HashSet<>();
    for (int seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      AgentPair pair = new AgentPair(
              AgentHarness.settings(Role.CONTROLLING).build(),
              AgentHarness.settings(seed % 3 == 0 ? Role.CONTROLLING : Role.CONTROLLED)
                  .build(),
              Duration.ofMillis(random.nextInt(120)))
          .streams(2, 1);
      double loss = random.nextDouble(0.6);
      int deadPort = 10_001 + random.nextInt(4);
      pair.passing(path -> random.nextDouble() >= loss && path.remote().port() != deadPort);
      pair.left.interfaces("192.0.2.1", "2001:db8::1");
      pair.right.interfaces("192.0.2.2", "2001:db8::2", "192.0.2.3");
      pair.exchange();
      pair.time.runFor(Duration.ofSeconds(25));
      check(pair.left, seen);
      check(pair.right, seen);
    }
    assertThat(seen)
        .as("the moves that were seen")
        .contains(
            "FROZEN > WAITING",
            "WAITING > IN_PROGRESS",
            "IN_PROGRESS > SUCCEEDED",
            "IN_PROGRESS > WAITING",
            "SUCCEEDED > IN_PROGRESS");
  }

  private static void check(AgentHarness agent, Set<String> seen) {
    Map<Long, PairState> states = new HashMap<>();
    for (IceEvent.PairChanged changed : agent.events(IceEvent.PairChanged.class)) {
      PairState after = changed.state();
      PairState before = states.get(changed.pair());
      if (after == null) {
        states.remove(changed.pair());
      } else if (before == null) {
        assertThat(after).as("a new pair").isEqualTo(PairState.FROZEN);
        states.put(changed.pair(), after);
      } else if (before != after) {
        seen.add(before + " > " + after);
        assertThat(MOVES.get(before)).as(changed.toString()).contains(after);
        states.put(changed.pair(), after);
      }
    }
  }

  @Test
  @Tag("ICE-1600")
  void aFailedPairWaitsAgainWhenThePeersCheckComes() {
    Encounter encounter = new Encounter(Role.CONTROLLED).introduced();
    encounter.peer.refuse(encounter.peer.awaitCheck(1), 500);
    assertThat(states(encounter.agent)).containsExactly(PairState.FAILED);
    encounter.fromThere().role(Role.CONTROLLING, 1).send();
    assertThat(states(encounter.agent)).doesNotContain(PairState.FAILED);
    check(encounter.agent, new HashSet<>());
  }

  private static List<PairState> states(AgentHarness agent) {
    return agent.agent().statistics().pairs().stream()
        .map(IceStatistics.PairStatistics::state)
        .toList();
  }

  private enum Fate {
    RUNNING,
    COMPLETED,
    FAILED
  }

  @ParameterizedTest
  @CsvSource({
    "COMPLETED, COMPLETED, COMPLETED",
    "FAILED, FAILED, FAILED",
    "RUNNING, RUNNING, CHECKING",
    "COMPLETED, FAILED, CONNECTED",
    "FAILED, COMPLETED, CONNECTED",
    "COMPLETED, RUNNING, CHECKING",
    "RUNNING, COMPLETED, CHECKING",
    "FAILED, RUNNING, CHECKING",
    "RUNNING, FAILED, CHECKING"
  })
  @Tag("ICE-1620")
  void theSessionIsCompletedOrFailedWhenEveryListIs(Fate first, Fate second, IceState state) {
    VirtualTime time = new VirtualTime();
    AgentHarness agent =
        new AgentHarness(time, AgentHarness.settings(Role.CONTROLLING).build());
    List<ScriptedPeer> peers = new ArrayList<>();
    for (int stream = 0; stream < 2; stream++) {
      agent.call(now -> agent.agent().addStream(1, now));
      ScriptedPeer peer = new ScriptedPeer(agent, stream);
      peer.credentials("PEER" + stream, ScriptedPeer.PASSWORD);
      peers.add(peer);
    }
    agent.interfaces("192.0.2.1");
    for (int stream = 0; stream < 2; stream++) {
      ScriptedPeer peer = peers.get(stream);
      Fate fate = stream == 0 ? first : second;
      peer.introduce();
      if (fate == Fate.COMPLETED) {
        peer.answerWhen(check -> true, Duration.ofMillis(10));
      }
      if (fate != Fate.RUNNING) {
        for (int i = 0; i <= stream; i++) { // foundations of its own
          peer.tell(peer.host("192.0.2.9", 4000 + 10 * stream + i));
        }
        peer.tellEnd();
      }
    }
    time.runFor(Duration.ofSeconds(85));
    assertThat(agent.agent().state()).isEqualTo(state);
    assertThat(agent.events(IceEvent.StreamFailed.class))
        .extracting(IceEvent.StreamFailed::stream)
        .hasSize((first == Fate.FAILED ? 1 : 0) + (second == Fate.FAILED ? 1 : 0));
  }
}

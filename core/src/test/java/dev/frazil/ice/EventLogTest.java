package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The event log: what became of every pair, and why the chosen one was chosen. */
class EventLogTest {
  private static final TransportAddress BLOCKED = TransportAddress.udp("192.0.2.4", 10002);

  private static AgentPair crowd() {
    AgentPair pair = AgentPair.standard().streams(2);
    pair.passing(path -> !path.remote().ip().equals(BLOCKED.ip()));
    pair.left.interfaces("192.0.2.1", "192.0.2.3");
    pair.right.interfaces("192.0.2.4", "192.0.2.2");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(10))).isTrue();
    return pair;
  }

  @ParameterizedTest
  @EnumSource(Role.class)
  void fateOfEveryPairIsTold(Role role) {
    AgentPair pair = crowd();
    AgentHarness side = role == Role.CONTROLLING ? pair.left : pair.right;
    Map<Long, IceEvent.PairChanged> last = new HashMap<>();
    for (IceEvent.PairChanged line : side.events(IceEvent.PairChanged.class)) {
      assertThat(line.why()).isNotBlank();
      assertThat(last.containsKey(line.pair()) || line.why().equals("formed")).isTrue();
      last.put(line.pair(), line);
    }
    Map<Long, PairState> left = new HashMap<>();
    side.agent().statistics().pairs().forEach(each -> left.put(each.id(), each.state()));
    assertThat(last.keySet()).hasSizeGreaterThan(4).containsAll(left.keySet());
    last.forEach((id, line) -> {
      if (left.containsKey(id)) {
        assertThat(line.state()).isEqualTo(left.get(id));
      } else {
        assertThat(line.state()).isNull();
        assertThat(line.why()).isEqualTo("removed: another pair was selected");
      }
    });
  }

  @Test
  void choiceIsToldWithItsReason() {
    AgentPair pair = crowd();
    List<IceEvent.Decided> decided = pair.left.events(IceEvent.Decided.class);
    for (int component = 1; component <= 2; component++) {
      String path = pathOf(pair.left, component);
      assertThat(decided)
          .contains(new IceEvent.Decided("nominate " + path, "every better pair has been judged"));
      assertThat(pair.left.events(IceEvent.PairChanged.class))
          .anyMatch(line -> line.path().equals(path) && line.why().equals("selected"));
    }
    assertThat(pair.right.events(IceEvent.Decided.class))
        .noneMatch(line -> line.what().startsWith("nominate"));
  }

  private static String pathOf(AgentHarness side, int component) {
    return side.events(IceEvent.PairSelected.class).stream()
        .filter(selected -> selected.component() == component)
        .map(selected -> selected.local() + " > " + selected.remote())
        .findFirst()
        .orElseThrow();
  }

  @Test
  void pairThatWasPrunedIsToldWithTheOneThatStaysInItsPlace() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLING)
        .externalAddresses(Map.of(IpAddress.parse("192.0.2.1"), IpAddress.parse("203.0.113.1"))));
    scene.peer.introduce();
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    long kept = scene.pairs().get(0).id();
    assertThat(scene.agent.events(IceEvent.Decided.class))
        .contains(new IceEvent.Decided(
            "srflx 203.0.113.1:10001 > host 192.0.2.9:4000 pruned",
            "pair " + kept + " has the same base and destination"));
  }

  @Test
  void withoutTheSettingNothingIsLogged() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLING).eventLog(false));
    scene.answering().introduced().runUntil(IceState.COMPLETED);
    assertThat(scene.agent.events(IceEvent.PairChanged.class)).isEmpty();
    assertThat(scene.agent.events(IceEvent.Decided.class)).isEmpty();
  }
}

package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** That the harness itself works: what the other tests of this package stand on. */
class AgentPairTest {
  @Test
  void twoAgentsConnectAndExchangeData() {
    AgentPair pair = AgentPair.standard().streams(2);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2", "2001:db8::2");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    pair.left.call(now -> pair.left.agent().send(0, 2, ByteBuffer.wrap(new byte[] {1, 2}), now));
    pair.time.runFor(Duration.ofMillis(10));
    assertThat(pair.right.delivered()).hasSize(1);
    assertThat(pair.right.delivered().get(0).component()).isEqualTo(2);
  }

  @Test
  void anAgentCompletesWithAPeerThatAnswersByScript() {
    VirtualTime time = new VirtualTime();
    AgentHarness agent =
        AgentHarness.started(time, AgentHarness.settings(Role.CONTROLLING).build(), 1, "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    peer.tell(peer.host("192.0.2.9", 4000));
    peer.tellEnd();
    assertThat(peer.awaitCheck(1).nominates()).isFalse();
    peer.answer(peer.lastCheck());
    assertThat(peer.awaitCheck(2).nominates()).isTrue();
    peer.answer(peer.lastCheck());
    assertThat(agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }
}

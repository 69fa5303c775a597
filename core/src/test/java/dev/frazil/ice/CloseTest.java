package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Closing, at any time: what was bound is given back, and nothing more is said. */
class CloseTest {
  /** Regression "packet during or after close": ignored, whatever it is. */
  private static void nothingFollows(AgentHarness side) {
    IceAgent agent = side.agent();
    assertThat(agent.state()).isEqualTo(IceState.CLOSED);
    assertThat(agent.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
    assertThat(side.bases()).isEmpty();
    List<IceEvent> events = side.events();
    assertThat(events.get(events.size() - 1))
        .isEqualTo(new IceEvent.StateChanged(IceState.CLOSED, null));
    assertThat(side.events(IceEvent.StateChanged.class).stream()
            .filter(change -> change.state() == IceState.CLOSED))
        .hasSize(1);
    int said = events.size();
    int sent = side.sent().size();
    int delivered = side.delivered().size();
    for (AgentHarness.Sent each : List.copyOf(side.sent())) { // answers and echoes of everything
      side.receive(each.path(), each.bytes());
    }
    IceParameters parameters = new IceParameters("ABCD", "x".repeat(22));
    Candidate candidate = Candidate.parse("candidate:1 1 udp 2130706431 192.0.2.9 4000 typ host");
    side.call(agent::handleTimeout);
    side.call(now -> agent.handleTimeout(now + Duration.ofHours(1).toNanos()));
    side.call(now -> agent.setRemote(0, parameters, now));
    side.call(now -> agent.addRemoteCandidate(0, null, candidate, now));
    side.call(now -> agent.addRemoteSelection(0, 1, THERE, THERE, now));
    side.call(now -> agent.endOfRemoteCandidates(0, null, now));
    side.call(now -> agent.restart(0, now));
    side.call(now -> agent.nominate(0, 1, now));
    side.call(now -> agent.revokeConsent(0, now));
    side.call(now -> agent.setInterfaces(List.of(AgentHarness.address("192.0.2.77")), now));
    side.call(now -> agent.handleClosed(TransportAddress.udp("192.0.2.1", 10001), "gone", now));
    side.call(now -> agent.handleResolved(
        new IceRequest.Resolve("x"), List.of(IpAddress.parse("192.0.2.1")), now));
    side.call(now ->
        assertThat(agent.send(0, 1, ByteBuffer.allocate(1), now)).isEqualTo(SendResult.NO_PATH));
    side.call(now -> agent.addStream(1, now));
    side.call(agent::close);
    assertThat(agent.path(0, 1)).isNull();
    assertThat(agent.statistics().state()).isEqualTo(IceState.CLOSED);
    assertThat(events).hasSize(said);
    assertThat(side.sent()).hasSize(sent);
    assertThat(side.delivered()).hasSize(delivered);
    assertThat(agent.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  /** A whole life: gathering, checks, role conflict, nomination, data, restart, an address that vanishes. */
  private static AgentPair life() {
    AgentPair pair = new AgentPair(
            AgentHarness.settings(Role.CONTROLLING)
                .stunServers(List.of(new StunServer("stun.example", 3478)))
                .build(),
            AgentHarness.settings(Role.CONTROLLING).build(),
            Duration.ofMillis(10))
        .streams(2, 1);
    pair.left.name("stun.example", "192.0.2.250");
    pair.left.interfaces("192.0.2.1", "192.0.2.3");
    pair.right.interfaces("192.0.2.2");
    pair.exchange();
    AgentHarness left = pair.left;
    pair.time.after(
        Duration.ofMillis(200),
        () -> left.call(now -> left.agent().send(0, 1, ByteBuffer.allocate(9), now)));
    pair.time.after(Duration.ofMillis(700), () -> left.call(now -> left.agent().restart(0, now)));
    pair.time.after(Duration.ofMillis(750), pair::exchange);
    pair.time.after(Duration.ofMillis(1_500), () -> left.interfaces("192.0.2.3"));
    return pair;
  }

  @Test
  void closingAfterAnyStepOfALifeIsFinal() {
    int steps = steps(life());
    assertThat(steps).isGreaterThan(60);
    for (int closing = 0; closing < steps; closing++) {
      AgentPair pair = life();
      int[] left = {closing};
      pair.time.runUntil(() -> left[0]-- <= 0, Duration.ofSeconds(3));
      pair.left.call(pair.left.agent()::close);
      nothingFollows(pair.left);
      int sent = pair.left.sent().size();
      pair.time.runFor(Duration.ofSeconds(2));
      assertThat(pair.left.sent()).hasSize(sent);
    }
  }

  private static int steps(AgentPair pair) {
    int[] steps = new int[1];
    pair.time.runUntil(() -> steps[0]++ < 0, Duration.ofSeconds(3));
    return steps[0];
  }

  @Test
  void agentThatNeverBeganClosesToo() {
    AgentHarness agent = new AgentHarness(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLED).build());
    agent.call(now -> agent.agent().addStream(1, now));
    agent.call(agent.agent()::close);
    nothingFollows(agent);
  }

  @Test
  void socketThatOpensAfterTheEndIsClosedAgain() {
    AgentHarness agent = new AgentHarness(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLED).build());
    agent.answerNoRequests();
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("192.0.2.1");
    IceRequest.Open open = agent.requests(IceRequest.Open.class).get(0);
    agent.call(agent.agent()::close);
    TransportAddress late = TransportAddress.udp("192.0.2.1", 5);
    agent.call(now -> agent.agent().handleOpened(open, late, now));
    assertThat(agent.requests(IceRequest.Close.class)).containsExactly(new IceRequest.Close(late));
    agent.call(now -> agent.agent().handleOpenFailed(open, "no", now));
    nothingFollows(agent);
  }

  @Test
  void pathsGoBeforeTheLastWordOverAllStreams() {
    AgentPair pair = AgentPair.standard().streams(2, 2);
    pair.left.interfaces("192.0.2.1");
    pair.right.interfaces("192.0.2.2");
    pair.exchange();
    assertThat(pair.runUntil(IceState.COMPLETED, Duration.ofSeconds(5))).isTrue();
    int before = pair.left.events().size();
    pair.left.call(pair.left.agent()::close);
    List<IceEvent> last = pair.left.events().subList(before, pair.left.events().size());
    assertThat(last).hasSize(5);
    assertThat(last.subList(0, 4))
        .allMatch(event -> event instanceof IceEvent.PathChanged changed && changed.path() == null);
    nothingFollows(pair.left);
    assertThat(pair.left.agent().path(1, 2)).isNull();
  }

  @Test
  void answersToAClosedAgentsChecksAreIgnored() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    scene.agent.call(scene.agent.agent()::close);
    scene.peer.answer(check);
    scene.peer.refuse(check, 487);
    scene.agent.receive(
        new FiveTuple(check.path().local(), THERE), ByteBuffer.wrap(new byte[] {1}));
    nothingFollows(scene.agent);
  }
}

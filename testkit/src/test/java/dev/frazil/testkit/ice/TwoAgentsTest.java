package dev.frazil.testkit.ice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.AddressHandling;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceState;
import dev.frazil.ice.Role;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.VirtualInternet;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TwoAgentsTest {
  private final VirtualInternet net = new VirtualInternet(1);

  private VirtualAgent agent(Host host, Role role) {
    return new VirtualAgent(
        host,
        IceConfiguration.builder(role, net.random(host.name()))
            .addressHandling(AddressHandling.ALL_INTERFACES)
            .eventLog(true)
            .build());
  }

  @Test
  void twoPublicHostsConnectAndExchangeData() {
    Host alice = net.host("alice");
    alice.attach(net.internet(), "203.0.113.1/24").link(Link.ofMillis(10));
    Host bob = net.host("bob");
    bob.attach(net.internet(), "203.0.113.2/24").link(Link.ofMillis(10));
    VirtualAgent left = agent(alice, Role.CONTROLLING);
    VirtualAgent right = agent(bob, Role.CONTROLLED);
    Signalling signalling = Signalling.connect(net, left, right, () -> Duration.ZERO);
    left.start(1);
    right.start(1);
    signalling.begin(1);
    boolean done = net.runUntil(
        () -> left.state() == IceState.COMPLETED && right.state() == IceState.COMPLETED,
        Duration.ofSeconds(10));
    assertThat(done).isTrue();
    List<String> received = new ArrayList<>();
    right.onData((stream, component, payload) ->
        received.add(StandardCharsets.UTF_8.decode(payload).toString()));
    left.send(0, 1, ByteBuffer.wrap("hello".getBytes(StandardCharsets.UTF_8)));
    net.runFor(Duration.ofMinutes(5));
    assertThat(received).containsExactly("hello");
    assertThat(left.state()).isEqualTo(IceState.COMPLETED);
  }

  /** It used to go round for ever: a closed agent begins no generation. */
  @Test
  void restartThatComesAfterTheCloseIsToldToNobody() {
    Host alice = net.host("alice");
    alice.attach(net.internet(), "203.0.113.1/24");
    Host bob = net.host("bob");
    bob.attach(net.internet(), "203.0.113.2/24");
    VirtualAgent left = agent(alice, Role.CONTROLLING);
    VirtualAgent right = agent(bob, Role.CONTROLLED);
    Signalling.connect(net, left, right, () -> Duration.ofMillis(100)).begin(0);
    left.start(1);
    right.start(1);
    left.call(now -> left.agent().restart(0, now));
    right.call(right.agent()::close);
    net.runFor(Duration.ofSeconds(1));
    assertThat(right.agent().generation(0)).isZero();
    assertThat(right.state()).isEqualTo(IceState.CLOSED);
  }
}

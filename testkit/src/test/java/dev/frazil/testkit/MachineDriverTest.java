package dev.frazil.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Outbox;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MachineDriverTest {
  /** Sends every 100 ms until it hears three answers; answers whatever it is sent when it has nothing to say itself. */
  private static final class Pinger implements ProtocolMachine {
    private final Outbox outbox;
    final List<Long> wakes = new ArrayList<>();
    private FiveTuple path;
    private long next = NEVER;
    int heard;

    Pinger(Outbox outbox) {
      this.outbox = outbox;
    }

    void start(FiveTuple where, long now) {
      path = where;
      next = now;
    }

    @Override
    public void handleDatagram(FiveTuple from, ByteBuffer datagram, long now) {
      heard++;
      if (path == null) {
        outbox.transmit(from, ByteBuffer.wrap(new byte[] {1}), datagram);
      } else if (heard == 3) {
        next = NEVER;
      }
    }

    @Override
    public void handleTimeout(long now) {
      if (now >= next) {
        wakes.add(now);
        next = now + 100_000_000;
        outbox.transmit(path, ByteBuffer.wrap(new byte[] {2}), ByteBuffer.allocate(0));
      }
    }

    @Override
    public long nextTimeout() {
      return next;
    }
  }

  private final VirtualInternet net = new VirtualInternet(3);
  private final Host alice = net.host("alice");
  private final Host bob = net.host("bob");
  private final TransportAddress a = TransportAddress.udp("192.0.2.1", 1000);
  private final TransportAddress b = TransportAddress.udp("192.0.2.2", 2000);

  MachineDriverTest() {
    alice.attach(net.internet(), "192.0.2.1").link(Link.ofMillis(10));
    bob.attach(net.internet(), "192.0.2.2").link(Link.ofMillis(10));
  }

  @Test
  void machineIsWokenWhenItWantsAndHearsItsSockets() {
    MachineDriver driver = new MachineDriver(alice);
    Pinger pinger = new Pinger(driver);
    driver.run(pinger);
    driver.bind(a);
    MachineDriver echo = new MachineDriver(bob);
    Pinger answering = new Pinger(echo);
    echo.run(answering);
    echo.bind(b);

    net.runFor(Duration.ofSeconds(1));
    driver.call(now -> pinger.start(new FiveTuple(a, b), now));
    net.runFor(Duration.ofSeconds(1));

    assertThat(pinger.wakes).containsExactly(1_000_000_000L, 1_100_000_000L, 1_200_000_000L);
    assertThat(pinger.heard).isEqualTo(3);
    assertThat(answering.heard).isEqualTo(3);
  }

  @Test
  void commandGivenLaterRunsAfterTheCallThatAskedForIt() {
    MachineDriver driver = new MachineDriver(alice);
    driver.run(new Pinger(driver));
    List<String> order = new ArrayList<>();
    driver.call(now -> {
      driver.later(later -> order.add("later"));
      order.add("now");
    });
    net.step();
    assertThat(order).containsExactly("now", "later");
    assertThat(driver.<String>ask(now -> "answer")).isEqualTo("answer");
  }

  @Test
  void wildcardSocketSendsForEveryLocalAddressOfItsFamily() {
    MachineDriver driver = new MachineDriver(alice);
    Pinger pinger = new Pinger(driver);
    driver.run(pinger);
    driver.bind(TransportAddress.udp("0.0.0.0", 1000));
    Peer peer = new Peer(bob, "192.0.2.2", 2000);
    driver.call(now -> pinger.start(new FiveTuple(a, b), now));
    net.runFor(Duration.ofMillis(50));
    assertThat(peer.lastSender()).isEqualTo(a);
  }

  @Test
  void machineThatAsksForTheSameTimeForEverIsFound() {
    MachineDriver driver = new MachineDriver(alice);
    driver.run(new ProtocolMachine() {
      @Override
      public void handleDatagram(FiveTuple path, ByteBuffer datagram, long now) {}

      @Override
      public void handleTimeout(long now) {}

      @Override
      public long nextTimeout() {
        return 5;
      }

      @Override
      public String toString() {
        return "stuck";
      }
    });
    assertThatThrownBy(() -> net.runFor(Duration.ofSeconds(1))).hasMessageContaining("stuck");
  }

  @Test
  void closedPortAtTheOtherEndIsTold() {
    MachineDriver driver = new MachineDriver(alice);
    Pinger pinger = new Pinger(driver);
    driver.run(pinger);
    driver.bind(a);
    List<FiveTuple> told = new ArrayList<>();
    driver.onUnreachable(told::add);
    driver.call(now -> pinger.start(new FiveTuple(a, b), now));
    net.runFor(Duration.ofMillis(50));
    assertThat(told).containsExactly(new FiveTuple(a, b));
    assertThat(pinger.heard).isZero();
  }

  @Test
  void closedDriverWakesNothingAndFreesThePorts() {
    MachineDriver driver = new MachineDriver(alice);
    Pinger pinger = new Pinger(driver);
    driver.run(pinger);
    driver.bind(a);
    driver.call(now -> pinger.start(new FiveTuple(a, b), now));
    driver.close();
    net.runFor(Duration.ofSeconds(1));
    assertThat(pinger.wakes).isEmpty();
    assertThat(alice.canBind(a)).isTrue();
  }

  @Test
  void transmittingFromAnAddressWithoutSocketIsAMistake() {
    MachineDriver driver = new MachineDriver(alice);
    assertThatThrownBy(() ->
            driver.transmit(new FiveTuple(a, b), ByteBuffer.allocate(1), ByteBuffer.allocate(0)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("192.0.2.1:1000");
  }
}

package dev.frazil.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.topology.Access;
import dev.frazil.testkit.topology.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VirtualInternetTest {
  private static final Link ROUGH = Link.ofMillis(10)
      .withJitter(Duration.ofMillis(5))
      .withLoss(0.2)
      .withDuplication(0.1)
      .withReordering(0.1, Duration.ofMillis(30));

  private final VirtualInternet net = new VirtualInternet(42);

  @TempDir
  Path directory;

  private byte[] chatter(long seed) throws IOException {
    VirtualInternet world = new VirtualInternet(seed);
    Topology hosts = Topology.nats(world, NatBehavior.SYMMETRIC, NatBehavior.FULL_CONE, ROUGH);
    Peer server = new Peer(hosts.server(), "192.0.2.1", 3478);
    for (Host each : List.of(hosts.alice(), hosts.bob())) {
      Peer peer = new Peer(each, each.addresses().get(0).toString(), 0);
      for (int i = 0; i < 50; i++) {
        world.schedule(Duration.ofMillis(7L * i), () -> peer.send(server.local(), "payload"));
      }
    }
    world.schedule(
        Duration.ofMillis(500),
        () -> server.heard.forEach(heard -> server.send(heard.from(), "answer")));
    world.runFor(Duration.ofSeconds(2));
    Path file = directory.resolve("chatter.pcapng");
    world.capture().writePcap(file);
    return Files.readAllBytes(file);
  }

  @Test
  void sameSeedGivesTheSameCaptureByteByByteAndAnotherSeedAnother() throws IOException {
    byte[] first = chatter(1);
    assertThat(first).hasSizeGreaterThan(10_000);
    assertThat(chatter(1)).isEqualTo(first);
    assertThat(chatter(2)).isNotEqualTo(first);
  }

  /** Nothing depends on addresses in memory, the order of a hash table or the JDK: this is the same everywhere. */
  @Test
  void sameSeedGivesTheSameCaptureInEveryProcess() throws IOException {
    CRC32 crc = new CRC32();
    crc.update(chatter(1));
    assertThat(Long.toHexString(crc.getValue())).isEqualTo("800656f3");
  }

  @Test
  void timeNeverGoesBackNorOverflows() {
    net.runFor(Duration.ofSeconds(1));
    for (Duration wrong : List.of(Duration.ofNanos(-1), Duration.ofSeconds(Long.MAX_VALUE))) {
      assertThatThrownBy(() -> net.runFor(wrong))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("duration: 0 to 10 years, not " + wrong);
      assertThatThrownBy(() -> net.runUntil(() -> false, wrong)).hasMessageContaining("limit: 0");
      assertThatThrownBy(() -> net.schedule(wrong, () -> {})).hasMessageContaining("delay: 0");
      assertThatThrownBy(() -> net.nameDelay(wrong)).hasMessageContaining("name delay: 0");
      assertThatThrownBy(() -> NatBehavior.builder().mappingTimeout(wrong).build())
          .hasMessageContaining("mappingTimeout: more than 0");
      assertThatThrownBy(() -> FirewallPolicy.OPEN.withTimeout(wrong))
          .hasMessageContaining("timeout: more than 0");
    }
    assertThat(net.now()).isEqualTo(1_000_000_000);
  }

  @Test
  void randomnessOfAPurposeDependsOnSeedAndPurposeAlone() {
    long first = net.random("agent a").nextLong();
    assertThat(net.random("agent a").nextLong()).isEqualTo(first);
    assertThat(net.random("agent b").nextLong()).isNotEqualTo(first);
    assertThat(new VirtualInternet(43).random("agent a").nextLong()).isNotEqualTo(first);
  }

  @Test
  void eventsRunInTheOrderOfTimeThenOfScheduling() {
    List<String> order = new ArrayList<>();
    net.schedule(Duration.ofMillis(2), () -> order.add("c"));
    net.schedule(Duration.ofMillis(1), () -> {
      order.add("a");
      net.schedule(Duration.ZERO, () -> order.add("b2"));
      order.add("a again");
    });
    net.schedule(Duration.ofMillis(1), () -> order.add("b"));
    VirtualTimer cancelled = net.schedule(Duration.ofMillis(1), () -> order.add("never"));
    assertThat(cancelled.isPending()).isTrue();
    cancelled.cancel();
    assertThat(cancelled.isPending()).isFalse();
    assertThat(net.step()).isTrue();
    assertThat(net.now()).isEqualTo(1_000_000);
    net.runFor(Duration.ofMillis(10));
    assertThat(order).containsExactly("a", "a again", "b", "b2", "c");
    assertThat(net.now()).isEqualTo(11_000_000);
    assertThat(net.step()).isFalse();
  }

  @Test
  void runUntilStopsAtTheConditionOrTheLimit() {
    List<Integer> ticks = new ArrayList<>();
    for (int i = 1; i <= 5; i++) {
      int tick = i;
      net.schedule(Duration.ofMillis(i), () -> ticks.add(tick));
    }
    assertThat(net.runUntil(() -> ticks.size() == 3, Duration.ofSeconds(1))).isTrue();
    assertThat(net.now()).isEqualTo(3_000_000);
    assertThat(net.runUntil(() -> ticks.size() == 9, Duration.ofSeconds(1))).isFalse();
    assertThat(net.now()).isEqualTo(1_003_000_000);
    assertThat(ticks).hasSize(5);
  }

  @Test
  void failingScenarioTellsTheSeedAndLeavesTheCapture() {
    assertThatThrownBy(() -> VirtualInternet.verify(77, directory, world -> {
          Host alice = world.host("alice");
          alice.attach(world.internet(), "192.0.2.1");
          new Peer(alice, "192.0.2.1", 1).send(TransportAddress.udp("192.0.2.9", 9), "x");
          world.runFor(Duration.ofMillis(1500));
          throw new IllegalStateException("the protocol failed");
        }))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("the protocol failed")
        .hasMessageContaining("seed 77")
        .hasMessageContaining("1.500000000")
        .hasMessageContaining("no route")
        .hasCauseInstanceOf(IllegalStateException.class);
    assertThat(directory.resolve("seed-77.pcapng")).isNotEmptyFile();
  }

  @Test
  void captureThatCannotBeWrittenIsTold() throws IOException {
    Path file = Files.createFile(directory.resolve("file"));
    assertThat(net.describeFailure(file))
        .startsWith("seed 42, virtual time 0.000000000")
        .contains("no capture");
  }

  @Test
  void everyPacketSentOrDuplicatedIsDeliveredOrDroppedInTheEnd() {
    Topology hosts =
        Topology.nats(net, NatBehavior.PORT_RESTRICTED_CONE, NatBehavior.FULL_CONE, ROUGH);
    Peer server = new Peer(hosts.server(), "192.0.2.1", 3478);
    Peer alice = new Peer(hosts.alice(), "192.168.1.10", 5000);
    for (int i = 0; i < 1000; i++) {
      alice.send(server.local(), "x");
      alice.send(TransportAddress.udp("192.0.2.1", 9), "x");
    }
    net.runFor(Duration.ofSeconds(1));
    Statistics statistics = net.statistics();
    assertThat(statistics.sent() + statistics.duplicated())
        .isEqualTo(statistics.delivered() + statistics.totalDropped());
    assertThat(statistics.dropped().keySet())
        .containsExactly(DropReason.LINK_LOSS, DropReason.PORT_CLOSED);
  }

  @Test
  void namesOfNodesDiffer() {
    net.host("alice");
    assertThatThrownBy(() -> net.host("alice")).hasMessageContaining("alice already");
    Network home = net.network("home");
    net.nat("nat", home, net.internet(), NatBehavior.FULL_CONE, "203.0.113.1");
    assertThatThrownBy(
            () -> net.nat("nat 2", home, net.internet(), NatBehavior.FULL_CONE, "203.0.113.2"))
        .hasMessageContaining("home routes 0.0.0.0/0 to nat/inner already");
    assertThatThrownBy(() -> net.nat("loop", home, home, NatBehavior.FULL_CONE, "203.0.113.3"))
        .hasMessageContaining("both");
    assertThatThrownBy(() -> net.schedule(Duration.ofMillis(-1), () -> {}))
        .hasMessageContaining("delay");
  }

  @Test
  void readyMadeAccessesReachTheServerUnlessUdpIsBlocked() {
    for (Map.Entry<String, Access> kind : Access.kinds().entrySet()) {
      VirtualInternet world = new VirtualInternet(1);
      Topology hosts = Topology.between(
          world, kind.getValue(), Access.dualStack(NatBehavior.FULL_CONE), ROUGH.calm());
      Peer server = new Peer(hosts.server(), "192.0.2.1", 3478);
      Peer alice = new Peer(hosts.alice(), hosts.alice().addresses().get(0).toString(), 5000);
      Peer bob = new Peer(hosts.bob(), "2001:db8:2::10", 5000);
      Peer server6 = new Peer(hosts.server(), "2001:db8::1", 3478);
      alice.send(server.local(), "x");
      bob.send(server6.local(), "x");
      world.runFor(Duration.ofSeconds(1));
      assertThat(server.heard)
          .as(kind.getKey())
          .hasSize(kind.getKey().equals("udp blocked") ? 0 : 1);
      assertThat(server6.lastSender()).isEqualTo(bob.local());
    }
    assertThatThrownBy(() -> Access.open().connect(net, "alice", 251, ROUGH))
        .hasMessageContaining("site");
  }

  @Test
  void openHostsAndHostsWithIpv6MeetDirectly() {
    Topology four = Topology.open(new VirtualInternet(1), Link.ofMillis(25));
    Peer alice = new Peer(four.alice(), "198.51.100.1", 1);
    Peer bob = new Peer(four.bob(), "198.51.100.2", 2);
    alice.send(bob.local(), "x");
    four.net().runFor(Duration.ofSeconds(1));
    assertThat(bob.heard.get(0).at()).isEqualTo(50_000_000);
  }
}

package dev.frazil.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LinkTest {
  private static final long MS = 1_000_000;

  private final VirtualInternet net = new VirtualInternet(7);
  private final Host alice = net.host("alice");
  private final Host bob = net.host("bob");
  private final VirtualInterface uplink = alice.attach(net.internet(), "192.0.2.1");
  private final VirtualInterface downlink = bob.attach(net.internet(), "192.0.2.2");
  private final Peer sender = new Peer(alice, "192.0.2.1", 1000);
  private final Peer receiver = new Peer(bob, "192.0.2.2", 2000);

  private void send(int count, Duration apart) {
    for (int i = 0; i < count; i++) {
      sender.send(receiver.local(), Integer.toString(i));
      net.runFor(apart);
    }
    net.runFor(Duration.ofSeconds(10));
  }

  private static List<String> numbers(int count) {
    return IntStream.range(0, count).mapToObj(Integer::toString).toList();
  }

  @Test
  void latenciesOfBothLinksAddUp() {
    uplink.link(Link.ofMillis(20));
    downlink.link(Link.ofMillis(5));
    send(1, Duration.ZERO);
    assertThat(receiver.heard.get(0).at()).isEqualTo(25 * MS);
  }

  @Test
  void directionsOfALinkMayDiffer() {
    uplink.uplink(Link.ofMillis(1)).downlink(Link.ofMillis(50));
    send(1, Duration.ZERO);
    assertThat(receiver.heard.get(0).at()).isEqualTo(MS);
    long before = net.now();
    receiver.send(sender.local(), "back");
    net.runFor(Duration.ofSeconds(1));
    assertThat(sender.heard.get(0).at() - before).isEqualTo(50 * MS);
  }

  @Test
  void jitterDelaysWithinItsRangeAndKeepsTheOrder() {
    uplink.uplink(Link.ofMillis(10).withJitter(Duration.ofMillis(30)));
    send(1000, Duration.ofMillis(1));
    assertThat(receiver.texts()).isEqualTo(numbers(1000));
    List<Long> delays = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      delays.add(receiver.heard.get(i).at() - i * MS);
    }
    assertThat(delays).allMatch(delay -> delay >= 10 * MS && delay <= 40 * MS);
    assertThat(delays).anyMatch(delay -> delay > 35 * MS);
  }

  @Test
  void lossTakesAboutItsShare() {
    uplink.uplink(Link.PERFECT.withLoss(0.3));
    send(10_000, Duration.ZERO);
    assertThat(receiver.heard.size()).isBetween(6_800, 7_200);
    Statistics statistics = net.statistics();
    assertThat(statistics.dropped(DropReason.LINK_LOSS)).isEqualTo(10_000 - receiver.heard.size());
    assertThat(statistics.sent()).isEqualTo(10_000);
    assertThat(statistics.delivered()).isEqualTo(receiver.heard.size());
  }

  @Test
  void lossOfEverythingLetsNothingThrough() {
    uplink.uplink(Link.PERFECT.withLoss(1));
    send(100, Duration.ZERO);
    assertThat(receiver.heard).isEmpty();
  }

  @Test
  void duplicationDeliversAboutItsShareTwice() {
    uplink.uplink(Link.PERFECT.withDuplication(0.2));
    send(10_000, Duration.ZERO);
    assertThat(receiver.heard.size()).isBetween(11_800, 12_200);
    assertThat(net.statistics().duplicated()).isEqualTo(receiver.heard.size() - 10_000);
  }

  @Test
  void reorderedPacketsAreOvertaken() {
    uplink.uplink(Link.ofMillis(1).withReordering(0.1, Duration.ofMillis(20)));
    send(1000, Duration.ofMillis(1));
    assertThat(receiver.texts())
        .isNotEqualTo(numbers(1000))
        .containsExactlyInAnyOrderElementsOf(numbers(1000));
    long held = receiver.heard.stream()
        .filter(heard -> heard.at() - Integer.parseInt(heard.text()) * MS == 21 * MS)
        .count();
    assertThat(held).isBetween(60L, 140L);
  }

  @Test
  void bandwidthQueuesPacketsAndDropsWhatWouldWaitTooLong() {
    // 125 bytes with headers take 1 ms at 1 Mbit/s.
    uplink.uplink(Link.PERFECT.withBandwidth(1_000_000, Duration.ofMillis(10)));
    for (int i = 0; i < 20; i++) {
      sender.send(receiver.local(), "x".repeat(97));
    }
    net.runFor(Duration.ofSeconds(1));
    assertThat(receiver.heard)
        .extracting(Peer.Heard::at)
        .containsExactlyElementsOf(
            IntStream.rangeClosed(1, 11).mapToObj(i -> i * MS).toList());
    assertThat(net.statistics().dropped(DropReason.QUEUE_FULL)).isEqualTo(9);
  }

  @Test
  void packetsAboveTheMtuAreDropped() {
    uplink.uplink(Link.PERFECT.withMtu(1280));
    sender.send(receiver.local(), "x".repeat(1280 - 28));
    sender.send(receiver.local(), "x".repeat(1280 - 27));
    net.runFor(Duration.ofSeconds(1));
    assertThat(receiver.heard).hasSize(1);
    assertThat(net.statistics().dropped(DropReason.TOO_BIG)).isEqualTo(1);
  }

  @Test
  void shorterLatencyFromNowOnDoesNotOvertakePacketsUnderWay() {
    uplink.uplink(Link.ofMillis(100));
    sender.send(receiver.local(), "first");
    uplink.uplink(Link.PERFECT);
    sender.send(receiver.local(), "second");
    net.runFor(Duration.ofSeconds(1));
    assertThat(receiver.texts()).containsExactly("first", "second");
  }

  @Test
  void calmLinksLoseNothing() {
    uplink.link(Link.ofMillis(3)
        .withLoss(0.9)
        .withDuplication(0.9)
        .withReordering(0.9, Duration.ofSeconds(1)));
    net.calmLinks();
    send(100, Duration.ofMillis(1));
    assertThat(receiver.texts()).isEqualTo(numbers(100));
    assertThat(receiver.heard.get(0).at()).isEqualTo(3 * MS);
  }

  @Test
  void valuesOutOfRangeAreRefusedByName() {
    assertThatThrownBy(() -> Link.PERFECT.withLoss(1.1))
        .hasMessageContaining("loss: 0 to 1, not 1.1");
    assertThatThrownBy(() -> Link.PERFECT.withLoss(Double.NaN)).hasMessageContaining("loss");
    assertThatThrownBy(() -> Link.PERFECT.withMtu(500)).hasMessageContaining("mtu");
    assertThatThrownBy(() -> Link.ofMillis(-1)).hasMessageContaining("latency");
    assertThatThrownBy(() -> Link.PERFECT.withBandwidth(-1, Duration.ZERO))
        .hasMessageContaining("bitsPerSecond");
  }
}

package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.PortRange;
import dev.frazil.netty.io.SocketAddresses;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SmallPartsTest {
  @ParameterizedTest
  @CsvSource({"0, 5", "-1, 5", "6, 5", "1, 65536", "0, 65535"})
  void portRangesOutsideOfThePortsAreRefused(int min, int max) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PortRange(min, max))
        .withMessageContaining(min + "-" + max);
  }

  @Test
  void portRangeIsGoneThroughOnceWhereverTheSearchStarts() {
    PortRange range = new PortRange(65_533, 65_535);
    for (int start = 0; start < 3; start++) {
      Set<Integer> tried = new HashSet<>();
      for (int attempt = 0; attempt < range.size(); attempt++) {
        tried.add(range.port(start, attempt));
      }
      assertThat(tried).containsExactlyInAnyOrder(65_533, 65_534, 65_535);
    }
  }

  @Test
  void secureBitsDoNotRepeat() {
    SecureBits bits = new SecureBits();
    Set<Long> seen = new HashSet<>();
    for (int i = 0; i < 10_000; i++) {
      assertThat(seen.add(bits.nextLong())).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"192.0.2.1", "2001:db8::1", "::1", "::ffff:192.0.2.1", "fe80::1%1"})
  void addressesSurviveTheWayThroughJava(String text) {
    TransportAddress address = TransportAddress.udp(text, 1234);
    InetSocketAddress java = SocketAddresses.toSocketAddress(address, 0);
    assertThat(java.getPort()).isEqualTo(1234);
    IpAddress back = SocketAddresses.toIp(java.getAddress());
    assertThat(back).isEqualTo(address.ip());
  }

  @Test
  void peerOnTheLinkIsReachedInTheScopeOfTheSocket() {
    InetSocketAddress java = SocketAddresses.toSocketAddress(TransportAddress.udp("fe80::2", 5), 3);
    assertThat(SocketAddresses.toIp(java.getAddress()).scopeId()).isEqualTo(3);
    assertThat(SocketAddresses.toUdp(java, 0)).isEqualTo(TransportAddress.udp("fe80::2", 5));
    InetSocketAddress far =
        SocketAddresses.toSocketAddress(TransportAddress.udp("2001:db8::2", 5), 3);
    assertThat(SocketAddresses.toIp(far.getAddress()).scopeId()).isZero();
  }

  @Test
  void inboxKeepsTheOrderAndCutsWhatDoesNotFit() throws Exception {
    Inbox inbox = new Inbox();
    inbox.offer(ByteBuffer.wrap(new byte[] {1, 2, 3}));
    inbox.offer(ByteBuffer.wrap(new byte[] {4}));
    ByteBuffer into = ByteBuffer.allocate(2);

    assertThat(inbox.receive(into, Duration.ZERO)).isEqualTo(2);
    assertThat(into.array()).containsExactly(1, 2);
    assertThat(inbox.receive(into.clear(), Duration.ZERO)).isEqualTo(1);
    assertThat(into.get(0)).isEqualTo((byte) 4);
    assertThat(inbox.receive(into.clear(), Duration.ZERO)).isEqualTo(-1);
    assertThat(inbox.receive(into, Duration.ofSeconds(-1))).isEqualTo(-1);
  }

  @Test
  void inboxIsBounded() throws Exception {
    Inbox inbox = new Inbox();
    int kept = 0;
    while (inbox.offer(ByteBuffer.allocate(1000))) {
      kept++;
    }
    assertThat(kept).isBetween(200, 300);
    assertThat(inbox.receive(ByteBuffer.allocate(1000), Duration.ZERO)).isEqualTo(1000);
    assertThat(inbox.offer(ByteBuffer.allocate(1000))).isTrue();
    assertThat(inbox.offer(ByteBuffer.allocate(1000))).isFalse();
    while (inbox.receive(ByteBuffer.allocate(1000), Duration.ZERO) >= 0) {
      kept--;
    }
    assertThat(kept).isZero();
    for (int i = 0; i < 100_000 && inbox.offer(ByteBuffer.allocate(0)); i++) {
      kept++;
    }
    assertThat(kept).as("empty datagrams count, too").isLessThan(5000);
  }

  @Test
  void closedInboxGivesWhatItHasAndThenSaysWhy() throws Exception {
    Inbox inbox = new Inbox();
    inbox.offer(ByteBuffer.wrap(new byte[] {1}));
    inbox.close("gone");
    assertThat(inbox.offer(ByteBuffer.wrap(new byte[] {2}))).isFalse();
    assertThat(inbox.receive(ByteBuffer.allocate(9), Duration.ofDays(100_000_000_000L)))
        .isEqualTo(1);
    assertThatExceptionOfType(IceException.class)
        .isThrownBy(() -> inbox.receive(ByteBuffer.allocate(9), Duration.ofSeconds(30)))
        .withMessage("gone");
  }

  @Test
  void closingWakesWhoWaits() throws Exception {
    Inbox inbox = new Inbox();
    CompletableFuture<Throwable> outcome = new CompletableFuture<>();
    Thread waiting = new Thread(() -> {
      try {
        inbox.receive(ByteBuffer.allocate(9), Duration.ofHours(1));
        outcome.complete(new AssertionError("something came"));
      } catch (IceException | InterruptedException e) {
        outcome.complete(e);
      }
    });
    waiting.start();
    Wait.until(() -> waiting.getState() == Thread.State.TIMED_WAITING);
    inbox.close("gone");
    assertThat(Loopback.await(outcome)).isInstanceOf(IceException.class).hasMessage("gone");
  }
}

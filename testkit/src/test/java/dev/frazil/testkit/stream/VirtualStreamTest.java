package dev.frazil.testkit.stream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.FirewallPolicy;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.NatBehavior;
import dev.frazil.testkit.Sighting;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.topology.Access;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VirtualStreamTest {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final TransportAddress LISTENER =
      new TransportAddress(IpAddress.parse("192.0.2.1"), 443, Transport.TCP);

  /** What one end hears. */
  private static final class End implements VirtualStream.Handler {
    final ByteArrayOutputStream received = new ByteArrayOutputStream();
    final List<String> ends = new ArrayList<>();

    @Nullable VirtualStream stream;

    @Override
    public void opened(VirtualStream opened) {
      stream = opened;
    }

    @Override
    public void received(VirtualStream from, ByteBuffer bytes) {
      byte[] copy = new byte[bytes.remaining()];
      bytes.get(copy);
      received.writeBytes(copy);
    }

    @Override
    public void closed(VirtualStream closed, String reason) {
      ends.add(reason);
    }

    VirtualStream stream() {
      return Objects.requireNonNull(stream, "not open");
    }
  }

  private VirtualInternet net = new VirtualInternet(5);
  private Host server;
  private Host client;
  private StreamListener listener;
  private final End left = new End();
  private final End right = new End();

  private void world(Access access, Link link) {
    server = net.host("server");
    server.attach(net.internet(), "192.0.2.1");
    client = access.connect(net, "client", 1, link);
    listener = new StreamListener(server, LISTENER, right);
  }

  private void connect() {
    VirtualStream.connect(client, client.addresses().get(0), LISTENER, left);
  }

  private void opened() {
    connect();
    assertThat(net.runUntil(() -> left.stream != null && right.stream != null, seconds(20)))
        .isTrue();
  }

  private static Duration seconds(int value) {
    return Duration.ofSeconds(value);
  }

  private static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) (i * 31 + i / 251);
    }
    return bytes;
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void bytesArriveWholeAndInOrderWhateverTheLinksDo(long seed) {
    net = new VirtualInternet(seed);
    Link bad = Link.ofMillis(30)
        .withLoss(0.2)
        .withDuplication(0.1)
        .withReordering(0.3, Duration.ofMillis(100));
    world(Access.behindNat(NatBehavior.SYMMETRIC), bad);
    opened();
    byte[] there = bytes(20_000);
    byte[] back = bytes(7_001);
    for (int at = 0; at < there.length; at += 1000) {
      ByteBuffer part = ByteBuffer.wrap(Arrays.copyOfRange(there, at, at + 1000));
      assertThat(left.stream().send(part.slice(0, 4), part.slice(4, 996))).isTrue();
    }
    assertThat(right.stream().send(ByteBuffer.wrap(back), NOTHING)).isTrue();
    net.runUntil(
        () -> right.received.size() == there.length && left.received.size() == back.length,
        seconds(120));
    assertThat(right.received.toByteArray()).isEqualTo(there);
    assertThat(left.received.toByteArray()).isEqualTo(back);
    assertThat(right.stream().path().remote().ip()).hasToString("203.0.113.1");
  }

  @Test
  void sameSeedGivesTheSamePackets() {
    assertThat(sightings()).isEqualTo(sightings()).hasSizeGreaterThan(20);
  }

  private List<String> sightings() {
    net = new VirtualInternet(9);
    List<String> seen = new ArrayList<>();
    net.observe(sighting -> seen.add(sighting.toString()));
    left.stream = null;
    right.stream = null;
    world(Access.behindNat(NatBehavior.FULL_CONE), Link.ofMillis(10).withLoss(0.3));
    opened();
    left.stream().send(ByteBuffer.wrap(bytes(5000)), NOTHING);
    net.runFor(seconds(30));
    return seen;
  }

  @Test
  void closingSendsFirstWhatIsOnItsWayAndTellsTheOtherEnd() {
    world(Access.open(), Link.ofMillis(20).withLoss(0.2));
    opened();
    left.stream().send(ByteBuffer.wrap(bytes(9000)), NOTHING);
    left.stream().close();
    net.runFor(seconds(60));
    assertThat(right.received.toByteArray()).isEqualTo(bytes(9000));
    assertThat(right.ends).containsExactly("closed by the other side");
    assertThat(left.ends).as("by its own wish").isEmpty();
    assertThat(left.stream().send(NOTHING, NOTHING)).isFalse();
    assertThat(net.step()).as("nothing is left to do").isFalse();
  }

  @Test
  void nobodyListening() {
    world(Access.open(), Link.ofMillis(20));
    listener.close();
    connect();
    net.runFor(seconds(1));
    assertThat(left.ends).containsExactly("refused");
  }

  @Test
  void blockedSynIsGivenUp() {
    world(
        Access.behindFirewall(FirewallPolicy.ONLY_TCP_443.withRemotePorts(Set.of(80))),
        Link.ofMillis(20));
    connect();
    net.runFor(seconds(60));
    assertThat(left.ends).containsExactly("timed out");
    assertThat(net.step()).isFalse();
  }

  @Test
  void serverThatForgotTheStreamResetsIt() {
    world(Access.open(), Link.ofMillis(20));
    opened();
    listener.close();
    listener = new StreamListener(server, LISTENER, right);
    left.stream().send(ByteBuffer.wrap(bytes(10)), NOTHING);
    net.runFor(seconds(1));
    assertThat(left.ends).containsExactly("reset");
  }

  @Test
  void silenceOfTheOtherEndIsNoticedBySending() {
    world(Access.open(), Link.ofMillis(20));
    opened();
    client.interfaces().get(0).link(Link.ofMillis(20).withLoss(1));
    left.stream().send(ByteBuffer.wrap(bytes(10)), NOTHING);
    net.runFor(seconds(60));
    assertThat(left.ends).containsExactly("timed out");
  }

  @Test
  void segmentsAreRealOnesForCaptures() {
    world(Access.open(), Link.ofMillis(20));
    opened();
    left.stream().send(ByteBuffer.wrap(new byte[] {1, 2, 3}), NOTHING);
    List<Sighting> sent = new ArrayList<>();
    net.observe(sighting -> {
      if (sighting.fate() == Sighting.Fate.SENT) {
        sent.add(sighting);
      }
    });
    left.stream().send(ByteBuffer.wrap(new byte[] {4, 5}), NOTHING);
    ByteBuffer segment = sent.get(0).payload();
    assertThat(segment.getInt(0)).as("behind SYN and three bytes").isEqualTo(4);
    assertThat(segment.getInt(4)).as("the other's SYN").isEqualTo(1);
    assertThat(segment.get(8) >> 4 & 0xF).as("words of header").isEqualTo(5);
    assertThat(segment.get(9)).as("ACK").isEqualTo((byte) 0x10);
    assertThat(segment.limit()).isEqualTo(18);
  }
}

package dev.frazil.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.Sighting.Fate;
import dev.frazil.testkit.topology.Topology;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CaptureTest {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final VirtualInternet net = new VirtualInternet(11);

  @TempDir
  Path directory;

  /** One block of a pcapng file. */
  private record Block(int type, ByteBuffer body) {}

  private static List<Block> blocks(Path file) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file));
    List<Block> blocks = new ArrayList<>();
    while (in.hasRemaining()) {
      int type = in.getInt();
      int length = in.getInt();
      assertThat(length % 4).isZero();
      blocks.add(new Block(type, in.slice(in.position(), length - 12)));
      in.position(in.position() + length - 12);
      assertThat(in.getInt()).isEqualTo(length);
    }
    return blocks;
  }

  private Path write() throws IOException {
    Path file = directory.resolve("capture.pcapng");
    net.capture().writePcap(file);
    return file;
  }

  @Test
  void packetIsSeenAtEachHopWithTheAddressesItHasThere() {
    Topology world =
        Topology.nats(net, NatBehavior.FULL_CONE, NatBehavior.FULL_CONE, Link.ofMillis(10));
    List<Sighting> observed = new ArrayList<>();
    net.observe(observed::add);
    Peer server = new Peer(world.server(), "192.0.2.1", 3478);
    new Peer(world.alice(), "192.168.1.10", 5000).send(server.local(), "hello");
    net.runFor(SECOND);
    assertThat(net.capture().sightings()).isEqualTo(observed);
    assertThat(observed)
        .extracting(Sighting::toString)
        .containsExactly(
            "0.000000000 alice/eth0 SENT 192.168.1.10:5000 > 192.0.2.1:3478, 5 bytes",
            "0.000000000 alice nat/outer FORWARDED 203.0.113.1:5000 > 192.0.2.1:3478, 5 bytes",
            "0.010000000 server/eth0 DELIVERED 203.0.113.1:5000 > 192.0.2.1:3478, 5 bytes");
    assertThat(observed).extracting(Sighting::packetId).containsOnly(0L);
    assertThat(text(observed.get(2).payload(), 0, 5)).isEqualTo("hello");
    assertThatThrownBy(() -> observed.get(0).payload().put((byte) 1)).isNotNull();
  }

  @Test
  void droppedPacketTellsWhereAndWhy() {
    Topology world = Topology.nats(net, NatBehavior.FULL_CONE, NatBehavior.FULL_CONE, Link.PERFECT);
    new Peer(world.server(), "192.0.2.1", 3478)
        .send(TransportAddress.udp("203.0.113.1", 5000), "x");
    net.runFor(SECOND);
    Sighting last = net.capture().sightings().get(1);
    assertThat(last.fate()).isEqualTo(Fate.DROPPED);
    assertThat(last.reason()).isEqualTo(DropReason.NO_MAPPING);
    assertThat(last.place()).isEqualTo("alice nat/outer");
    assertThat(last)
        .hasToString("0.000000000 alice nat/outer DROPPED (no mapping) "
            + "192.0.2.1:3478 > 203.0.113.1:5000, 1 bytes");
  }

  @Test
  void fileHasOneInterfaceForEachPlaceAndOnePacketForEachSighting() throws IOException {
    Topology world =
        Topology.nats(net, NatBehavior.FULL_CONE, NatBehavior.FULL_CONE, Link.ofMillis(10));
    Peer server = new Peer(world.server(), "192.0.2.1", 3478);
    new Peer(world.alice(), "192.168.1.10", 5000).send(server.local(), "hello");
    net.runFor(SECOND);
    List<Block> blocks = blocks(write());

    assertThat(blocks.get(0).type()).isEqualTo(0x0A0D0D0A);
    assertThat(blocks.get(0).body().getInt(0)).isEqualTo(0x1A2B3C4D);
    List<String> names = new ArrayList<>();
    for (Block each : blocks) {
      if (each.type() == 1) {
        assertThat(each.body().getShort(0)).isEqualTo((short) 1); // LINKTYPE_ETHERNET
        assertThat(each.body().getShort(8)).isEqualTo((short) 2); // if_name
        names.add(text(each.body(), 12, each.body().getShort(10)));
      }
    }
    assertThat(names)
        .containsExactly(
            "server/eth0",
            "alice nat/inner",
            "alice nat/outer",
            "alice/eth0",
            "bob nat/inner",
            "bob nat/outer",
            "bob/eth0");
    List<Block> packets = blocks.stream().filter(each -> each.type() == 6).toList();
    assertThat(packets).hasSize(3);
    ByteBuffer last = packets.get(2).body();
    assertThat(names.get(last.getInt(0))).isEqualTo("server/eth0");
    assertThat(last.getLong(4)).isEqualTo(10_000_000);
    assertThat(last.getInt(12)).isEqualTo(14 + 20 + 8 + 5);
    assertThat(last.getShort(20 + 12)).isEqualTo((short) 0x0800);
    ByteBuffer ip = last.slice(20 + 14, 33);
    assertThat(ip.getInt(0)).isEqualTo(0x45000021);
    assertThat(ip.get(9)).isEqualTo((byte) 17);
    assertThat(ip.getInt(12)).isEqualTo(0xCB007101); // 203.0.113.1
    assertThat(ip.getInt(16)).isEqualTo(0xC0000201); // 192.0.2.1
    assertThat(ip.getShort(20)).isEqualTo((short) 5000);
    assertThat(ip.getShort(22)).isEqualTo((short) 3478);
    assertThat(text(ip, 28, 5)).isEqualTo("hello");
    assertThat(onesComplementSum(ip, 0, 20)).isEqualTo(0xFFFF);
    assertThat(pseudoSum(ip)).isEqualTo(0xFFFF);
  }

  @Test
  void ipv6AndUnreachableMessagesAreWrittenToo() throws IOException {
    Host alice = net.host("alice");
    Host bob = net.host("bob");
    alice.attach(net.internet(), "2001:db8::1", "192.0.2.1");
    bob.attach(net.internet(), "2001:db8::2", "192.0.2.2");
    new Peer(alice, "2001:db8::1", 1).send(TransportAddress.udp("2001:db8::2", 2), "odd");
    new Peer(alice, "192.0.2.1", 1).send(TransportAddress.udp("192.0.2.2", 2), "odd");
    net.runFor(SECOND);
    List<ByteBuffer> packets = blocks(write()).stream()
        .filter(each -> each.type() == 6)
        .map(each -> each.body().slice(20 + 14, each.body().getInt(12) - 14))
        .toList();
    // Each: sent, port closed, unreachable sent, unreachable delivered.
    assertThat(packets).hasSize(8);
    ByteBuffer six = packets.get(0);
    assertThat(six.getInt(0)).isEqualTo(0x60000000);
    assertThat(six.getShort(4)).isEqualTo((short) 11);
    assertThat(six.get(6)).isEqualTo((byte) 17);
    assertThat(six.limit()).isEqualTo(40 + 11);
    long icmp6 = packets.stream()
        .filter(ip -> ip.get(0) == 0x60 && ip.get(6) == 58 && ip.get(40) == 1 && ip.get(41) == 4)
        .count();
    long icmp4 = packets.stream()
        .filter(ip -> ip.get(0) == 0x45 && ip.get(9) == 1 && ip.get(20) == 3 && ip.get(21) == 3)
        .peek(ip -> assertThat(onesComplementSum(ip, 20, ip.limit())).isEqualTo(0xFFFF))
        .count();
    assertThat(List.of(icmp6, icmp4)).containsExactly(2L, 2L);
  }

  @Test
  void tcpdumpReadsTheFileAndFindsEveryChecksumRight() throws Exception {
    Topology world =
        Topology.nats(net, NatBehavior.FULL_CONE, NatBehavior.FULL_CONE, Link.ofMillis(10));
    Peer server = new Peer(world.server(), "192.0.2.1", 3478);
    new Peer(world.alice(), "192.168.1.10", 5000).send(server.local(), "hello");
    new Peer(world.server(), "2001:db8::1", 1)
        .send(TransportAddress.udp("2001:db8::2", 2), "nobody there");
    net.runFor(SECOND);
    Process tcpdump;
    try {
      tcpdump = new ProcessBuilder("tcpdump", "-nnvvr", write().toString())
          .redirectErrorStream(true)
          .start();
    } catch (IOException e) {
      Assumptions.abort("tcpdump is not installed");
      return;
    }
    String text = new String(tcpdump.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(tcpdump.waitFor()).as(text).isZero();
    assertThat(text)
        .contains("192.168.1.10.5000 > 192.0.2.1.3478: [udp sum ok] UDP, length 5")
        .contains("203.0.113.1.5000 > 192.0.2.1.3478: [udp sum ok] UDP, length 5")
        .contains("2001:db8::1.1 > 2001:db8::2.2: [udp sum ok] UDP, length 12")
        .contains("[icmp6 sum ok] ICMP6, destination unreachable, unreachable port")
        .doesNotContain("bad");
  }

  @Test
  void limitForgetsTheOldestAndZeroTurnsTheCaptureOff() {
    Host alice = net.host("alice");
    alice.attach(net.internet(), "192.0.2.1");
    Peer a = new Peer(alice, "192.0.2.1", 1);
    net.capture().limit(3);
    for (int i = 0; i < 10; i++) {
      a.send(TransportAddress.udp("192.0.2.99", 1), "x");
    }
    assertThat(net.capture().sightings())
        .extracting(Sighting::packetId)
        .containsExactly(8L, 9L, 9L);
    assertThat(net.capture().forgotten()).isEqualTo(17);
    net.capture().limit(0);
    a.send(TransportAddress.udp("192.0.2.99", 1), "x");
    assertThat(net.capture().sightings()).isEmpty();
    assertThat(net.statistics().sent()).isEqualTo(11);
    assertThatThrownBy(() -> net.capture().limit(-1)).hasMessageContaining("capture limit");
  }

  @Test
  void clearForgetsEverything() {
    Host alice = net.host("alice");
    alice.attach(net.internet(), "192.0.2.1");
    new Peer(alice, "192.0.2.1", 1).send(TransportAddress.udp("192.0.2.99", 1), "x");
    net.capture().clear();
    assertThat(net.capture().sightings()).isEmpty();
  }

  private static String text(ByteBuffer bytes, int at, int length) {
    byte[] text = new byte[length];
    bytes.get(at, text);
    return new String(text, StandardCharsets.UTF_8);
  }

  private static int onesComplementSum(ByteBuffer bytes, int from, int to) {
    int sum = 0;
    for (int i = from; i < to; i++) {
      sum += (bytes.get(i) & 0xFF) << (((i - from) & 1) == 0 ? 8 : 0);
    }
    return (sum & 0xFFFF) + (sum >>> 16);
  }

  private static int pseudoSum(ByteBuffer ip) {
    ByteBuffer covered = ByteBuffer.allocate(12 + ip.limit() - 20);
    covered.put(ip.slice(12, 8)).putShort((short) 17).putShort((short) (ip.limit() - 20));
    covered.put(ip.slice(20, ip.limit() - 20));
    return onesComplementSum(covered, 0, covered.limit());
  }
}

package dev.frazil.turn;

import static dev.frazil.turn.ServerHarness.LISTENER;
import static dev.frazil.turn.ServerHarness.PEER;
import static dev.frazil.turn.ServerHarness.SERVER;
import static dev.frazil.turn.ServerHarness.code;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Nat64Prefix;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.Method;
import dev.frazil.turn.ServerHarness.Client;
import dev.frazil.turn.TurnServer.Drop;
import java.math.BigInteger;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which peers may be reached, and that no way to name one goes around the filter. */
class PeerFilterTest {
  private static final PeerFilter STANDARD = PeerFilter.builder().build();

  private static boolean permits(PeerFilter filter, String ip) {
    return filter.permits(IpAddress.parse(ip));
  }

  /** Regression: CVE-2018-4058, CVE-2020-26262, local scopes and cloud metadata. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "0.0.0.0",
        "0.0.0.1",
        "0.255.255.255",
        "127.0.0.0",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "254.1.2.3",
        "255.255.255.254",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::",
        "fe80::1%3",
        "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fec0::1",
        "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "ff00::",
        "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
      })
  @Tag("TURN-2010")
  void theseAreNeverReachedWhateverIsAllowed(String ip) {
    PeerFilter open = PeerFilter.builder()
        .allow("0.0.0.0/0")
        .allow("::/0")
        .allow(ip.contains(":") ? ip.replaceAll("%.*", "") + "/128" : ip + "/32")
        .build();
    assertThat(permits(STANDARD, ip)).isFalse();
    assertThat(permits(open, ip)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1.0.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "223.255.255.255",
        "fe00::1",
        "2000::1",
        "2001:1::1",
        "2003::1",
        "fbff::1",
        "fe7f::1"
      })
  @Tag("TURN-2010")
  void neighboursOfThoseAreReached(String ip) {
    assertThat(permits(STANDARD, ip)).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.0.0, 10.255.255.255, 9.255.255.255, 11.0.0.0",
    "172.16.0.0, 172.31.255.255, 172.15.255.255, 172.32.0.0",
    "192.168.0.0, 192.168.255.255, 192.167.255.255, 192.169.0.0",
    "100.64.0.0, 100.127.255.255, 100.63.255.255, 100.128.0.0",
    "192.0.0.0, 192.0.0.255, 191.255.255.255, 192.0.1.0",
    "198.18.0.0, 198.19.255.255, 198.17.255.255, 198.20.0.0",
    "fc00::, fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, fbff::1, fe00::",
    "100::, 100::ffff:ffff:ffff:ffff, ff::1, 100:0:0:1::",
  })
  @Tag("TURN-2020")
  void privateRangesAreRefusedUnlessAllowed(
      String first, String last, String before, String after) {
    int length = first.contains(":") ? 128 : 32;
    PeerFilter allowing = PeerFilter.builder().allow(first + "/" + length).build();
    assertThat(permits(STANDARD, first) || permits(STANDARD, last)).isFalse();
    assertThat(permits(STANDARD, before) && permits(STANDARD, after)).isTrue();
    assertThat(permits(allowing, first)).isTrue();
    assertThat(permits(allowing, last)).isFalse();
  }

  @Test
  @Tag("TURN-2020")
  void documentationRangesAreTakenForPublicAndMetadataForPrivate() {
    for (String ip : List.of("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1")) {
      assertThat(permits(STANDARD, ip)).as(ip).isTrue();
    }
    assertThat(permits(STANDARD, "fd00:ec2::254")).isFalse();
  }

  /** Regression: CVE-2026-27624 and all embedded IPv4 forms; 127.0.0.1 is 7f00:1, 10.0.0.1 is a00:1. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0.0.0.0",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::10.0.0.1",
        "::ffff:0:127.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "64:ff9b:1:fffe::8.8.8.8",
        "2001:db8::5efe:127.0.0.1",
        "2001:db8::5efe:10.0.0.1",
        "2001:db8::200:5efe:10.0.0.1",
        "2001:db8::200:5efe:127.0.0.1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "2002:808:808::1",
        "2001:0:7f00:1::",
        "2001::1",
        "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"
      })
  @Tag("TURN-2040")
  @Tag("TURN-2030")
  void anIpv4AddressInAnIpv6AddressIsJudgedToo(String ip) {
    assertThat(permits(STANDARD, ip)).isFalse();
  }

  @Test
  @Tag("TURN-2040")
  void publicEmbeddedAddressesPass() {
    for (String ip : List.of(
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:db8::5efe:8.8.8.8", "::ffff:0:8.8.8.8")) {
      assertThat(permits(STANDARD, ip)).as(ip).isTrue();
    }
    PeerFilter filter = PeerFilter.builder()
        .allow("10.1.0.0/16")
        .deny("8.8.8.8")
        .nat64(new Nat64Prefix(IpAddress.parse("2001:db8:64::"), 48))
        .build();
    assertThat(permits(filter, "::ffff:10.1.2.3")).isTrue();
    assertThat(permits(filter, "::ffff:10.2.2.3")).isFalse();
    assertThat(permits(filter, "64:ff9b::8.8.8.8")).isFalse();
    Nat64Prefix nat64 = new Nat64Prefix(IpAddress.parse("2001:db8:64::"), 48);
    assertThat(filter.permits(nat64.synthesize(IpAddress.parse("192.168.0.1")))).isFalse();
    assertThat(filter.permits(nat64.synthesize(IpAddress.parse("10.1.0.1")))).isTrue();
    assertThat(STANDARD.permits(nat64.synthesize(IpAddress.parse("192.168.0.1"))))
        .as("a NAT64 that nobody told of")
        .isTrue();
  }

  @Test
  void theLongestPrefixDecidesAndOfTwoEqualOnesTheDenial() {
    PeerFilter filter = PeerFilter.builder()
        .allow("10.0.0.0/8")
        .deny("10.1.0.0/16")
        .allow("10.1.2.3")
        .deny("0.0.0.0/0")
        .allow("203.0.113.0/24")
        .deny("203.0.113.0/24")
        .build();
    assertThat(permits(filter, "10.9.9.9")).isTrue();
    assertThat(permits(filter, "10.1.9.9")).isFalse();
    assertThat(permits(filter, "10.1.2.3")).isTrue();
    assertThat(permits(filter, "8.8.8.8")).isFalse();
    assertThat(permits(filter, "203.0.113.1")).isFalse();
    assertThat(permits(filter, "2001:db8::1")).isTrue();
  }

  /** Regression: a malformed entry of a deny list. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "10.0.0.0/33",
        "fe80::-",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "10.0.0.0/08x",
        "",
        "/8",
        "10.0.0/8",
        "10.0.0.1/8",
        "2001:db8::/129",
        "2001:db8::1/64",
        "fe80::%1/64",
        "example.org",
        "10.0.0.0-10.0.0.255",
        "10.0.0.0/8/8",
        "256.0.0.0/8"
      })
  void malformedRangeIsRefusedByName(String range) {
    PeerFilter.Builder builder = PeerFilter.builder();
    assertThatThrownBy(() -> builder.deny(range))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + range + "'");
    assertThatThrownBy(() -> builder.allow(range)).isInstanceOf(IllegalArgumentException.class);
  }

  /** Regression: IPv6 ranges compared byte by byte. */
  @Test
  void rangesAgreeWithArithmetic() {
    Random random = new Random(3);
    for (int i = 0; i < 2000; i++) {
      boolean ipv4 = random.nextBoolean();
      int bits = ipv4 ? 32 : 128;
      int length = random.nextInt(bits + 1);
      BigInteger mask = BigInteger.ONE
          .shiftLeft(bits)
          .subtract(BigInteger.ONE)
          .shiftRight(bits - length)
          .shiftLeft(bits - length);
      BigInteger prefix = number(random, ipv4).and(mask);
      PeerFilter filter =
          PeerFilter.builder().deny(text(prefix, ipv4) + "/" + length).build();
      for (int j = 0; j < 5; j++) {
        BigInteger probe = number(random, ipv4);
        if (random.nextBoolean()) {
          probe = prefix.or(probe.andNot(mask)); // in the range
          probe = random.nextInt(3) == 0 && length > 0 ? probe.flipBit(bits - length) : probe;
        }
        boolean inside = probe.and(mask).equals(prefix);
        String ip = text(probe, ipv4);
        boolean expected = permits(STANDARD, ip) && !inside;
        assertThat(permits(filter, ip))
            .as(ip + " and " + prefix + "/" + length)
            .isEqualTo(expected);
      }
    }
  }

  /** In ranges that nothing else refuses: 20/6 and 2a00::/16. */
  private static BigInteger number(Random random, boolean ipv4) {
    BigInteger any = new BigInteger(ipv4 ? 26 : 112, random);
    return any.or(BigInteger.valueOf(ipv4 ? 5 : 0x2a00).shiftLeft(ipv4 ? 26 : 112));
  }

  private static String text(BigInteger number, boolean ipv4) {
    byte[] bytes = new byte[ipv4 ? 4 : 16];
    byte[] all = number.toByteArray();
    int count = Math.min(all.length, bytes.length);
    System.arraycopy(all, all.length - count, bytes, bytes.length - count, count);
    return IpAddress.of(bytes).toString();
  }

  @Test
  @Tag("TURN-2010")
  void broadcastAddressOfAnOwnNetworkIsRefused() {
    PeerFilter filter =
        PeerFilter.builder().own(IpAddress.parse("203.0.113.70"), 26).build();
    assertThat(permits(filter, "203.0.113.127")).isFalse();
    assertThat(permits(filter, "203.0.113.126")).isTrue();
    assertThat(permits(filter, "203.0.113.70")).isFalse();
  }

  @Test
  void loopbackOpensForTestsAlone() {
    PeerFilter filter = PeerFilter.builder().loopback(true).build();
    assertThat(permits(filter, "127.0.0.1") && permits(filter, "::1")).isTrue();
    assertThat(permits(filter, "0.0.0.0")).isFalse();
  }

  // Through the server

  private final ServerHarness net = new ServerHarness(builder -> builder.tcp(true));

  /** Every way to name a peer: CreatePermission, ChannelBind, Connect, Send, and to be one. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1", "0.0.0.0", "169.254.169.254", "10.0.0.1", "224.0.0.1", "255.255.255.255",
        "::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1",
        "2001:0:7f00:1::", "2001:db8::5efe:7f00:1", "fe80::1", "fd00:ec2::254", "ff02::1"
      })
  @Tag("TURN-2000")
  void noWayAroundTheFilter(String ip) {
    TransportAddress peer = TransportAddress.udp(ip, 8080);
    Client client = net.client(5000);
    client.allocate(b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2));
    assertThat(client.permit(peer)).isEqualTo(403);
    assertThat(client.permit(PEER, peer)).isEqualTo(403);
    assertThat(client.bind(0x4000, peer)).isEqualTo(403);
    assertThat(client.indicate(peer, (byte) 1)).isEmpty();
    assertThat(client.channelData(0x4000, (byte) 1)).isEmpty();
    for (TransportAddress relayed : List.copyOf(net.bound)) {
      assertThat(net.peerSends(relayed, peer, (byte) 1)).isEmpty();
    }
    Client stream = net.streamClient(5000);
    int family = peer.ip().isIpv4() ? 1 : 2;
    assertThat(code(stream.request(
            Method.ALLOCATE,
            b -> b.put(AttributeType.REQUESTED_TRANSPORT, 6)
                .put(AttributeType.REQUESTED_ADDRESS_FAMILY, family))))
        .isZero();
    assertThat(
            code(stream.request(Method.CONNECT, b -> b.put(AttributeType.XOR_PEER_ADDRESS, peer))))
        .isEqualTo(403);
    assertThat(net.connects).isEmpty();
    for (TransportAddress relayed : List.copyOf(net.bound)) {
      if (relayed.transport() == Transport.TCP) {
        net.server.handleAccepted(
            new dev.frazil.net.FiveTuple(
                relayed, new TransportAddress(peer.ip(), 8080, Transport.TCP)),
            net.now);
        assertThat(net.closed).hasSize(1);
      }
    }
  }

  /** Regression: the server itself. */
  @Test
  @Tag("TURN-2050")
  void ownAddressesAreReachedOnlyWhereAnAllocationIs() {
    Client a = net.client(5000);
    Client b = net.client(5001);
    TransportAddress ofA = a.allocate();
    TransportAddress ofB = b.allocate();
    for (int port : new int[] {22, 80, 3478, 5349, 9641, ofB.port() ^ 1}) {
      assertThat(a.permit(LISTENER.withPort(port))).as("port " + port).isEqualTo(403);
      assertThat(a.bind(0x4000, LISTENER.withPort(port))).isEqualTo(403);
    }
    assertThat(a.permit(ofB)).isZero();
    assertThat(a.indicate(LISTENER, (byte) 1))
        .as("the permission is of the IP address")
        .isEmpty();
    assertThat(net.dropped(Drop.PEER_REFUSED)).isEqualTo(1);
    assertThat(a.indicate(ofB, (byte) 1)).hasSize(1);
    assertThat(net.peerSends(ofA, LISTENER, (byte) 1)).isEmpty();
    b.permit(ofA);
    assertThat(net.peerSends(ofB, ofA, (byte) 1)).hasSize(1);
    a.bind(0x4001, ofB);
    assertThat(a.channelData(0x4001, (byte) 1)).hasSize(1);
    b.release();
    assertThat(a.channelData(0x4001, (byte) 1)).as("nobody is there any more").isEmpty();
    assertThat(a.indicate(ofB, (byte) 1)).isEmpty();
  }

  @Test
  @Tag("TURN-2050")
  void ownAddressesHideInNoEmbeddedForm() {
    ServerHarness v4 = new ServerHarness(
        b -> b.peerFilter(PeerFilter.builder().own(IpAddress.parse("8.8.8.8")).build()));
    Client client = v4.client(5000);
    client.allocate(b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2));
    for (String ip : List.of("::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "::ffff:" + SERVER)) {
      assertThat(client.permit(TransportAddress.udp(ip, 3478))).as(ip).isEqualTo(403);
    }
    assertThat(client.permit(TransportAddress.udp("8.8.8.8", 3478))).isEqualTo(403);
  }

  @Test
  @Tag("TURN-2050")
  void hairpinCanBeTurnedOff() {
    ServerHarness off = new ServerHarness(b -> b.hairpin(false));
    Client a = off.client(5000);
    a.allocate();
    TransportAddress ofB = off.client(5001).allocate();
    assertThat(a.permit(ofB)).isEqualTo(403);
    assertThat(a.permit(ofB.withPort(0))).isEqualTo(403);
    assertThat(a.bind(0x4000, ofB)).isEqualTo(403);
  }

  @Test
  @Tag("TURN-2060")
  void portZeroIsNoPeerAndLowPortsCanBeRefused() {
    Client client = net.client(5000);
    TransportAddress relayed = client.allocate();
    assertThat(client.permit(PEER.withPort(0))).as("a permission has no port").isZero();
    assertThat(client.bind(0x4000, PEER.withPort(0))).isEqualTo(403);
    assertThat(client.indicate(PEER.withPort(0), (byte) 1)).isEmpty();
    assertThat(net.peerSends(relayed, PEER.withPort(0), (byte) 1)).isEmpty();
    assertThat(client.bind(0x4000, PEER.withPort(53))).isZero();
    ServerHarness high = new ServerHarness(
        b -> b.peerFilter(PeerFilter.builder().privilegedPorts(false).build()));
    Client other = high.client(5000);
    other.allocate();
    assertThat(other.bind(0x4000, PEER.withPort(1023))).isEqualTo(403);
    assertThat(other.bind(0x4000, PEER.withPort(1024))).isZero();
    assertThat(other.indicate(PEER.withPort(1023), (byte) 1)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"2002:c000:204::1", "2001:0:c000:204::1"})
  @Tag("TURN-2030")
  void tunnelledClientsAreNotAnswered(String ip) {
    Client client = net.client(TransportAddress.udp(ip, 5000));
    Consumer<dev.frazil.stun.StunBuilder> transport =
        b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17);
    assertThat(client.bare(Method.ALLOCATE, transport)).isNull();
    assertThat(net.dropped(Drop.TUNNELLED_SOURCE)).isEqualTo(1);
  }

  @Test
  @Tag("TURN-2050")
  void reservedAddressIsNoPeerYet() {
    TransportAddress even = net.client(5000)
        .allocate(b -> b.put(AttributeType.EVEN_PORT, true))
        .get(AttributeType.XOR_RELAYED_ADDRESS);
    Client client = net.client(5001);
    client.allocate();
    assertThat(client.permit(even.withPort(even.port() + 1))).isEqualTo(403);
    assertThat(client.permit(even)).isZero();
  }

  @Test
  @Tag("TURN-2070")
  void addressThatBecomesTheServersOwnLosesItsPermission() {
    Client client = net.client(5000);
    client.allocate();
    client.bind(0x4000, PEER);
    PeerFilter filter = PeerFilter.builder().own(PEER.ip()).build();
    net.server.reconfigure(net.configuration(builder -> builder.peerFilter(filter)), net.now);
    assertThat(client.channelData(0x4000, (byte) 1)).isEmpty();
    assertThat(client.indicate(PEER, (byte) 1)).isEmpty();
  }
}

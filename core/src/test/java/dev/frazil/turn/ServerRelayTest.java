package dev.frazil.turn;

import static dev.frazil.turn.ServerHarness.LISTENER;
import static dev.frazil.turn.ServerHarness.PEER;
import static dev.frazil.turn.ServerHarness.PEER6;
import static dev.frazil.turn.ServerHarness.code;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ServerHarness.Client;
import dev.frazil.turn.ServerHarness.Sent;
import dev.frazil.turn.TurnServer.Drop;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Data through a server, RFC 8656 11 and 12. */
class ServerRelayTest {
  private final ServerHarness net = new ServerHarness();
  private final Client client = net.client(5000);
  private final TransportAddress relayed = client.allocate();

  private static byte[] bytes(Sent sent) {
    byte[] bytes = new byte[sent.bytes().remaining()];
    sent.bytes().get(0, bytes);
    return bytes;
  }

  private static byte[] filled(int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) 0xFF);
    return bytes;
  }

  private static byte[] data(StunMessage indication) {
    ByteBuffer data = indication.get(AttributeType.DATA);
    byte[] bytes = new byte[data.remaining()];
    data.get(bytes);
    return bytes;
  }

  @Test
  @Tag("TURN-0930")
  void sendIndicationLeavesFromTheRelayedAddress() {
    client.permit(PEER);
    List<Sent> sent = client.indicate(PEER, (byte) 1, (byte) 2, (byte) 3);
    assertThat(sent).hasSize(1);
    assertThat(sent.get(0).path()).isEqualTo(new FiveTuple(relayed, PEER));
    assertThat(bytes(sent.get(0))).containsExactly(1, 2, 3);
  }

  @Test
  @Tag("TURN-0900")
  void emptyDataReachesThePeerAsAnEmptyDatagram() {
    client.permit(PEER);
    assertThat(client.indicate(PEER))
        .singleElement()
        .satisfies(sent -> assertThat(bytes(sent)).isEmpty());
  }

  @Test
  @Tag("TURN-0900")
  void sendIndicationWithoutPeerOrDataOrWithABadOneIsDropped() {
    client.permit(PEER);
    AttributeType<ByteBuffer> raw = AttributeType.ofBytes(0x0012, "XOR-PEER-ADDRESS", 0, 100);
    ByteBuffer data = ByteBuffer.wrap(new byte[4]);
    assertThat(client.indicate(b -> b.put(AttributeType.DATA, data))).isEmpty();
    assertThat(client.indicate(b -> b.put(AttributeType.XOR_PEER_ADDRESS, PEER)))
        .isEmpty();
    assertThat(client.indicate(
            b -> b.put(raw, ByteBuffer.wrap(new byte[7])).put(AttributeType.DATA, data)))
        .isEmpty();
    assertThat(client.indicate(b -> b.put(AttributeType.XOR_PEER_ADDRESS, PEER)
            .put(AttributeType.DATA, data)
            .put(AttributeType.PADDING, data)))
        .as("an attribute that is not understood")
        .isEmpty();
    assertThat(net.dropped(Drop.BAD_INDICATION)).isEqualTo(4);
  }

  @Test
  @Tag("TURN-0910")
  void dontFragmentIsDroppedWhereItCantBeDone() {
    client.permit(PEER);
    assertThat(client.indicate(b -> b.put(AttributeType.XOR_PEER_ADDRESS, PEER)
            .flag(AttributeType.DONT_FRAGMENT)
            .put(AttributeType.DATA, ByteBuffer.wrap(new byte[4]))))
        .isEmpty();
    assertThat(net.dropped(Drop.BAD_INDICATION)).isEqualTo(1);
  }

  @Test
  @Tag("TURN-1310")
  @Tag("TURN-1320")
  void dontFragmentIsDoneBetweenIpv4AddressesAndIgnoredTowardsIpv6() {
    ServerHarness able = new ServerHarness(builder -> builder.dontFragment(true));
    Client dual = able.client(5000);
    assertThat(code(dual.allocate(b ->
            b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2).flag(AttributeType.DONT_FRAGMENT))))
        .isZero();
    dual.permit(PEER, PEER6);
    for (TransportAddress peer : List.of(PEER, PEER6)) {
      List<Sent> asked = dual.indicate(b -> b.put(AttributeType.XOR_PEER_ADDRESS, peer)
          .flag(AttributeType.DONT_FRAGMENT)
          .put(AttributeType.DATA, ByteBuffer.wrap(new byte[4])));
      assertThat(asked).singleElement().extracting(Sent::unfragmented).isEqualTo(peer == PEER);
      assertThat(dual.indicate(peer, (byte) 1))
          .singleElement()
          .extracting(Sent::unfragmented)
          .isEqualTo(false);
    }
  }

  @Test
  @Tag("TURN-0100")
  void integrityInAnIndicationIsIgnored() {
    IntegrityKey garbage = IntegrityKey.shortTerm("garbage");
    client.permit(PEER);
    List<Sent> sent = client.indicate(b -> b.put(AttributeType.XOR_PEER_ADDRESS, PEER)
        .put(AttributeType.DATA, ByteBuffer.wrap(new byte[] {9}))
        .put(AttributeType.USERNAME, "nobody")
        .put(AttributeType.REALM, "r")
        .put(AttributeType.NONCE, "n")
        .integrity(garbage));
    assertThat(sent).hasSize(1);
  }

  @Test
  @Tag("TURN-0920")
  void withoutAPermissionNothingPasses() {
    assertThat(client.indicate(PEER, (byte) 1)).isEmpty();
    assertThat(net.peerSends(relayed, PEER, (byte) 1)).isEmpty();
    assertThat(net.dropped(Drop.NO_PERMISSION)).isEqualTo(2);
  }

  @Test
  @Tag("TURN-0800")
  void permissionIsOfAnIpAddressWhateverThePort() {
    client.permit(PEER.withPort(0));
    assertThat(net.peerSends(relayed, PEER.withPort(999), (byte) 1)).hasSize(1);
    assertThat(net.peerSends(relayed, TransportAddress.udp("198.51.100.8", 4000), (byte) 1))
        .isEmpty();
  }

  @Test
  @Tag("TURN-0800")
  @Tag("TURN-0810")
  void permissionLastsFiveMinutesAndDataDoesNotProlongIt() {
    client.permit(PEER);
    net.passSeconds(299);
    assertThat(client.indicate(PEER, (byte) 1)).hasSize(1);
    assertThat(net.peerSends(relayed, PEER, (byte) 1)).hasSize(1);
    net.passSeconds(1);
    assertThat(client.indicate(PEER, (byte) 1)).isEmpty();
    assertThat(net.peerSends(relayed, PEER, (byte) 1)).isEmpty();
    client.permit(PEER);
    assertThat(client.indicate(PEER, (byte) 1)).hasSize(1);
    client.refresh(b -> {});
    net.passSeconds(200);
    client.permit(PEER);
    net.passSeconds(200);
    assertThat(client.indicate(PEER, (byte) 1)).as("refreshed").hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 1200})
  @Tag("TURN-0940")
  void datagramWithoutAChannelBecomesADataIndication(int length) {
    client.permit(PEER);
    byte[] payload = new byte[length];
    Arrays.fill(payload, (byte) 0xA5);
    // A longer one before it must leave nothing behind.
    net.peerSends(relayed, PEER, filled(1401));
    List<Sent> sent = net.peerSends(relayed, PEER, payload);
    assertThat(sent).hasSize(1);
    assertThat(sent.get(0).path()).isEqualTo(client.path);
    StunMessage indication = sent.get(0).message();
    assertThat(indication.is(MessageClass.INDICATION, Method.DATA)).isTrue();
    assertThat(indication.get(AttributeType.XOR_PEER_ADDRESS)).isEqualTo(PEER);
    assertThat(data(indication)).isEqualTo(payload);
    ByteBuffer bytes = sent.get(0).bytes();
    for (int i = bytes.limit() - ChannelData.padding(length); i < bytes.limit(); i++) {
      assertThat(bytes.get(i)).as("padding").isZero();
    }
  }

  @Test
  void longestPayloadsThatIndicationsHoldPassAndLongerOnesAreDropped() {
    client.permit(PEER);
    assertThat(net.peerSends(relayed, PEER, new byte[65487])).hasSize(1);
    assertThat(net.peerSends(relayed, PEER, new byte[65488])).isEmpty();
    assertThat(net.dropped(Drop.TOO_LONG)).isEqualTo(1);
  }

  @Test
  @Tag("TURN-0940")
  @Tag("TURN-1190")
  void datagramOfAPeerWithAChannelBecomesChannelData() {
    client.bind(0x4000, PEER);
    List<Sent> sent = net.peerSends(relayed, PEER, (byte) 7, (byte) 8, (byte) 9);
    assertThat(sent).hasSize(1);
    assertThat(sent.get(0).path()).isEqualTo(client.path);
    assertThat(bytes(sent.get(0))).containsExactly(0x40, 0, 0, 3, 7, 8, 9);
    List<Sent> otherPort = net.peerSends(relayed, PEER.withPort(4001), (byte) 7);
    assertThat(otherPort.get(0).message().is(MessageClass.INDICATION, Method.DATA))
        .isTrue();
  }

  @Test
  void channelDataGoesToItsPeer() {
    client.bind(0x4FFF, PEER);
    List<Sent> sent = client.channelData(0x4FFF, (byte) 1, (byte) 2);
    assertThat(sent).hasSize(1);
    assertThat(sent.get(0).path()).isEqualTo(new FiveTuple(relayed, PEER));
    assertThat(bytes(sent.get(0))).containsExactly(1, 2);
    assertThat(client.channelData(0x4FFF))
        .singleElement()
        .satisfies(empty -> assertThat(bytes(empty)).isEmpty());
  }

  @Test
  void paddingBehindChannelDataIsNotRelayed() {
    client.bind(0x4000, PEER);
    ByteBuffer padded = ByteBuffer.wrap(new byte[] {0x40, 0, 0, 1, 42, 0, 0, 0});
    assertThat(net.handle(client.path, padded))
        .singleElement()
        .satisfies(sent -> assertThat(bytes(sent)).containsExactly(42));
  }

  @ParameterizedTest
  @CsvSource({
    "0x5000, 0, BAD_CHANNEL_DATA",
    "0x7FFF, 0, BAD_CHANNEL_DATA",
    "0x4000, 5, BAD_CHANNEL_DATA",
    "0x4000, 65535, BAD_CHANNEL_DATA",
    "0x4001, 4, NO_CHANNEL",
    "0x4002, 4, NO_PERMISSION",
  })
  @Tag("TURN-1180")
  void channelDataThatCantPassIsDropped(String number, int length, Drop reason) {
    client.bind(0x4002, TransportAddress.udp("198.51.100.9", 1));
    net.passSeconds(301); // the channel lives, its permission does not
    client.bind(0x4000, PEER);
    ByteBuffer message = ByteBuffer.allocate(8);
    message
        .putShort(
            Short.decode(number.equals("0x5000") || number.equals("0x7FFF") ? number : number))
        .putShort((short) length);
    assertThat(net.handle(client.path, message.clear())).isEmpty();
    assertThat(net.dropped(reason)).isEqualTo(1);
  }

  @Test
  void truncatedHeadersAreDropped() {
    for (int length = 0; length < 4; length++) {
      ByteBuffer message = ByteBuffer.wrap(new byte[] {0x40, 0, 0, 0}).limit(length);
      assertThat(net.handle(client.path, message)).isEmpty();
    }
    assertThat(net.dropped(Drop.BAD_CHANNEL_DATA)).isEqualTo(3);
    assertThat(net.dropped(Drop.NOT_STUN)).isEqualTo(1);
  }

  @Test
  @Tag("TURN-0070")
  void dataWithoutAnAllocationIsDroppedSilently() {
    Client stranger = net.client(6000);
    assertThat(stranger.channelData(0x4000, (byte) 1)).isEmpty();
    assertThat(stranger.indicate(PEER, (byte) 1)).isEmpty();
    assertThat(net.dropped(Drop.NO_ALLOCATION)).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5})
  @Tag("TURN-1170")
  void channelDataIsPaddedOnStreams(int length) {
    Client stream = net.streamClient(5000);
    TransportAddress ofStream = stream.allocate();
    stream.bind(0x4000, PEER);
    net.peerSends(ofStream, TransportAddress.udp("198.51.100.7", 4000), filled(701));
    byte[] payload = new byte[length];
    Arrays.fill(payload, (byte) 0x77);
    List<Sent> sent = net.peerSends(ofStream, PEER, payload);
    assertThat(sent).hasSize(1);
    assertThat(sent.get(0).path().local().transport()).isEqualTo(Transport.TCP);
    byte[] expected = new byte[4 + (length + 3) / 4 * 4];
    expected[0] = 0x40;
    expected[3] = (byte) length;
    Arrays.fill(expected, 4, 4 + length, (byte) 0x77);
    assertThat(bytes(sent.get(0))).isEqualTo(expected);
  }

  @Test
  @Tag("TURN-0960")
  void icmpAboutRelayedDataIsTold() {
    client.permit(PEER);
    FiveTuple path = new FiveTuple(relayed, PEER.withPort(77));
    net.sent.clear();
    net.server.handleIcmp(path, new IcmpMessage(3, 4, 1400), net.now);
    net.server.handleIcmp(path, new IcmpMessage(3, 3, 99), net.now);
    net.server.handleIcmp(path, new IcmpMessage(11, 0, 0), net.now);
    net.server.handleIcmp(path, new IcmpMessage(5, 0, 0), net.now);
    net.server.handleIcmp(
        new FiveTuple(relayed, TransportAddress.udp("198.51.100.8", 1)),
        new IcmpMessage(3, 3, 0),
        net.now);
    net.server.handleIcmp(new FiveTuple(LISTENER, PEER), new IcmpMessage(3, 3, 0), net.now);
    assertThat(net.sent)
        .extracting(sent -> sent.message().get(AttributeType.ICMP))
        .containsExactly(
            new IcmpMessage(3, 4, 1400), new IcmpMessage(3, 3, 0), new IcmpMessage(11, 0, 0));
    StunMessage first = net.sent.get(0).message();
    assertThat(first.is(MessageClass.INDICATION, Method.DATA)).isTrue();
    assertThat(first.get(AttributeType.XOR_PEER_ADDRESS)).isEqualTo(PEER.withPort(77));
    assertThat(first.has(AttributeType.DATA)).isFalse();
  }

  @Test
  void bandwidthOfAUserIsSharedByItsAllocations() {
    ServerHarness slow = new ServerHarness(builder -> builder.bandwidth(0, 1000));
    Client first = slow.client(5000);
    Client second = slow.client(5001);
    Client stranger = slow.client(5002).as(ServerHarness.OTHER);
    for (Client each : List.of(first, second, stranger)) {
      each.allocate();
      each.permit(PEER);
    }
    assertThat(first.indicate(PEER, new byte[600])).hasSize(1);
    assertThat(second.indicate(PEER, new byte[600])).isEmpty();
    assertThat(second.indicate(PEER, new byte[400])).hasSize(1);
    assertThat(stranger.indicate(PEER, new byte[600])).hasSize(1);
    assertThat(slow.dropped(Drop.BANDWIDTH)).isEqualTo(1);
    slow.passSeconds(1);
    assertThat(second.indicate(PEER, new byte[600])).hasSize(1);
  }

  @Test
  void requestsWithoutACookieAndResponsesAreNotAnswered() {
    assertThat(client.send(ByteBuffer.wrap(new byte[20]).putShort(0, (short) 3)))
        .isNull();
    StunBuilder response =
        StunBuilder.success(Method.ALLOCATE, client.newId(), ByteBuffer.allocate(100));
    assertThat(client.send(response.finish())).isNull();
    assertThat(net.dropped(Drop.UNEXPECTED_STUN)).isEqualTo(1);
    assertThat(net.dropped(Drop.NOT_STUN)).isEqualTo(1);
  }
}

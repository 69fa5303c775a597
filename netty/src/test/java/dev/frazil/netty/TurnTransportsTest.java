package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.TurnListener.Kind;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds over every transport that clients can come by. */
class TurnTransportsTest {
  private static final int CHANNEL = 0x4001;

  private IceRuntime runtime = IceRuntime.create();
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    runtime.close();
  }

  static Stream<Arguments> kindsAndEngines() {
    return Stream.of(Kind.values())
        .flatMap(kind -> Loopback.transports().map(engine -> Arguments.of(kind, engine)));
  }

  private TurnService start(Kind kind, String ip) throws Exception {
    TurnServiceSettings.Builder settings =
        TurnServices.settings(ip, builder -> {}).listen(kind, ip, 0);
    return Loopback.await(TurnService.start(runtime, settings.build(), event -> {}));
  }

  private RawTurnClient client(TurnService service, LongTermCredential user) throws Exception {
    RawTurnClient client = RawTurnClient.of(service.listeners().get(0), user);
    open.add(client);
    return client;
  }

  private RawTurnClient client(TurnService service) throws Exception {
    return client(service, TurnServices.USER);
  }

  private DatagramSocket peer(String ip) throws Exception {
    DatagramSocket peer = Loopback.socket(ip);
    open.add(peer);
    return peer;
  }

  private static TransportAddress address(DatagramSocket socket) {
    return SocketAddresses.toUdp((InetSocketAddress) socket.getLocalSocketAddress(), 0);
  }

  private static byte[] payload(int length) {
    byte[] payload = new byte[length];
    Arrays.fill(payload, (byte) length);
    return payload;
  }

  private static void echo(DatagramSocket peer, int length) throws Exception {
    DatagramPacket packet = Loopback.receive(peer);
    assertThat(ByteBuffer.wrap(packet.getData(), 0, packet.getLength()))
        .isEqualTo(ByteBuffer.wrap(payload(length)));
    peer.send(new DatagramPacket(
        packet.getData(), packet.getLength(), (InetSocketAddress) packet.getSocketAddress()));
  }

  private void relaysBothWays(TurnService service, String ip) throws Exception {
    RawTurnClient client = client(service);
    TransportAddress relayed = client.allocate();
    assertThat(relayed.ip()).isEqualTo(IpAddress.parse(ip));
    assertThat(Loopback.await(service.sessions()).get(0).client().remote())
        .isEqualTo(client.address());
    relaysBothWays(client, peer(ip));
  }

  private static void relaysBothWays(RawTurnClient client, DatagramSocket peer) throws Exception {
    assertThat(client.permit(address(peer))).isZero();
    for (int length : new int[] {1, 333, 1200}) {
      client.indicate(address(peer), payload(length));
      echo(peer, length);
      StunMessage indication = StunMessage.tryParse(client.receive());
      assertThat(indication.method()).isEqualTo(Method.DATA);
      assertThat(indication.get(AttributeType.XOR_PEER_ADDRESS)).isEqualTo(address(peer));
      assertThat(indication.get(AttributeType.DATA)).isEqualTo(ByteBuffer.wrap(payload(length)));
    }
    assertThat(client.bind(CHANNEL, address(peer))).isZero();
    for (int length : new int[] {1, 2, 3, 4, 1201}) {
      client.channelData(CHANNEL, payload(length));
      echo(peer, length);
      ByteBuffer answer = client.receive();
      assertThat(answer.getShort()).isEqualTo((short) CHANNEL);
      assertThat(answer.getShort()).isEqualTo((short) length);
      assertThat(answer).isEqualTo(ByteBuffer.wrap(payload(length)));
    }
    assertThat(client.release()).isZero();
  }

  @ParameterizedTest
  @MethodSource("kindsAndEngines")
  @Tag("TURN-0010")
  void payloadsGoToAPeerAndBack(Kind kind, IoTransport engine) throws Exception {
    runtime.close();
    runtime = IceRuntime.builder().transport(engine).build();
    relaysBothWays(start(kind, "127.0.0.1"), "127.0.0.1");
  }

  @ParameterizedTest
  @MethodSource("kindsAndEngines")
  @Tag("TURN-0900")
  void payloadWithoutAByteGoesToAPeerAndBackToo(Kind kind, IoTransport engine) throws Exception {
    runtime.close();
    runtime = IceRuntime.builder().transport(engine).build();
    RawTurnClient client = client(start(kind, "127.0.0.1"));
    DatagramSocket peer = peer("127.0.0.1");
    client.allocate();
    client.permit(address(peer));
    for (int length : new int[] {7, 0, 8}) {
      client.indicate(address(peer), payload(length));
      echo(peer, length);
      StunMessage indication = StunMessage.tryParse(client.receive());
      assertThat(indication.get(AttributeType.DATA)).isEqualTo(ByteBuffer.wrap(payload(length)));
    }
    client.bind(CHANNEL, address(peer));
    for (int length : new int[] {7, 0, 8}) {
      client.channelData(CHANNEL, payload(length));
      echo(peer, length);
      assertThat(client.receive().position(4)).isEqualTo(ByteBuffer.wrap(payload(length)));
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  @Tag("TURN-0010")
  void ipv6IsServedToo(Kind kind) throws Exception {
    relaysBothWays(start(kind, "::1"), "::1");
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void serviceOfBindingRequestsAloneAnswersThemAndAllocatesNothing(Kind kind) throws Exception {
    TurnServiceSettings settings = TurnServiceSettings.builder(builder -> builder.bindingOnly(true))
        .identity(TurnServices.identity(TurnServices.CERTIFICATE))
        .listen(kind, "127.0.0.1", 0)
        .build();
    TurnService service = Loopback.await(TurnService.start(runtime, settings, event -> {}));
    RawTurnClient client = client(service);
    client.send(client.message(
        Method.ALLOCATE, builder -> builder.put(AttributeType.REQUESTED_TRANSPORT, 17)));
    StunMessage answer = client.request(Method.BINDING, builder -> {});
    assertThat(answer.is(MessageClass.SUCCESS, Method.BINDING)).isTrue();
    TransportAddress mapped = answer.get(AttributeType.XOR_MAPPED_ADDRESS);
    assertThat(mapped.ip()).isEqualTo(client.address().ip());
    assertThat(mapped.port()).isEqualTo(client.address().port());
    assertThat(Loopback.await(service.sessions())).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void burstArrivesWholeAndInOrder(Kind kind) throws Exception {
    RawTurnClient client = client(start(kind, "127.0.0.1"));
    DatagramSocket peer = peer("127.0.0.1");
    client.allocate();
    client.bind(CHANNEL, address(peer));
    for (int i = 1; i <= 64; i++) {
      client.channelData(CHANNEL, payload(i));
    }
    for (int i = 1; i <= 64; i++) {
      echo(peer, i);
    }
    for (int i = 1; i <= 64; i++) {
      assertThat(client.receive().position(4)).isEqualTo(ByteBuffer.wrap(payload(i)));
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void requestsWithoutAllocationAreToldSo(Kind kind) throws Exception {
    RawTurnClient client = client(start(kind, "127.0.0.1"));
    DatagramSocket peer = peer("127.0.0.1");
    assertThat(client.permit(address(peer))).isEqualTo(ErrorCode.ALLOCATION_MISMATCH);
    assertThat(client.bind(CHANNEL, address(peer))).isEqualTo(ErrorCode.ALLOCATION_MISMATCH);
    assertThat(client.release()).isEqualTo(ErrorCode.ALLOCATION_MISMATCH);
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void wrongPasswordIsRefusedAndNothingIsAllocated(Kind kind) throws Exception {
    TurnService service = start(kind, "127.0.0.1");
    RawTurnClient client = client(service, new LongTermCredential("user", "word"));
    assertThat(RawTurnClient.code(client.allocate(builder -> {})))
        .isEqualTo(ErrorCode.UNAUTHENTICATED);
    assertThat(Loopback.await(service.sessions())).isEmpty();
  }

  /** CVE-2018-4058, CVE-2020-26262, CVE-2026-27624 and their kin, from regressions.md. */
  @ParameterizedTest
  @EnumSource(Kind.class)
  @Tag("TURN-2000")
  void peersThatMustNotBeReachedAreRefused(Kind kind) throws Exception {
    RawTurnClient four = client(start(kind, "127.0.0.1"));
    RawTurnClient six = client(start(kind, "::1"));
    four.allocate();
    six.allocate();
    for (String ip : List.of("0.0.0.0", "0.1.2.3", "10.0.0.1", "169.254.169.254", "224.0.0.1")) {
      TransportAddress peer = TransportAddress.udp(ip, 80);
      assertThat(four.permit(peer)).as(ip).isEqualTo(ErrorCode.FORBIDDEN);
      assertThat(four.bind(CHANNEL, peer)).as(ip).isEqualTo(ErrorCode.FORBIDDEN);
    }
    for (String ip : List.of(
        "::",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::a00:1",
        "2001::1",
        "fe80::1",
        "fc00::1",
        "ff02::1")) {
      TransportAddress peer = TransportAddress.udp(ip, 80);
      assertThat(six.permit(peer)).as(ip).isEqualTo(ErrorCode.FORBIDDEN);
      assertThat(six.bind(CHANNEL, peer)).as(ip).isEqualTo(ErrorCode.FORBIDDEN);
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void channelNumbersOutsideOfTheRangeAreRefused(Kind kind) throws Exception {
    RawTurnClient client = client(start(kind, "127.0.0.1"));
    DatagramSocket peer = peer("127.0.0.1");
    client.allocate();
    for (int number : new int[] {0x3FFF, 0x5000, 0x7FFF, 0xFFFF}) {
      assertThat(client.bind(number, address(peer))).isEqualTo(ErrorCode.BAD_REQUEST);
    }
    assertThat(client.bind(0x4FFF, address(peer))).isZero();
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void shortMessageBehindALongOneHasNoStaleBytes(Kind kind) throws Exception {
    RawTurnClient client = client(start(kind, "127.0.0.1"));
    DatagramSocket peer = peer("127.0.0.1");
    client.allocate();
    client.bind(CHANNEL, address(peer));
    for (int length : new int[] {1200, 1}) {
      client.channelData(CHANNEL, payload(length));
      echo(peer, length);
      assertThat(client.receive().position(4)).isEqualTo(ByteBuffer.wrap(payload(length)));
    }
  }

  /** From regressions.md. */
  @ParameterizedTest
  @EnumSource(Kind.class)
  void whatStandsBehindTheIntegrityIsIgnored(Kind kind) throws Exception {
    TurnService service = start(kind, "127.0.0.1");
    RawTurnClient client = client(service);
    client.allocate();
    ByteBuffer refresh =
        client.message(Method.REFRESH, builder -> builder.put(AttributeType.LIFETIME, 600));
    ByteBuffer longer = ByteBuffer.allocate(refresh.remaining() + 8).put(refresh);
    longer
        .putShort((short) AttributeType.LIFETIME.code())
        .putShort((short) 4)
        .putInt(0)
        .flip();
    client.send(longer.putShort(2, (short) (longer.limit() - 20)));
    StunMessage answer = StunMessage.tryParse(client.receive());
    assertThat(RawTurnClient.code(answer)).isZero();
    assertThat(answer.get(AttributeType.LIFETIME)).isEqualTo(600);
    assertThat(Loopback.await(service.sessions())).hasSize(1);
  }

  /** From regressions.md. */
  @ParameterizedTest
  @EnumSource(Kind.class)
  void permissionsByTheThousandAreCapped(Kind kind) throws Exception {
    RawTurnClient client = client(start(kind, "127.0.0.1"));
    client.allocate();
    int granted = 0;
    int refusal = 0;
    for (int i = 0; i < 30 && refusal == 0; i++) {
      int first = 60 * i;
      refusal = RawTurnClient.code(client.request(Method.CREATE_PERMISSION, builder -> {
        for (int host = first; host < first + 60; host++) {
          builder.put(
              AttributeType.XOR_PEER_ADDRESS,
              TransportAddress.udp("127.1." + host / 250 + "." + (1 + host % 250), 1));
        }
      }));
      granted += refusal == 0 ? 60 : 0;
    }
    assertThat(refusal).isEqualTo(ErrorCode.INSUFFICIENT_CAPACITY);
    assertThat(granted).isBetween(900, 1024);
    assertThat(client.release()).isZero();
  }

  /** From regressions.md. */
  @ParameterizedTest
  @EnumSource(Kind.class)
  void lengthsThatTellTooMuchHarmNobodyElse(Kind kind) throws Exception {
    TurnService service = start(kind, "127.0.0.1");
    RawTurnClient liar = client(service);
    DatagramSocket peer = peer("127.0.0.1");
    liar.allocate();
    liar.bind(CHANNEL, address(peer));
    ByteBuffer channelData = ByteBuffer.allocate(8).putShort((short) CHANNEL).putShort((short) -1);
    liar.send(channelData.rewind());
    byte[] request = new byte[40];
    ByteBuffer.wrap(request).putShort((short) 1).putShort((short) 65_532).putInt(0x2112A442);
    client(service).send(ByteBuffer.wrap(request));
    if (kind.transport() == Transport.UDP) { // a stream waits for the rest
      liar.channelData(CHANNEL, payload(5));
      echo(peer, 5);
    }
    RawTurnClient honest = client(service);
    honest.allocate();
    relaysBothWays(honest, peer);
  }
}

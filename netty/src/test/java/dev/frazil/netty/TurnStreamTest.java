package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.TurnListener.Kind;
import dev.frazil.netty.TurnService.StreamEnd;
import dev.frazil.netty.Wire.StreamWire;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What holds for the streams of clients alone: framing, bounds, back-pressure, and their end. */
class TurnStreamTest {
  private static final int CHANNEL = 0x4001;

  private final IceRuntime runtime = IceRuntime.create();
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    runtime.close();
  }

  private TurnService start(TurnServiceSettings.Builder settings) throws Exception {
    return Loopback.await(TurnService.start(runtime, settings.build(), event -> {}));
  }

  private TurnService start() throws Exception {
    return start(TurnServices.settings(Kind.TCP));
  }

  private static TurnListener listener(TurnService service) {
    return service.listeners().get(0);
  }

  private RawTurnClient client(TurnService service) throws Exception {
    RawTurnClient client = RawTurnClient.of(listener(service), TurnServices.USER);
    open.add(client);
    return client;
  }

  private static StreamWire wire(RawTurnClient client) {
    return (StreamWire) client.wire();
  }

  private DatagramSocket peer() throws IOException {
    DatagramSocket peer = Loopback.socket("127.0.0.1");
    open.add(peer);
    return peer;
  }

  private static TransportAddress address(DatagramSocket socket) {
    return SocketAddresses.toUdp((InetSocketAddress) socket.getLocalSocketAddress(), 0);
  }

  /** As a STUN attribute has it. */
  private static TransportAddress udp(TransportAddress address) {
    return TransportAddress.udp(address.ip(), address.port());
  }

  private static long ended(TurnService service, StreamEnd reason) throws Exception {
    return Loopback.await(service.statistics()).endedStreams().get(reason);
  }

  private static byte[] bindingRequest() {
    ByteBuffer request = StunBuilder.request(
            Method.BINDING, TransactionId.random(new Random(7)), ByteBuffer.allocate(100))
        .finish();
    byte[] bytes = new byte[request.remaining()];
    request.get(bytes);
    return bytes;
  }

  @Test
  @Tag("STUN-0450")
  @Tag("STUN-1020")
  void requestsAreAnsweredHoweverTheyAreCutAndJoined() throws Exception {
    RawTurnClient client = client(start());
    byte[] request = bindingRequest();
    for (byte each : request) {
      client.wire().send(new byte[] {each});
    }
    assertThat(StunMessage.tryParse(client.receive()).get(AttributeType.XOR_MAPPED_ADDRESS))
        .isEqualTo(udp(client.address()));

    byte[] three = new byte[3 * request.length];
    for (int i = 0; i < three.length; i++) {
      three[i] = request[i % request.length];
    }
    client.wire().send(three);
    for (int i = 0; i < 3; i++) {
      assertThat(StunMessage.tryParse(client.receive()).get(AttributeType.XOR_MAPPED_ADDRESS))
          .isEqualTo(udp(client.address()));
    }
  }

  @Test
  @Tag("TURN-1170")
  void channelDataOfEveryLengthStaysInStep() throws Exception {
    RawTurnClient client = client(start());
    DatagramSocket peer = peer();
    client.allocate();
    client.bind(CHANNEL, address(peer));
    for (int length = 1; length < 9; length++) {
      byte[] payload = new byte[length];
      Arrays.fill(payload, (byte) 0x7F);
      client.channelData(CHANNEL, payload);
      DatagramPacket packet = Loopback.receive(peer);
      assertThat(packet.getLength()).isEqualTo(length);
      peer.send(new DatagramPacket(payload, length, packet.getSocketAddress()));
      ByteBuffer back = client.receive();
      assertThat(back.getShort()).isEqualTo((short) CHANNEL);
      assertThat(back.getShort()).isEqualTo((short) length);
      assertThat(back).isEqualTo(ByteBuffer.wrap(payload));
    }
  }

  @Test
  void longestChannelDataIsTakenAndWhatNoDatagramCanCarryIsDropped() throws Exception {
    TurnService service = start();
    RawTurnClient client = client(service);
    DatagramSocket peer = peer();
    client.allocate();
    client.bind(CHANNEL, address(peer));
    client.channelData(CHANNEL, new byte[0xFFFF]);
    client.channelData(CHANNEL, new byte[] {1, 2, 3});
    assertThat(Loopback.receive(peer).getLength()).isEqualTo(3);
    assertThat(Loopback.await(service.statistics()).unsent()).isEqualTo(1);
  }

  @Test
  void longestMessagesDoNotPutTheStreamOutOfStep() throws Exception {
    RawTurnClient client = client(start());
    for (int length = 65_520; length <= 65_532; length += 4) {
      ByteBuffer message =
          ByteBuffer.allocate(20 + length).put(bindingRequest()).rewind();
      message.putShort(2, (short) length); // attributes of type 0 and length 0
      client.wire().send(message.array());
      StunMessage answer = StunMessage.tryParse(client.receive());
      assertThat(RawTurnClient.code(answer)).isEqualTo(420);
    }
    client.wire().send(bindingRequest());
    assertThat(RawTurnClient.code(StunMessage.tryParse(client.receive()))).isZero();
  }

  @Test
  @Tag("STUN-0450")
  void streamThatSpeaksAnotherLanguageIsClosed() throws Exception {
    TurnService service = start();
    RawTurnClient client = client(service);
    client.wire().send(new byte[] {0x16, 3, 1, 0, 0x40, 1, 0, 0, 0x3C}); // TLS
    assertThat(wire(client).ends()).isTrue();
    assertThat(ended(service, StreamEnd.BAD_FRAMING)).isEqualTo(1);
  }

  @Test
  @Tag("TURN-2240")
  void streamWithoutAnAllocationEndsAfterAWhileAndOneThatHasOneStays() throws Exception {
    TurnService service =
        start(TurnServices.settings(Kind.TCP).streamPatience(Duration.ofMillis(300)));
    RawTurnClient used = client(service);
    used.allocate();
    RawTurnClient unused = client(service);
    RawTurnClient dribbling = client(service);
    dribbling.wire().send(Arrays.copyOf(bindingRequest(), 10));

    assertThat(wire(unused).ends()).isTrue();
    assertThat(wire(dribbling).ends()).isTrue();
    assertThat(ended(service, StreamEnd.UNUSED)).isEqualTo(2);
    assertThat(used.release()).isZero();
    assertThat(wire(used).ends()).isTrue(); // only now there is nothing that it is for
  }

  @Test
  @Tag("TURN-2240")
  void sourceWithTooManyUnusedStreamsGetsNoMoreUntilItUsesOne() throws Exception {
    TurnService service = start(TurnServices.settings(Kind.TCP).streams(100, 100, 2));
    RawTurnClient first = client(service);
    client(service);
    first.wire().send(bindingRequest());
    first.receive();
    RawTurnClient third = client(service);
    assertThat(wire(third).ends()).isTrue();
    assertThat(ended(service, StreamEnd.TOO_MANY_OF_SOURCE)).isEqualTo(1);

    first.allocate();
    assertThat(client(service).allocate()).isNotNull();
  }

  @Test
  @Tag("TURN-2240")
  void oldestUnusedStreamMakesRoomForANewOne() throws Exception {
    TurnService service = start(TurnServices.settings(Kind.TCP).streams(3, 2, 100));
    RawTurnClient used = client(service);
    used.allocate();
    RawTurnClient oldest = client(service);
    oldest.wire().send(bindingRequest());
    oldest.receive();
    RawTurnClient second = client(service);
    second.wire().send(bindingRequest());
    second.receive();

    RawTurnClient newest = client(service);
    assertThat(wire(oldest).ends()).isTrue();
    assertThat(newest.allocate()).isNotNull();
    assertThat(second.allocate()).isNotNull();
    assertThat(wire(client(service)).ends()).isTrue(); // three, and all are used
    assertThat(ended(service, StreamEnd.TOO_MANY)).isEqualTo(2);
    assertThat(used.release()).isZero();
  }

  @Test
  void allocationGoesWithItsStream() throws Exception {
    TurnService service = start();
    RawTurnClient client = client(service);
    client.allocate();
    assertThat(Loopback.await(service.sessions())).hasSize(1);
    client.close();
    Wait.until(() -> Loopback.await(service.sessions()).isEmpty());
    TurnService.Statistics statistics = Loopback.await(service.statistics());
    assertThat(statistics.streams()).isZero();
    assertThat(statistics.endedStreams()).containsEntry(StreamEnd.CLOSED, 1L);
  }

  @Test
  @Tag("TURN-2240")
  void dataForAClientThatDoesNotReadIsDroppedAndTheStreamStaysInStep() throws Exception {
    TurnService service = start();
    RawTurnClient client = client(service);
    DatagramSocket peer = peer();
    TransportAddress relayed = client.allocate();
    client.bind(CHANNEL, address(peer));
    InetSocketAddress to = SocketAddresses.toSocketAddress(relayed, 0);
    byte[] payload = new byte[1400];
    Wait.until(() -> {
      for (int i = 0; i < 200; i++) {
        peer.send(new DatagramPacket(payload, payload.length, to));
      }
      return Loopback.await(service.statistics()).unsent() > 1000;
    });
    long sent = Loopback.await(service.sessions()).get(0).traffic().packetsToClient();
    long dropped = Loopback.await(service.statistics()).unsent();

    for (long i = 0; i < sent - dropped; i++) {
      assertThat(client.receive().remaining()).isEqualTo(4 + payload.length);
    }
    assertThat(client.release()).isZero();
  }

  @Test
  @Tag("TURN-2240")
  void clientThatAsksAndReadsNoAnswerIsClosed() throws Exception {
    TurnService service = start();
    RawTurnClient client = client(service);
    byte[] request = bindingRequest();
    byte[] many = new byte[1000 * request.length];
    for (int i = 0; i < many.length; i++) {
      many[i] = request[i % request.length];
    }
    assertThatExceptionOfType(IOException.class).isThrownBy(() -> {
      while (true) {
        client.wire().send(many);
      }
    });
    Wait.until(() -> ended(service, StreamEnd.NOT_READING) == 1);
  }

  @Test
  void portThatIsTakenIsSaid() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      TurnServiceSettings.Builder settings =
          TurnServices.settings(Kind.UDP).listen(Kind.TCP, "127.0.0.1", taken.getLocalPort());
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> start(settings))
          .withCauseInstanceOf(IOException.class)
          .withMessageContaining("tcp 127.0.0.1:" + taken.getLocalPort() + ":")
          .withMessageContaining("in use");
    }
  }

  @Test
  void closingTheServiceClosesItsStreams() throws Exception {
    TurnService service = start();
    RawTurnClient client = client(service);
    client.allocate();
    service.close();
    assertThat(wire(client).ends()).isTrue();
    assertThatExceptionOfType(IOException.class).isThrownBy(() -> client(service));
  }

  @Test
  void limitsOfStreamsArePositiveAndPatienceHasBounds() throws Exception {
    TurnServiceSettings.Builder settings = TurnServices.settings(Kind.TCP);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings.streams(1, 1, 0))
        .withMessage("unused streams per source 0: must be at least 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings.streamPatience(Duration.ofMillis(99)))
        .withMessageContaining("streamPatience PT0.099S");
  }
}

package dev.frazil.netty;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.TurnListener.Kind;
import dev.frazil.netty.TurnService.StreamEnd;
import dev.frazil.netty.Wire.StreamWire;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that come through a proxy, which says who they are by the PROXY protocol. */
class TurnProxyTest {
  private static final String V2 = "0D0A0D0A000D0A515549540A"; // the signature
  private static final String V1_IPV4 = "PROXY TCP4 192.0.2.7 203.0.113.1 50001 3478\r\n";
  private static final String V1_IPV6 = "PROXY TCP6 2001:db8::7 2001:db8::1 50001 3478\r\n";
  private static final String V1_MAPPED = "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 50001 3478\r\n";
  private static final String V2_IPV4 = V2 + "2111000C" + "C0000207" + "CB007101" + "C3510D96";
  private static final String V2_IPV6 = V2 + "21210024" + "20010DB8000000000000000000000007"
      + "20010DB8000000000000000000000001" + "C3510D96";
  private static final String V2_IPV4_EXTENDED =
      V2 + "21110013" + "C0000207" + "CB007101" + "C3510D96" + "04000400000000";
  private static final TransportAddress IPV4 = TransportAddress.udp("192.0.2.7", 50001);
  private static final TransportAddress IPV6 = TransportAddress.udp("2001:db8::7", 50001);

  private final IceRuntime runtime = IceRuntime.builder().eventLoops(3).build();
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

  private static TurnServiceSettings.Builder settings(Kind kind) throws Exception {
    return TurnServices.settings(kind).proxy("127.0.0.0/8").proxy("::1");
  }

  private StreamWire wire(TurnService service) throws Exception {
    StreamWire wire = Wire.tcp(service.listeners().get(0).address());
    open.add(wire);
    return wire;
  }

  private StreamWire wire(TurnService service, String header) throws Exception {
    StreamWire wire = wire(service);
    wire.send(bytes(header));
    return wire;
  }

  private static RawTurnClient client(TurnService service, StreamWire wire) {
    return new RawTurnClient(wire, service.listeners().get(0).address(), TurnServices.USER);
  }

  private static byte[] bytes(String header) {
    return header.startsWith("PROXY")
        ? header.getBytes(US_ASCII)
        : HexFormat.of().parseHex(header);
  }

  private static byte[] bindingRequest() {
    ByteBuffer request = StunBuilder.request(
            Method.BINDING, TransactionId.random(new Random(7)), ByteBuffer.allocate(100))
        .finish();
    byte[] bytes = new byte[request.remaining()];
    request.get(bytes);
    return bytes;
  }

  private static TransportAddress mapped(StreamWire wire) throws Exception {
    return StunMessage.tryParse(wire.receive()).get(AttributeType.XOR_MAPPED_ADDRESS);
  }

  private static long ended(TurnService service, StreamEnd reason) throws Exception {
    return Loopback.await(service.statistics()).endedStreams().get(reason);
  }

  @ParameterizedTest
  @ValueSource(strings = {V1_IPV4, V1_IPV6, V1_MAPPED, V2_IPV4, V2_IPV6, V2_IPV4_EXTENDED})
  void clientHasTheAddressThatItsProxySays(String header) throws Exception {
    TurnService service = start(settings(Kind.TCP));
    StreamWire wire = wire(service, header);
    TransportAddress said = header.equals(V1_IPV6) || header.equals(V2_IPV6) ? IPV6 : IPV4;
    wire.send(bindingRequest());
    assertThat(mapped(wire)).isEqualTo(said);

    RawTurnClient client = client(service, wire);
    assertThat(client.allocate()).isNotNull();
    assertThat(Loopback.await(service.sessions())).singleElement().satisfies(session -> {
      assertThat(session.client().remote().ip()).isEqualTo(said.ip());
      assertThat(session.client().local()).isEqualTo(service.listeners().get(0).address());
    });
    assertThat(client.release()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {V1_IPV4, V2_IPV4})
  void headerMayComeInPiecesOrTogetherWithWhatIsBehind(String header) throws Exception {
    TurnService service = start(settings(Kind.TCP));
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(bytes(header));
    all.write(bindingRequest());
    all.write(bindingRequest());
    StreamWire pieces = wire(service);
    for (byte each : all.toByteArray()) {
      pieces.send(new byte[] {each});
    }
    assertThat(mapped(pieces)).isEqualTo(IPV4);
    assertThat(mapped(pieces)).isEqualTo(IPV4);
    pieces.close();
    Wait.until(() -> Loopback.await(service.statistics()).streams() == 0);

    StreamWire together = wire(service);
    together.send(all.toByteArray());
    assertThat(mapped(together)).isEqualTo(IPV4);
    assertThat(mapped(together)).isEqualTo(IPV4);
  }

  @ParameterizedTest
  @ValueSource(strings = {V1_IPV4, V2_IPV4})
  void tlsBeginsBehindTheHeader(String header) throws Exception {
    TurnService service = start(settings(Kind.TLS));
    int port = service.listeners().get(0).address().port();
    StreamWire wire = Wire.tls(wire(service, header), port, "stun.turn");
    wire.send(bindingRequest());
    assertThat(mapped(wire)).isEqualTo(IPV4);
    assertThat(client(service, wire).allocate()).isNotNull();
  }

  @Test
  void tlsIsNotBegunWithoutAHeaderBeforeIt() throws Exception {
    TurnService service = start(settings(Kind.TLS).streamPatience(Duration.ofMillis(300)));
    StreamWire wire = wire(service);
    wire.send(new byte[] {0x16, 3, 1, 0, 0x40, 1, 0, 0, 0x3C});
    assertThat(wire.ends()).isTrue();
    assertThat(ended(service, StreamEnd.BAD_PROXY_HEADER)).isEqualTo(1);
  }

  @Test
  void proxyThatDoesNotSayWhomItIsFromIsClosed() throws Exception {
    TurnService service = start(settings(Kind.TCP).streamPatience(Duration.ofMillis(300)));
    StreamWire plain = wire(service);
    plain.send(bindingRequest());
    StreamWire silent = wire(service);
    StreamWire half = wire(service, V2_IPV4.substring(0, 40));
    for (StreamWire each : List.of(plain, silent, half)) {
      assertThat(each.ends()).isTrue();
    }
    assertThat(ended(service, StreamEnd.BAD_PROXY_HEADER)).isEqualTo(3);
    wire(service).close(); // as who looks whether the server is there
    Wait.until(() -> ended(service, StreamEnd.CLOSED) == 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {V1_IPV4, V2_IPV4})
  void strangerIsNotBelieved(String header) throws Exception {
    TurnService service = start(
        TurnServices.settings(Kind.TCP).proxy("127.0.0.2").streamPatience(Duration.ofMillis(300)));
    StreamWire liar = wire(service, header);
    liar.send(bindingRequest());
    assertThat(liar.ends()).isTrue();
    // version 1 looks like the beginning of a long message of ChannelData
    StreamEnd reason = header.equals(V1_IPV4) ? StreamEnd.UNUSED : StreamEnd.BAD_FRAMING;
    assertThat(ended(service, reason)).isEqualTo(1);
  }

  @Test
  void whoIsNoProxyNeedsNoHeader() throws Exception {
    TurnService service =
        start(TurnServices.settings(Kind.TCP).proxy("127.0.0.2").proxy("10.0.0.0/8"));
    StreamWire plain = wire(service);
    plain.send(bindingRequest());
    assertThat(mapped(plain).port()).isEqualTo(plain.local().port());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
        V2 + "20000000", // LOCAL: the proxy itself
        V2 + "2011000C" + "C0000207" + "CB007101" + "C3510D96",
        V2 + "21000000", // of no family
      })
  void proxyThatSpeaksForItselfOrDoesNotKnowKeepsItsAddress(String header) throws Exception {
    TurnService service = start(settings(Kind.TCP));
    StreamWire wire = wire(service, header);
    wire.send(bindingRequest());
    assertThat(mapped(wire))
        .isEqualTo(TransportAddress.udp(wire.local().ip(), wire.local().port()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "PROXY TCP4 192.0.2.7 203.0.113.1 0 3478\r\n",
        "PROXY TCP4 192.0.2.7 203.0.113.1 65536 3478\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 50001 3478\r\n",
        "PROXY TCP4 0.0.0.0 203.0.113.1 50001 3478\r\n",
        "PROXY TCP6 ff02::1 2001:db8::1 50001 3478\r\n",
        "PROXY TCP4 localhost 203.0.113.1 50001 3478\r\n",
        "PROXY TCP4\r\n",
        "PROXY MORSE 192.0.2.7 203.0.113.1 50001 3478\r\n",
        V2 + "2112000C" + "C0000207" + "CB007101" + "C3510D96", // UDP
        V2 + "2111000C" + "C0000207" + "CB007101" + "00000D96",
        V2 + "2111000C" + "E0000001" + "CB007101" + "C3510D96",
        V2 + "21110004" + "C0000207", // too short for its addresses
        V2 + "3111000C" + "C0000207" + "CB007101" + "C3510D96", // version 3
      })
  void addressThatNoClientCanHaveIsRefused(String header) throws Exception {
    TurnService service = start(settings(Kind.TCP));
    StreamWire wire = wire(service, header);
    wire.send(bindingRequest());
    assertThat(wire.ends()).isTrue();
    assertThat(ended(service, StreamEnd.BAD_PROXY_HEADER)).isEqualTo(1);
  }

  @Test
  void headerThatIsTooLongIsRefused() throws Exception {
    TurnService service = start(settings(Kind.TCP));
    StreamWire first = wire(service, "PROXY UNKNOWN " + "1".repeat(100) + "\r\n");
    StreamWire second = wire(service, V2 + "20001194" + "00".repeat(0x1194));
    for (StreamWire each : List.of(first, second)) {
      each.send(bindingRequest());
      assertThat(each.ends()).isTrue();
    }
    assertThat(ended(service, StreamEnd.BAD_PROXY_HEADER)).isEqualTo(2);
  }

  @Test
  void newerStreamOfTheSameAddressLeavesTheOlderOneWhatItHas() throws Exception {
    TurnService service = start(settings(Kind.TCP));
    RawTurnClient older = client(service, wire(service, V1_IPV4));
    older.allocate();
    assertThat(wire(service, V2_IPV4).ends()).isTrue();
    assertThat(ended(service, StreamEnd.SAME_ADDRESS)).isEqualTo(1);
    assertThat(Loopback.await(service.sessions())).hasSize(1);
    assertThat(older.release()).isZero();
    older.close();
    Wait.until(() -> Loopback.await(service.statistics()).streams() == 0);
    assertThat(client(service, wire(service, V2_IPV4)).allocate()).isNotNull();
  }

  @Test
  void limitsOfASourceHoldForTheClientNotForItsProxy() throws Exception {
    TurnService service = start(settings(Kind.TCP).streams(100, 100, 2));
    for (int port = 50001; port < 50003; port++) {
      StreamWire wire = wire(service, V1_IPV4.replace("50001", String.valueOf(port)));
      wire.send(bindingRequest());
      assertThat(mapped(wire).port()).isEqualTo(port);
    }
    assertThat(wire(service, V1_IPV4.replace("50001", "50003")).ends()).isTrue();
    assertThat(ended(service, StreamEnd.TOO_MANY_OF_SOURCE)).isEqualTo(1);
    StreamWire other = wire(service, V1_IPV4.replace("192.0.2.7", "192.0.2.8"));
    other.send(bindingRequest());
    assertThat(mapped(other)).isEqualTo(TransportAddress.udp("192.0.2.8", 50001));
  }

  @Test
  void streamGoesOnToTheMachineThatHasItsPeer() throws Exception {
    TurnService service = start(TurnServices.settings("127.0.0.1", builder -> builder.tcp(true))
        .listen(Kind.TCP, "127.0.0.1", 0)
        .proxy("127.0.0.1")
        .shards(3));
    RawTurnClient control = client(service, wire(service, V1_IPV4));
    control.request(Method.ALLOCATE, builder -> builder.put(AttributeType.REQUESTED_TRANSPORT, 6));
    for (int port = 50002; port < 50008; port++) { // the kernel shares them out
      ServerSocket listening = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
      open.add(listening);
      TransportAddress address = TransportAddress.udp("127.0.0.1", listening.getLocalPort());
      int id = control
          .request(Method.CONNECT, builder -> builder.put(AttributeType.XOR_PEER_ADDRESS, address))
          .intValue(AttributeType.CONNECTION_ID, 0);
      StreamWire wire = wire(service, V1_IPV4.replace("50001", String.valueOf(port)));
      StunMessage bound = client(service, wire)
          .request(Method.CONNECTION_BIND, builder -> builder.put(AttributeType.CONNECTION_ID, id));
      assertThat(RawTurnClient.code(bound)).isZero();
      Socket peer = listening.accept();
      open.add(peer);
      wire.send(new byte[] {1, 2, 3});
      assertThat(peer.getInputStream().readNBytes(3)).containsExactly(1, 2, 3);
    }
  }

  @Test
  void rangeThatIsNoneIsNamed() throws Exception {
    TurnServiceSettings.Builder settings = TurnServices.settings(Kind.TCP);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings.proxy("10.0.0.1/8"))
        .withMessage("proxy range '10.0.0.1/8': the address has bits behind its prefix");
  }
}

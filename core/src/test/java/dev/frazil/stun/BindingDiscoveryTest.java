package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.BindingServer.Discovery;
import dev.frazil.stun.BindingServer.Drop;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** NAT behaviour discovery (RFC 5780), the server's side. */
class BindingDiscoveryTest {
  private static final TransactionId ID = new TransactionId(1, 2);
  private static final String IP1 = "198.51.100.1";
  private static final String IP2 = "198.51.100.2";
  private static final TransportAddress CLIENT = TransportAddress.udp("192.0.2.1", 5000);
  private static final Discovery DISCOVERY =
      new Discovery(TransportAddress.udp(IP1, 3478), TransportAddress.udp(IP2, 3479));

  private final Recorder outbox = new Recorder();
  private final BindingServer server = new BindingServer(
      BindingServer.Options.DEFAULT.withDiscovery(DISCOVERY), null, new Random(1), outbox);

  private static ByteBuffer request(UnaryOperator<StunBuilder> attributes) {
    return attributes
        .apply(StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(3000)))
        .finish();
  }

  private static ByteBuffer change(int flags) {
    return request(builder -> builder.put(AttributeType.CHANGE_REQUEST, flags));
  }

  private StunMessage ask(TransportAddress local, ByteBuffer request) {
    server.handleDatagram(new FiveTuple(local, CLIENT), request, 0);
    return outbox.last();
  }

  private FiveTuple lastPath() {
    return outbox.paths.get(outbox.paths.size() - 1);
  }

  private void assertRefused(StunMessage response, TransportAddress local, int code) {
    assertThat(response.get(AttributeType.ERROR_CODE).code()).isEqualTo(code);
    assertThat(lastPath()).isEqualTo(new FiveTuple(local, CLIENT));
  }

  @ParameterizedTest(name = "asked at {0}:{1} with {2}: from {3}:{4}, other {5}:{6}")
  @CsvSource({
    "198.51.100.1, 3478, 0, 198.51.100.1, 3478, 198.51.100.2, 3479",
    "198.51.100.1, 3478, 2, 198.51.100.1, 3479, 198.51.100.2, 3479",
    "198.51.100.1, 3478, 4, 198.51.100.2, 3478, 198.51.100.2, 3479",
    "198.51.100.1, 3478, 6, 198.51.100.2, 3479, 198.51.100.2, 3479",
    "198.51.100.1, 3479, 0, 198.51.100.1, 3479, 198.51.100.2, 3478",
    "198.51.100.1, 3479, 2, 198.51.100.1, 3478, 198.51.100.2, 3478",
    "198.51.100.1, 3479, 4, 198.51.100.2, 3479, 198.51.100.2, 3478",
    "198.51.100.1, 3479, 6, 198.51.100.2, 3478, 198.51.100.2, 3478",
    "198.51.100.2, 3478, 0, 198.51.100.2, 3478, 198.51.100.1, 3479",
    "198.51.100.2, 3478, 2, 198.51.100.2, 3479, 198.51.100.1, 3479",
    "198.51.100.2, 3478, 4, 198.51.100.1, 3478, 198.51.100.1, 3479",
    "198.51.100.2, 3478, 6, 198.51.100.1, 3479, 198.51.100.1, 3479",
    "198.51.100.2, 3479, 0, 198.51.100.2, 3479, 198.51.100.1, 3478",
    "198.51.100.2, 3479, 2, 198.51.100.2, 3478, 198.51.100.1, 3478",
    "198.51.100.2, 3479, 4, 198.51.100.1, 3479, 198.51.100.1, 3478",
    "198.51.100.2, 3479, 6, 198.51.100.1, 3478, 198.51.100.1, 3478",
  })
  @Tag("STUN-1510")
  @Tag("STUN-1520")
  void answerLeavesFromTheAddressThatIsSelected(
      String ip, int port, int flags, String from, int fromPort, String other, int otherPort) {
    StunMessage response = ask(TransportAddress.udp(ip, port), change(flags));
    TransportAddress origin = TransportAddress.udp(from, fromPort);
    assertThat(lastPath()).isEqualTo(new FiveTuple(origin, CLIENT));
    assertThat(response.get(AttributeType.RESPONSE_ORIGIN)).isEqualTo(origin);
    assertThat(response.get(AttributeType.OTHER_ADDRESS))
        .isEqualTo(TransportAddress.udp(other, otherPort));
    assertThat(response.get(AttributeType.XOR_MAPPED_ADDRESS)).isEqualTo(CLIENT);
    assertThat(response.get(AttributeType.MAPPED_ADDRESS)).isEqualTo(CLIENT);
  }

  @Test
  @Tag("STUN-1520")
  void requestWithoutItsAttributesIsToldTheOtherAddressToo() {
    StunMessage response = ask(DISCOVERY.primary(), request(builder -> builder));
    assertThat(response.get(AttributeType.OTHER_ADDRESS)).isEqualTo(DISCOVERY.alternate());
    assertThat(response.get(AttributeType.RESPONSE_ORIGIN)).isEqualTo(DISCOVERY.primary());
    assertThat(response.has(AttributeType.PADDING)).isFalse();
  }

  @Test
  @Tag("STUN-1500")
  void withoutASecondAddressNothingCanBeChanged() {
    BindingServer single =
        new BindingServer(BindingServer.Options.DEFAULT, null, new Random(1), outbox);
    FiveTuple path = new FiveTuple(DISCOVERY.primary(), CLIENT);
    single.handleDatagram(path, change(4), 0);
    assertRefused(outbox.last(), path.local(), ErrorCode.UNKNOWN_ATTRIBUTE);
    assertThat(outbox.last().get(AttributeType.UNKNOWN_ATTRIBUTES)).containsExactly(3);
    single.handleDatagram(path, request(builder -> builder), 0);
    assertThat(outbox.last().has(AttributeType.OTHER_ADDRESS)).isFalse();
    assertThat(outbox.last().has(AttributeType.RESPONSE_ORIGIN)).isFalse();
  }

  /** A DTLS port beside them, another address of the host, a stream. */
  @ParameterizedTest
  @CsvSource({
    "198.51.100.1, 5349, UDP",
    "198.51.100.3, 3478, UDP",
    "198.51.100.1, 3478, TCP",
  })
  @Tag("STUN-1500")
  void elsewhereNothingCanBeChanged(String ip, int port, Transport transport) {
    TransportAddress local =
        new TransportAddress(TransportAddress.udp(ip, port).ip(), port, transport);
    TransportAddress client = new TransportAddress(CLIENT.ip(), 5000, transport);
    server.handleDatagram(new FiveTuple(local, client), change(2), 0);
    assertThat(outbox.last().get(AttributeType.ERROR_CODE).code())
        .isEqualTo(ErrorCode.UNKNOWN_ATTRIBUTE);
    assertThat(lastPath()).isEqualTo(new FiveTuple(local, client));
    server.handleDatagram(new FiveTuple(local, client), request(builder -> builder), 0);
    assertThat(outbox.last().has(AttributeType.OTHER_ADDRESS)).isFalse();
  }

  @Test
  @Tag("STUN-1530")
  void answerGoesToThePortThatIsNamed() {
    StunMessage response = ask(
        DISCOVERY.primary(), request(builder -> builder.put(AttributeType.RESPONSE_PORT, 6000)));
    assertThat(lastPath())
        .isEqualTo(new FiveTuple(DISCOVERY.primary(), TransportAddress.udp("192.0.2.1", 6000)));
    assertThat(response.get(AttributeType.XOR_MAPPED_ADDRESS)).isEqualTo(CLIENT);
  }

  @Test
  @Tag("STUN-1530")
  void paddingIsNoAnswerToAnotherPort() {
    ByteBuffer both = request(builder -> builder
        .put(AttributeType.RESPONSE_PORT, 6000)
        .put(AttributeType.PADDING, ByteBuffer.allocate(8)));
    assertRefused(ask(DISCOVERY.primary(), both), DISCOVERY.primary(), ErrorCode.BAD_REQUEST);
    ByteBuffer noPort = request(builder -> builder.put(AttributeType.RESPONSE_PORT, 0));
    assertRefused(ask(DISCOVERY.primary(), noPort), DISCOVERY.primary(), ErrorCode.BAD_REQUEST);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "5, 8", "1200, 1200", "1500, 1500", "2400, 1500"})
  @Tag("STUN-1530")
  void paddedRequestGetsAsMuchBackUpToAPacket(int asked, int given) {
    ByteBuffer request =
        request(builder -> builder.put(AttributeType.PADDING, ByteBuffer.allocate(asked)));
    StunMessage response = ask(DISCOVERY.primary(), request);
    assertThat(response.get(AttributeType.PADDING).remaining()).isEqualTo(given);
    assertThat(response.get(AttributeType.OTHER_ADDRESS)).isEqualTo(DISCOVERY.alternate());
  }

  @Test
  @Tag("STUN-1530")
  void aSourceGetsFewAnswersThatAreLongOrGoElsewhere() {
    for (int i = 0; i < 25; i++) {
      ask(DISCOVERY.primary(), request(builder -> builder.put(AttributeType.RESPONSE_PORT, 53)));
    }
    assertThat(outbox.sent).hasSize(10);
    assertThat(server.stats().dropped().get(Drop.RATE_LIMIT)).isEqualTo(15);
    ask(DISCOVERY.primary(), change(6));
    assertThat(outbox.sent).as("others are not limited").hasSize(11);
  }

  @ParameterizedTest
  @CsvSource({
    "198.51.100.1, 3479, differ from",
    "198.51.100.2, 3478, differ from",
    "2001:db8::2, 3479, family",
    "198.51.100.2, 0, with a port",
    "0.0.0.0, 3479, of one host",
  })
  void twoAddressesDifferInAll(String ip, int port, String words) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Discovery(DISCOVERY.primary(), TransportAddress.udp(ip, port)))
        .withMessageContaining(words);
  }
}

package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.BindingServer.Drop;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BindingServerTest {
  private static final TransactionId ID = new TransactionId(1, 2);
  private static final TransportAddress SERVER = TransportAddress.udp("198.51.100.1", 3478);
  private static final FiveTuple PATH =
      new FiveTuple(SERVER, TransportAddress.udp("192.0.2.1", 5000));
  private static final BindingServer.Options BARE = new BindingServer.Options(null, true, 0, false);

  private final Recorder outbox = new Recorder();
  private BindingServer server =
      new BindingServer(BindingServer.Options.DEFAULT, null, new Random(1), outbox);

  private static ByteBuffer request() {
    return StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(100)).finish();
  }

  private void receive(ByteBuffer datagram) {
    server.handleDatagram(PATH, datagram, 0);
  }

  private void assertSilent(Drop reason) {
    assertThat(outbox.sent).isEmpty();
    assertThat(server.stats().dropped().get(reason)).isEqualTo(1);
    assertThat(server.stats().dropped().values().stream().mapToLong(n -> n).sum())
        .isEqualTo(1);
  }

  @Test
  @Tag("STUN-1020")
  @Tag("STUN-0550")
  @Tag("STUN-0560")
  void bareRequestIsAnsweredFromWhereItCameTo() {
    receive(request());
    StunMessage response = outbox.last();
    assertThat(outbox.paths).containsExactly(PATH);
    assertThat(response.is(MessageClass.SUCCESS, Method.BINDING)).isTrue();
    assertThat(response.transactionId()).isEqualTo(ID);
    assertThat(response.get(AttributeType.XOR_MAPPED_ADDRESS)).isEqualTo(PATH.remote());
    assertThat(response.get(AttributeType.SOFTWARE)).isEqualTo("frazil");
    assertThat(response.hasFingerprint()).isFalse();
    assertThat(server.stats().answered()).isEqualTo(1);
    assertThat(server.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  @Tag("STUN-1020")
  void fingerprintIsAnsweredWithOne() {
    receive(StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(100))
        .fingerprint()
        .finish());
    assertThat(outbox.last().hasValidFingerprint()).isTrue();
  }

  @Test
  @Tag("STUN-1020")
  void streamsAreServedToo() {
    TransportAddress client =
        new TransportAddress(IpAddress.parse("2001:db8::1"), 5000, Transport.TCP);
    FiveTuple path = new FiveTuple(
        new TransportAddress(IpAddress.parse("2001:db8::2"), 3478, Transport.TCP), client);
    server.handleDatagram(path, request(), 0);
    assertThat(outbox.paths).containsExactly(path);
    assertThat(outbox.last().get(AttributeType.XOR_MAPPED_ADDRESS, Transport.TCP))
        .isEqualTo(client);
  }

  /** All that a server can say is a datagram on a path; nothing asks its owner to open or close one. */
  @Test
  @Tag("STUN-0460")
  void overAStreamTheServerOnlyAnswersOnTheConnectionThatAsked() {
    assertThat(dev.frazil.net.Outbox.class.getMethods()).hasSize(1);
    Random random = new Random(9);
    for (int i = 0; i < 2_000; i++) {
      TransportAddress client =
          new TransportAddress(IpAddress.parse("192.0.2.7"), 1 + i, Transport.TCP);
      FiveTuple path = new FiveTuple(
          new TransportAddress(IpAddress.parse("198.51.100.1"), 3478, Transport.TCP), client);
      ByteBuffer message = request();
      if (i % 2 == 1) {
        message.put(random.nextInt(message.limit()), (byte) random.nextInt(256));
      }
      int before = outbox.paths.size();
      server.handleDatagram(path, message, i);
      server.handleTimeout(i);
      assertThat(outbox.paths.subList(before, outbox.paths.size())).isIn(List.of(), List.of(path));
    }
    assertThat(outbox.paths).hasSizeGreaterThan(1_000);
    assertThat(server.nextTimeout()).isEqualTo(ProtocolMachine.NEVER); // nor does it tire of one
  }

  @Test
  @Tag("STUN-0490")
  @Tag("STUN-1720")
  void whatIsNoBindingRequestIsDropped() {
    receive(ByteBuffer.wrap(new byte[] {0, 1, 2}));
    assertSilent(Drop.NOT_STUN);
  }

  @ParameterizedTest
  @ValueSource(strings = {"INDICATION", "SUCCESS", "ERROR"})
  @Tag("STUN-1720")
  @Tag("STUN-0510")
  void indicationsAndResponsesAreNeverAnswered(MessageClass messageClass) {
    receive(StunBuilder.message(messageClass, Method.BINDING, ID, ByteBuffer.allocate(100))
        .put(AttributeType.ofFlag(0x7ABC, "UNKNOWN"), true)
        .finish());
    assertSilent(Drop.NOT_A_REQUEST);
  }

  @Test
  @Tag("STUN-1720")
  void twoServersCannotTalkForEver() {
    receive(request());
    server.handleDatagram(PATH.reversed(), outbox.sent.get(0), 0);
    assertThat(outbox.sent).hasSize(1);
  }

  @Test
  @Tag("STUN-0490")
  void otherMethodsAreDropped() {
    receive(StunBuilder.request(Method.ALLOCATE, ID, ByteBuffer.allocate(100)).finish());
    assertSilent(Drop.NOT_BINDING);
  }

  @Test
  @Tag("STUN-0490")
  void wrongFingerprintIsDroppedBeforeAnythingElseIsLookedAt() {
    ByteBuffer bytes = StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(100))
        .put(AttributeType.ofFlag(0x7ABC, "UNKNOWN"), true)
        .fingerprint()
        .finish();
    receive(bytes.put(bytes.limit() - 1, (byte) (bytes.get(bytes.limit() - 1) ^ 1)));
    assertSilent(Drop.BAD_FINGERPRINT);
  }

  @ParameterizedTest
  @ValueSource(strings = {"224.0.0.1", "239.1.2.3", "255.255.255.255", "0.0.0.0", "192.0.2.1"})
  @Tag("STUN-1720")
  void sourcesThatNobodyCanHaveAreNotAnswered(String ip) {
    int port = ip.equals("192.0.2.1") ? 0 : 5000;
    server.handleDatagram(new FiveTuple(SERVER, TransportAddress.udp(ip, port)), request(), 0);
    assertSilent(Drop.UNANSWERABLE_SOURCE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ff02::1", "::"})
  @Tag("STUN-1720")
  void ipv6SourcesThatNobodyCanHaveAreNotAnswered(String ip) {
    FiveTuple path =
        new FiveTuple(TransportAddress.udp("2001:db8::2", 3478), TransportAddress.udp(ip, 5000));
    server.handleDatagram(path, request(), 0);
    assertSilent(Drop.UNANSWERABLE_SOURCE);
  }

  @Test
  @Tag("STUN-1720")
  void ownAddressIsNotAnswered() {
    server.handleDatagram(new FiveTuple(SERVER, SERVER), request(), 0);
    assertSilent(Drop.UNANSWERABLE_SOURCE);
  }

  @Test
  @Tag("STUN-0500")
  @Tag("STUN-0110")
  void unknownAttributesAreListed() {
    receive(StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(100))
        .put(AttributeType.ofFlag(0x7ABC, "UNKNOWN"), true)
        .put(AttributeType.ofFlag(0x8ABC, "OPTIONAL"), true)
        .put(AttributeType.PRIORITY, 1)
        .put(AttributeType.CHANGE_REQUEST, 0)
        .finish());
    StunMessage response = outbox.last();
    assertThat(response.get(AttributeType.ERROR_CODE)).isEqualTo(ErrorCode.of(420));
    assertThat(response.get(AttributeType.UNKNOWN_ATTRIBUTES))
        .containsExactly(0x7ABC, 0x0024, 0x0003);
    assertThat(server.stats().refused()).isEqualTo(1);
  }

  @Test
  @Tag("STUN-0500")
  void unknownAttributesComeAfterAuthentication() {
    IntegrityKey key = IntegrityKey.shortTerm("pass");
    server = new BindingServer(
        BindingServer.Options.DEFAULT,
        ServerAuthentication.shortTerm(name -> key),
        new Random(1),
        outbox);
    AttributeType<Boolean> unknown = AttributeType.ofFlag(0x7ABC, "UNKNOWN");
    receive(StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(100))
        .flag(unknown)
        .finish());
    assertThat(outbox.last().get(AttributeType.ERROR_CODE).code()).isEqualTo(400);
    receive(StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(200))
        .flag(unknown)
        .put(AttributeType.USERNAME, "user")
        .integrity(key)
        .finish());
    assertThat(outbox.last().get(AttributeType.ERROR_CODE).code()).isEqualTo(420);
    assertThat(outbox.last().verifyIntegrity(key)).isTrue();
  }

  /** Regression row: XOR-MAPPED-ADDRESS and others appended behind the integrity. */
  @Test
  @Tag("STUN-0230")
  void unknownAttributesBehindTheIntegrityAreNoReasonToRefuse() {
    ByteBuffer sealed = StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(200))
        .integrity(IntegrityKey.shortTerm("x"))
        .finish();
    ByteBuffer bytes = ByteBuffer.allocate(100).put(sealed).putInt(0x7ABC0000).flip();
    receive(bytes.putShort(2, (short) (bytes.limit() - 20)));
    assertThat(outbox.last().messageClass()).isEqualTo(MessageClass.SUCCESS);
  }

  @Test
  void floodOfUnknownAttributesGetsABoundedAnswer() {
    StunBuilder builder = StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(65_000));
    for (int i = 0; i < 16_000; i++) {
      builder.flag(AttributeType.ofFlag(0x7000 + i % 0xFFF, "UNKNOWN"));
    }
    receive(builder.finish());
    assertThat(outbox.sent.get(0).remaining()).isLessThan(548);
    assertThat(outbox.last().get(AttributeType.UNKNOWN_ATTRIBUTES)).hasSize(64);
  }

  @Test
  @Tag("STUN-1710")
  void bareAnswerIsSmall() {
    server = new BindingServer(BARE, null, new Random(1), outbox);
    receive(request());
    assertThat(outbox.sent.get(0).remaining()).isEqualTo(32);
    FiveTuple ipv6 = new FiveTuple(
        TransportAddress.udp("2001:db8::2", 3478), TransportAddress.udp("2001:db8::1", 1));
    server.handleDatagram(ipv6, request(), 0);
    assertThat(outbox.sent.get(1).remaining()).isEqualTo(44);
  }

  @Test
  @Tag("STUN-1710")
  void answerIsUnderFiveTimesTheRequest() {
    FiveTuple ipv6 = new FiveTuple(
        TransportAddress.udp("2001:db8::2", 3478), TransportAddress.udp("2001:db8::1", 1));
    server.handleDatagram(ipv6, request(), 0);
    assertThat(outbox.sent.get(0).remaining()).isLessThan(5 * 20);
  }

  @Test
  @Tag("STUN-1030")
  void requestWithoutCookieIsAnsweredAsInRfc3489() {
    ByteBuffer old = ByteBuffer.allocate(20)
        .putInt(0x00010000)
        .putLong(0x1122334455667788L)
        .putLong(-2L)
        .flip();
    receive(old);
    ByteBuffer response = outbox.sent.get(0);
    assertThat(response.getShort(0)).isEqualTo((short) 0x0101);
    assertThat(response.slice(4, 16)).as("all 16 bytes").isEqualTo(old.slice(4, 16));
    StunMessage parsed = StunMessage.tryParseClassic(response);
    assertThat(parsed.get(AttributeType.MAPPED_ADDRESS)).isEqualTo(PATH.remote());
    assertThat(parsed.has(AttributeType.XOR_MAPPED_ADDRESS)).isFalse();
    assertThat(response.remaining()).isEqualTo(32);
  }

  @Test
  @Tag("STUN-1030")
  void oldChangeRequestIsHonouredOnlyWhereItAsksForNothing() {
    for (int change : new int[] {0, 4}) {
      receive(ByteBuffer.allocate(28)
          .putInt(0x00010008)
          .putLong(1)
          .putLong(2)
          .putInt(0x00030004)
          .putInt(change)
          .flip());
      StunMessage response = StunMessage.tryParseClassic(outbox.sent.get(outbox.sent.size() - 1));
      assertThat(response.messageClass())
          .isEqualTo(change == 0 ? MessageClass.SUCCESS : MessageClass.ERROR);
    }
    StunMessage refusal = StunMessage.tryParseClassic(outbox.sent.get(1));
    assertThat(refusal.get(AttributeType.ERROR_CODE).code()).isEqualTo(420);
    assertThat(refusal.get(AttributeType.UNKNOWN_ATTRIBUTES)).containsExactly(3);
  }

  @Test
  @Tag("STUN-1030")
  void requestWithoutCookieIsDroppedOnSharedSockets() {
    server = new BindingServer(
        new BindingServer.Options(null, false, 0, false), null, new Random(1), outbox);
    receive(ByteBuffer.allocate(20).putInt(0x00010000).putLong(1).putLong(2).flip());
    assertSilent(Drop.NOT_STUN);
  }

  @Test
  @Tag("STUN-0540")
  void duplicateRequestIsAnsweredAgain() {
    receive(request());
    receive(request());
    assertThat(outbox.sent.get(1)).isEqualTo(outbox.sent.get(0));
  }

  @Test
  @Tag("STUN-1710")
  void sourceOverItsRateIsNotAnswered() {
    server = new BindingServer(
        new BindingServer.Options(null, true, 10, false), null, new Random(1), outbox);
    for (int i = 0; i < 25; i++) {
      receive(request());
    }
    assertThat(outbox.sent).hasSize(10);
    assertThat(server.stats().dropped().get(Drop.RATE_LIMIT)).isEqualTo(15);
    FiveTuple other = new FiveTuple(SERVER, TransportAddress.udp("192.0.2.2", 5000));
    server.handleDatagram(other, request(), 0);
    assertThat(outbox.sent).as("another source").hasSize(11);
    for (int tenth = 1; tenth <= 20; tenth++) {
      server.handleDatagram(PATH, request(), tenth * 100_000_000L);
      server.handleDatagram(PATH, request(), tenth * 100_000_000L);
    }
    assertThat(outbox.sent).as("ten a second").hasSize(31);
  }

  @Test
  @Tag("STUN-1710")
  void ipv6SourcesAreLimitedByPrefix() {
    server = new BindingServer(
        new BindingServer.Options(null, true, 10, false), null, new Random(1), outbox);
    for (int i = 0; i < 25; i++) {
      TransportAddress source =
          TransportAddress.udp("2001:db8::" + Integer.toHexString(i + 1), 5000);
      server.handleDatagram(
          new FiveTuple(TransportAddress.udp("2001:db8:1::2", 3478), source), request(), 0);
    }
    assertThat(outbox.sent).hasSize(10);
  }

  @Test
  void rateBelowZeroIsAMistake() {
    assertThatThrownBy(() -> new BindingServer.Options(null, true, -1, false))
        .hasMessageContaining("-1");
  }

  @Test
  @Tag("STUN-1270")
  void transmissionsAreCountedWhereThatIsOn() {
    ByteBuffer counted = StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(100))
        .put(AttributeType.TRANSACTION_TRANSMIT_COUNTER, TransmitCounts.of(3, 0))
        .finish();
    receive(counted.duplicate());
    assertThat(outbox.last().has(AttributeType.TRANSACTION_TRANSMIT_COUNTER))
        .as("off by default")
        .isFalse();
    server = new BindingServer(
        new BindingServer.Options(null, true, 0, true), null, new Random(1), outbox);
    receive(counted.duplicate());
    assertThat(outbox.last().intValue(AttributeType.TRANSACTION_TRANSMIT_COUNTER, 0))
        .isEqualTo(0x0301);
    receive(counted.duplicate());
    assertThat(outbox.last().intValue(AttributeType.TRANSACTION_TRANSMIT_COUNTER, 0))
        .isEqualTo(0x0302);
    receive(request());
    assertThat(outbox.last().has(AttributeType.TRANSACTION_TRANSMIT_COUNTER)).isFalse();
  }

  /** Regression row: two datagrams in a reused buffer, a short one after a long one. */
  @Test
  void reusedBufferLeaksNothing() {
    receive(StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(300))
        .put(AttributeType.ofFlag(0x7ABC, "UNKNOWN"), true)
        .finish());
    receive(request());
    assertThat(outbox.last().has(AttributeType.UNKNOWN_ATTRIBUTES)).isFalse();
    assertThat(outbox.last().get(AttributeType.XOR_MAPPED_ADDRESS)).isEqualTo(PATH.remote());
    assertThat(outbox.sent.get(1).remaining()).isEqualTo(44);
  }
}

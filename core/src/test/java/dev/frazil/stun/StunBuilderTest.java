package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.TransportAddress;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StunBuilderTest {
  private static final IntegrityKey KEY = IntegrityKey.shortTerm("pass");
  private static final TransactionId ID = new TransactionId(1, 2);

  private static StunBuilder request() {
    return StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(70_000));
  }

  private static <T> void roundTrips(AttributeType<T> type, T value) {
    StunMessage message = StunMessage.tryParse(request().put(type, value).finish());
    assertThat(message.get(type)).as("%s", type).isEqualTo(value);
    assertThat(message.isMalformed(type)).isFalse();
  }

  @Test
  void everyKindOfValueRoundTrips() {
    TransportAddress ipv4 = TransportAddress.udp("203.0.113.9", 65535);
    TransportAddress ipv6 = TransportAddress.udp("2001:db8::ffff:1", 1);
    for (AttributeType<TransportAddress> type : List.of(
        AttributeType.MAPPED_ADDRESS,
        AttributeType.XOR_MAPPED_ADDRESS,
        AttributeType.XOR_PEER_ADDRESS,
        AttributeType.XOR_RELAYED_ADDRESS,
        AttributeType.ALTERNATE_SERVER,
        AttributeType.RESPONSE_ORIGIN,
        AttributeType.OTHER_ADDRESS,
        AttributeType.ofAddress(0x7001, "OWN"),
        AttributeType.ofXorAddress(0x7002, "OWN-XOR"))) {
      roundTrips(type, ipv4);
      roundTrips(type, ipv6);
    }
    roundTrips(AttributeType.USERNAME, "na\u00EFve:\uD83D\uDE00");
    roundTrips(AttributeType.PRIORITY, 0x6E0001FF);
    roundTrips(AttributeType.NOMINATION, -1);
    roundTrips(AttributeType.LIFETIME, 600);
    roundTrips(AttributeType.CHANGE_REQUEST, 6);
    roundTrips(AttributeType.CHANNEL_NUMBER, 0x4001);
    roundTrips(AttributeType.RESPONSE_PORT, 65535);
    roundTrips(AttributeType.REQUESTED_TRANSPORT, 17);
    roundTrips(AttributeType.REQUESTED_ADDRESS_FAMILY, 2);
    roundTrips(AttributeType.ICE_CONTROLLING, -2L);
    roundTrips(AttributeType.RESERVATION_TOKEN, Long.MIN_VALUE);
    roundTrips(AttributeType.USE_CANDIDATE, true);
    roundTrips(AttributeType.EVEN_PORT, true);
    roundTrips(AttributeType.EVEN_PORT, false);
    roundTrips(AttributeType.DATA, ByteBuffer.wrap(new byte[] {1, 2, 3}));
    roundTrips(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(0));
    roundTrips(AttributeType.USERHASH, ByteBuffer.allocate(32));
    roundTrips(AttributeType.ERROR_CODE, ErrorCode.of(401));
    roundTrips(AttributeType.ADDRESS_ERROR_CODE, new AddressErrorCode(2, ErrorCode.of(440)));
    roundTrips(AttributeType.ICMP, new IcmpMessage(127, 511, 1280));
    roundTrips(AttributeType.PASSWORD_ALGORITHM, PasswordAlgorithm.SHA_256);
    roundTrips(
        AttributeType.PASSWORD_ALGORITHM,
        new PasswordAlgorithm(9, ByteBuffer.wrap(new byte[] {1, 2, 3})));
    roundTrips(AttributeType.PASSWORD_ALGORITHMS, List.of());
    roundTrips(
        AttributeType.PASSWORD_ALGORITHMS,
        List.of(
            new PasswordAlgorithm(0xFFFF, ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5})),
            PasswordAlgorithm.SHA_256,
            PasswordAlgorithm.MD5));
    roundTrips(AttributeType.ofText(0x7003, "OWN-TEXT", 10, 10), "0123456789");
    roundTrips(AttributeType.ofInteger(0x7004, "OWN-INTEGER"), 1);
    roundTrips(AttributeType.ofLong(0xF005, "OWN-LONG"), 1L);
    roundTrips(AttributeType.ofFlag(0xF006, "OWN-FLAG"), true);
    roundTrips(AttributeType.ofBytes(0xF007, "OWN-BYTES", 1, 2), ByteBuffer.allocate(2));
  }

  @Test
  void numbersGoTheSameWayBoxedAndUnboxed() {
    ByteBuffer unboxed = request()
        .put(AttributeType.PRIORITY, 5)
        .put(AttributeType.ICE_CONTROLLED, 6L)
        .finish();
    ByteBuffer boxed = request()
        .put(AttributeType.PRIORITY, Integer.valueOf(5))
        .put(AttributeType.ICE_CONTROLLED, Long.valueOf(6))
        .finish();
    assertThat(unboxed).isEqualTo(boxed);
    StunMessage message = StunMessage.tryParse(unboxed);
    assertThat(message.intValue(AttributeType.PRIORITY, 0)).isEqualTo(5);
    assertThat(message.longValue(AttributeType.ICE_CONTROLLED, 0)).isEqualTo(6);
  }

  @Test
  void shortResponsePortOfOldClientsIsRead() {
    ByteBuffer value = ByteBuffer.allocate(2).putShort(0, (short) 5000);
    ByteBuffer out = request()
        .put(AttributeType.ofBytes(0x0027, "RESPONSE-PORT", 2, 2), value)
        .finish();
    assertThat(StunMessage.tryParse(out).intValue(AttributeType.RESPONSE_PORT, 0))
        .isEqualTo(5000);
  }

  @Test
  @Tag("STUN-0090")
  void textOverItsLimitIsNotSent() {
    roundTrips(AttributeType.USERNAME, "u".repeat(508));
    roundTrips(AttributeType.REALM, "r".repeat(127));
    roundTrips(AttributeType.NONCE, "\uD83D\uDE00".repeat(127)); // 127 characters in 508 bytes
    roundTrips(AttributeType.SOFTWARE, "\u20AC".repeat(127));
    assertThatThrownBy(() -> request().put(AttributeType.USERNAME, "u".repeat(509)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("508");
    assertThatThrownBy(() -> request().put(AttributeType.USERNAME, "\u00E9".repeat(255)))
        .hasMessageContaining("508 bytes");
    for (AttributeType<String> type :
        List.of(AttributeType.REALM, AttributeType.NONCE, AttributeType.SOFTWARE)) {
      assertThatThrownBy(() -> request().put(type, "x".repeat(128)))
          .hasMessageContaining("127 characters");
    }
    assertThatThrownBy(() ->
            request().put(AttributeType.ERROR_CODE, new ErrorCode(400, "x".repeat(128))))
        .hasMessageContaining("127 characters");
    assertThatThrownBy(() -> request().put(AttributeType.ALTERNATE_DOMAIN, "x".repeat(256)))
        .hasMessageContaining("255");
  }

  @Test
  void valuesOutOfRangeAreTheCallersMistake() {
    assertThatThrownBy(() -> request().put(AttributeType.CHANNEL_NUMBER, 0x10000))
        .hasMessageContaining("16 bits");
    assertThatThrownBy(() -> request().put(AttributeType.REQUESTED_TRANSPORT, -1))
        .hasMessageContaining("8 bits");
    assertThatThrownBy(() -> request().put(AttributeType.USE_CANDIDATE, false))
        .hasMessageContaining("flag");
    assertThatThrownBy(() -> request().put(AttributeType.USERHASH, ByteBuffer.allocate(31)))
        .hasMessageContaining("32");
    assertThatThrownBy(() -> request().put(AttributeType.DATA, ByteBuffer.allocate(65536)))
        .hasMessageContaining("65536");
    assertThatThrownBy(() -> request().put(AttributeType.UNKNOWN_ATTRIBUTES, new int[32768]))
        .hasMessageContaining("65535");
    assertThatThrownBy(
            () -> request().put(AttributeType.DATA, ByteBuffer.allocate(65535)).finish())
        .hasMessageContaining("65532");
    assertThatThrownBy(() -> new ErrorCode(299, "")).hasMessageContaining("299");
    assertThatThrownBy(() -> new ErrorCode(700, "")).hasMessageContaining("700");
    assertThatThrownBy(() -> new IcmpMessage(128, 0, 0)).hasMessageContaining("128");
    assertThatThrownBy(() -> new AddressErrorCode(3, ErrorCode.of(440))).hasMessageContaining("3");
    assertThatThrownBy(() -> new PasswordAlgorithm(-1, ByteBuffer.allocate(0)))
        .hasMessageContaining("-1");
    assertThatThrownBy(() -> StunBuilder.request(0x1000, ID, ByteBuffer.allocate(20)))
        .hasMessageContaining("4096");
    assertThatThrownBy(() ->
            StunBuilder.request(1, ID, ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN)))
        .hasMessageContaining("big-endian");
    assertThatThrownBy(() -> StunBuilder.request(1, ID, ByteBuffer.allocate(19)))
        .isInstanceOf(BufferOverflowException.class);
  }

  @Test
  void nothingGoesBehindTheIntegrityButWhatIsSeenThere() {
    assertThatThrownBy(() -> request().integrity(KEY).put(AttributeType.PRIORITY, 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("PRIORITY behind MESSAGE-INTEGRITY");
    assertThatThrownBy(() -> request().integrity(KEY).integrity(KEY))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> request().integritySha256(KEY).integrity(KEY))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> request().integritySha256(KEY).integritySha256(KEY))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> request().fingerprint().fingerprint())
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> request().fingerprint().integrity(KEY))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> request().put(AttributeType.FINGERPRINT, 1))
        .hasMessageContaining("method of its own");
    assertThatThrownBy(
            () -> request().put(AttributeType.MESSAGE_INTEGRITY, ByteBuffer.allocate(20)))
        .hasMessageContaining("method of its own");
  }

  @ParameterizedTest
  @ValueSource(ints = {12, 15, 18, 33, 36})
  @Tag("STUN-0210")
  void forbiddenTruncationIsRefused(int length) {
    assertThatThrownBy(() -> request().integritySha256(KEY, length))
        .hasMessageContaining("" + length);
  }

  @Test
  void messageStartsAtThePositionAndEndsAtTheLimit() {
    ByteBuffer out = ByteBuffer.allocate(200).position(9);
    ByteBuffer same = StunBuilder.success(Method.BINDING, ID, out)
        .integrity(KEY)
        .fingerprint()
        .finish();
    assertThat(same).isSameAs(out);
    assertThat(out.position()).isEqualTo(9);
    assertThat(StunMessage.tryParse(out).verifyIntegrity(KEY)).isTrue();
    assertThat(StunMessage.tryParse(out).is(MessageClass.SUCCESS, Method.BINDING))
        .isTrue();
  }

  @Test
  void directBuffersHoldTheSameBytes() {
    ByteBuffer heap = ByteBuffer.allocate(300);
    ByteBuffer direct = ByteBuffer.allocateDirect(300).position(3);
    for (ByteBuffer out : List.of(heap, direct)) {
      StunBuilder.indication(Method.BINDING, ID, out)
          .put(AttributeType.SOFTWARE, "s")
          .integrity(KEY)
          .integritySha256(KEY)
          .fingerprint()
          .finish();
    }
    assertThat(direct).isEqualTo(heap);
  }

  @Test
  void errorCarriesItsRegisteredReason() {
    StunMessage message = StunMessage.tryParse(
        StunBuilder.error(Method.BINDING, ID, ByteBuffer.allocate(100), 420).finish());
    assertThat(message.messageClass()).isEqualTo(MessageClass.ERROR);
    assertThat(message.get(AttributeType.ERROR_CODE))
        .isEqualTo(new ErrorCode(420, "Unknown Attribute"));
  }

  @Test
  void keysOfEveryLengthGiveTheHmacThatTheJdkGives() throws Exception {
    SplittableRandom random = new SplittableRandom(9);
    for (int length = 1; length < 150; length++) {
      byte[] key = new byte[length];
      random.nextBytes(key);
      StunMessage message =
          StunMessage.tryParse(request().integrity(IntegrityKey.ofBytes(key)).finish());
      byte[] covered = new byte[20];
      message.bytes().get(0, covered);
      javax.crypto.Mac mac = javax.crypto.Mac.getInstance("HmacSHA1");
      mac.init(new javax.crypto.spec.SecretKeySpec(key, "HmacSHA1"));
      assertThat(message.get(AttributeType.MESSAGE_INTEGRITY))
          .isEqualTo(ByteBuffer.wrap(mac.doFinal(covered)));
    }
  }

  @Test
  @Tag("STUN-0800")
  void longTermKeyIsTheDigestOfUserRealmAndPassword() {
    // RFC 8489 9.2.2's example
    byte[] md5 = java.util.HexFormat.of().parseHex("8493fbc53ba582fb4c044c456bdc40eb");
    ByteBuffer expected = request().integrity(IntegrityKey.ofBytes(md5)).finish();
    ByteBuffer actual = request()
        .integrity(IntegrityKey.longTerm("user", "realm", "pass", PasswordAlgorithm.MD5))
        .finish();
    assertThat(actual).isEqualTo(expected);
    byte[] sha256 = IntegrityKey.digest("SHA-256", "user:realm:pass");
    assertThat(request()
            .integritySha256(
                IntegrityKey.longTerm("user", "realm", "pass", PasswordAlgorithm.SHA_256))
            .finish())
        .isEqualTo(request().integritySha256(IntegrityKey.ofBytes(sha256)).finish());
    assertThatThrownBy(() -> IntegrityKey.longTerm(
            "user", "realm", "secret", new PasswordAlgorithm(3, ByteBuffer.allocate(0))))
        .hasMessageContaining("0x0003")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("secret"));
  }

  @Test
  @Tag("STUN-0030")
  void transactionIdsAreUniformOver96Bits() {
    SplittableRandom random = new SplittableRandom(1);
    int[] ones = new int[96];
    java.util.Set<TransactionId> seen = new java.util.HashSet<>();
    for (int i = 0; i < 4000; i++) {
      TransactionId id = TransactionId.random(random);
      assertThat(seen.add(id)).isTrue();
      for (int bit = 0; bit < 96; bit++) {
        ones[bit] += (int) (bit < 32 ? id.high() >>> bit : id.low() >>> bit - 32) & 1;
      }
    }
    for (int count : ones) {
      assertThat(count).isBetween(1800, 2200);
    }
    assertThat(new TransactionId(1, 0xFFL)).hasToString("0000000100000000000000ff");
  }
}

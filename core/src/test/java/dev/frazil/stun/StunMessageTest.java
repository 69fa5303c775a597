package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StunMessageTest {
  private static final IntegrityKey KEY = IntegrityKey.shortTerm("VOkJxbRl1RmTxUk/WvJxBt");
  private static final TransactionId ID = new TransactionId(0x01020304, 0x05060708090A0B0CL);

  private static ByteBuffer build(Consumer<StunBuilder> attributes) {
    StunBuilder builder = StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(2000));
    attributes.accept(builder);
    return builder.finish();
  }

  private static StunMessage message(Consumer<StunBuilder> attributes) {
    return StunMessage.tryParse(build(attributes));
  }

  /** A message with one attribute of any bytes. */
  private static StunMessage raw(int code, int... value) {
    byte[] bytes = new byte[value.length];
    for (int i = 0; i < value.length; i++) {
      bytes[i] = (byte) value[i];
    }
    return message(
        b -> b.put(AttributeType.ofBytes(code, "raw", 0, 65535), ByteBuffer.wrap(bytes)));
  }

  @Test
  @Tag("STUN-0010")
  void headerIsReadWithoutMovingTheBuffer() {
    ByteBuffer whole = ByteBuffer.allocate(100).position(7);
    StunBuilder.request(Method.BINDING, ID, whole.slice())
        .put(AttributeType.PRIORITY, 5)
        .finish();
    whole.limit(7 + 28);
    StunMessage message = StunMessage.tryParse(whole);
    assertThat(message.transactionId()).isEqualTo(ID);
    assertThat(message.intValue(AttributeType.PRIORITY, 0)).isEqualTo(5);
    assertThat(whole.position()).isEqualTo(7);
    assertThat(whole.limit()).isEqualTo(35);
    assertThat(message.bytes().remaining()).isEqualTo(28);
    assertThat(message.bytes().isReadOnly()).isTrue();
  }

  @Test
  @Tag("STUN-0010")
  void anythingElseIsNotStun() {
    ByteBuffer good = build(b -> b.put(AttributeType.PRIORITY, 5));
    assertThat(StunMessage.tryParse(good)).isNotNull();
    for (int top = 1; top < 4; top++) { // regression row: top bits not 00
      assertThat(StunMessage.tryParse(copy(good).put(0, (byte) (top << 6)))).isNull();
    }
    for (int bit = 0; bit < 32; bit++) {
      ByteBuffer cookie = copy(good);
      cookie.putInt(4, cookie.getInt(4) ^ 1 << bit);
      assertThat(StunMessage.tryParse(cookie)).isNull();
    }
    for (int length = 0;
        length < good.limit();
        length++) { // regression row: under 20 bytes; past the end
      assertThat(StunMessage.tryParse(copy(good).limit(length))).isNull();
    }
    BitSet accepted = new BitSet();
    for (int said = 0; said < 0x10000; said++) {
      accepted.set(said, StunMessage.tryParse(copy(good).putShort(2, (short) said)) != null);
    }
    assertThat(accepted.stream()).containsExactly(8);
    for (int extra = 1; extra < 8; extra++) { // regression row: 1-3 trailing bytes
      ByteBuffer longer = ByteBuffer.allocate(28 + extra).put(good.duplicate()).rewind();
      assertThat(StunMessage.tryParse(longer)).isNull();
      longer.putShort(2, (short) (8 + extra));
      assertThat(StunMessage.tryParse(longer) != null)
          .isEqualTo(extra == 4); // an empty attribute of type 0
    }
  }

  private static ByteBuffer copy(ByteBuffer bytes) {
    return ByteBuffer.allocate(bytes.remaining()).put(bytes.duplicate()).flip();
  }

  /** Regression row: attribute length past the end. */
  @Test
  @Tag("STUN-0010")
  void attributeThatEndsBehindTheMessageIsNotStun() {
    ByteBuffer good =
        build(b -> b.put(AttributeType.USERNAME, "abcd").put(AttributeType.PRIORITY, 0));
    BitSet accepted = new BitSet();
    for (int length = 0; length < 0x10000; length++) {
      good.putShort(30, (short) length); // PRIORITY's
      accepted.set(length, StunMessage.tryParse(good) != null);
    }
    assertThat(accepted.stream())
        .containsExactly(0, 1, 2, 3, 4); // 0: an empty one, and one more of type 0
  }

  @Test
  @Tag("STUN-0040")
  void attributesOfEveryLengthArePaddedWithZeros() {
    for (int length = 0; length < 8; length++) {
      String text = "x".repeat(length);
      ByteBuffer out = ByteBuffer.allocate(100);
      while (out.hasRemaining()) {
        out.put((byte) 0xFF); // regression row: a reused buffer never leaks old bytes
      }
      StunBuilder.request(Method.BINDING, ID, out.clear())
          .put(AttributeType.SOFTWARE, text)
          .put(AttributeType.PRIORITY, 5)
          .finish();
      int padded = length + 3 & ~3;
      assertThat(out.remaining()).isEqualTo(20 + 4 + padded + 8);
      assertThat(out.getShort(22)).isEqualTo((short) length);
      for (int i = 24 + length; i < 24 + padded; i++) {
        assertThat(out.get(i)).isZero();
        out.put(i, (byte) 0xAA); // ignored on receipt
      }
      StunMessage message = StunMessage.tryParse(out);
      assertThat(message.get(AttributeType.SOFTWARE)).isEqualTo(text);
      assertThat(message.intValue(AttributeType.PRIORITY, 0)).isEqualTo(5);
    }
  }

  @Test
  @Tag("STUN-0050")
  void firstOfRepeatedAttributesCounts() {
    TransportAddress one = TransportAddress.udp("192.0.2.1", 1);
    TransportAddress two = TransportAddress.udp("192.0.2.2", 2);
    StunMessage message = message(b -> b.put(AttributeType.USERNAME, "first")
        .put(AttributeType.USERNAME, "second")
        .put(AttributeType.XOR_PEER_ADDRESS, one)
        .put(AttributeType.XOR_PEER_ADDRESS, two));
    assertThat(message.get(AttributeType.USERNAME)).isEqualTo("first");
    assertThat(message.get(AttributeType.XOR_PEER_ADDRESS)).isEqualTo(one);
    assertThat(message.all(AttributeType.XOR_PEER_ADDRESS)).containsExactly(one, two);
    assertThat(message.all(AttributeType.MAPPED_ADDRESS)).isEmpty();
  }

  @Test
  void malformedFirstAttributeIsNotReplacedByASecond() {
    StunMessage message =
        message(b -> b.put(AttributeType.ofBytes(0x24, "PRIORITY", 0, 9), ByteBuffer.allocate(3))
            .put(AttributeType.PRIORITY, 5));
    assertThat(message.get(AttributeType.PRIORITY)).isNull();
    assertThat(message.isMalformed(AttributeType.PRIORITY)).isTrue();
    assertThat(message.intValue(AttributeType.PRIORITY, -1)).isEqualTo(-1);
    assertThat(message.all(AttributeType.PRIORITY)).containsExactly(5);
  }

  @Test
  void absentAttributesAreNullAndNotMalformed() {
    StunMessage message = message(b -> {});
    for (AttributeType<?> type : AttributeType.TABLE) {
      assertThat(message.has(type)).isFalse();
      assertThat(message.<Object>get(cast(type))).isNull();
      assertThat(message.isMalformed(type)).isFalse();
    }
    assertThat(message.hasIntegrity()).isFalse();
    assertThat(message.verifyIntegrity(KEY)).isFalse();
    assertThat(message.hasFingerprint()).isFalse();
    assertThat(message.hasValidFingerprint()).isFalse();
    assertThat(message.longValue(AttributeType.ICE_CONTROLLED, 7)).isEqualTo(7);
  }

  @SuppressWarnings("unchecked")
  private static AttributeType<Object> cast(AttributeType<?> type) {
    return (AttributeType<Object>) type;
  }

  @Test
  @Tag("STUN-0070")
  void mappedAddressIgnoresItsFirstByteAndNothingElse() {
    AttributeType<TransportAddress> type = AttributeType.MAPPED_ADDRESS;
    assertThat(raw(1, 0, 1, 0x12, 0x34, 192, 0, 2, 1).get(type))
        .isEqualTo(TransportAddress.udp("192.0.2.1", 0x1234));
    assertThat(raw(1, 9, 1, 0x12, 0x34, 192, 0, 2, 1).get(type))
        .isEqualTo(TransportAddress.udp("192.0.2.1", 0x1234));
    assertThat(raw(1, 0, 1, 0x12, 0x34, 192, 0, 2, 1).get(type, Transport.TCP).transport())
        .isEqualTo(Transport.TCP);
    assertThat(
            message(b -> b.put(type, TransportAddress.udp("2001:db8::1", 80))).get(type))
        .isEqualTo(TransportAddress.udp("2001:db8::1", 80));
  }

  /** Regression row: XOR-MAPPED-ADDRESS of length 0, unknown family, wrong length. */
  @ParameterizedTest
  @CsvSource({
    "0, 1", "4, 1", "7, 1", "9, 1", "8, 0", "8, 2", "8, 3", "8, 255", "20, 1", "16, 2", "19, 2",
    "21, 2", "24, 2"
  })
  @Tag("STUN-0070")
  void addressOfWrongFamilyOrLengthIsMalformed(int length, int family) {
    for (int code : new int[] {0x0001, 0x0020, 0x0012, 0x0016, 0x8023, 0x802B, 0x802C}) {
      int[] value = new int[length];
      if (length > 1) {
        value[1] = family;
      }
      StunMessage message = raw(code, value);
      AttributeType<?> type =
          AttributeType.TABLE.stream().filter(t -> t.code() == code).findAny().orElseThrow();
      assertThat(message.has(type)).isTrue();
      assertThat(message.isMalformed(type)).isTrue();
      assertThat(message.<Object>get(cast(type))).isNull();
    }
  }

  @Test
  @Tag("STUN-0100")
  void everyErrorCodeRoundTrips() {
    for (int code = 300; code < 700; code++) {
      ErrorCode error = new ErrorCode(code, "raison \u00E9");
      assertThat(message(b -> b.put(AttributeType.ERROR_CODE, error)).get(AttributeType.ERROR_CODE))
          .isEqualTo(error);
    }
  }

  /** Regression rows: CVE-2021-37706, reserved bits set, class 0 or 7, number over 99. */
  @Test
  @Tag("STUN-0100")
  void errorCodeIsReadByClassAndNumberAlone() {
    AttributeType<ErrorCode> type = AttributeType.ERROR_CODE;
    assertThat(raw(9, 0xFF, 0xFF, 0xF8 | 4, 87).get(type)).isEqualTo(new ErrorCode(487, ""));
    for (int errorClass : new int[] {0, 1, 2, 7}) {
      assertThat(raw(9, 0, 0, errorClass, 1).isMalformed(type)).isTrue();
    }
    for (int number : new int[] {100, 127, 128, 255}) {
      assertThat(raw(9, 0, 0, 4, number).isMalformed(type)).isTrue();
    }
    for (int length = 0; length < 4; length++) {
      StunMessage message = raw(9, new int[length]);
      assertThat(message.get(type)).isNull();
      assertThat(message.isMalformed(type)).isTrue();
    }
    assertThat(raw(9, 0, 0, 4, 0, 0xC3).get(type))
        .as("reason that is not UTF-8")
        .isEqualTo(new ErrorCode(400, ""));
    int[] longest = new int[4 + 763];
    longest[2] = 5;
    assertThat(raw(9, longest).get(type).code()).isEqualTo(500);
    assertThat(raw(9, new int[4 + 764]).isMalformed(type)).isTrue();
  }

  /** Regression row: UNKNOWN-ATTRIBUTES with an odd count. */
  @Test
  @Tag("STUN-0110")
  void unknownAttributesAreTwoBytesEachAndPadded() {
    int[] types = {0x0001, 0x7FFF, 0xFFFF};
    ByteBuffer out = build(b -> b.put(AttributeType.UNKNOWN_ATTRIBUTES, types));
    assertThat(out.remaining()).isEqualTo(20 + 4 + 8);
    assertThat(out.getShort(22)).isEqualTo((short) 6);
    assertThat(out.getShort(30)).isZero();
    assertThat(StunMessage.tryParse(out).get(AttributeType.UNKNOWN_ATTRIBUTES)).isEqualTo(types);
    assertThat(raw(0x000A, 1, 2, 3).isMalformed(AttributeType.UNKNOWN_ATTRIBUTES))
        .isTrue();
  }

  @Test
  @Tag("STUN-0120")
  void alternateServerIsNotXored() {
    TransportAddress server = TransportAddress.udp("192.0.2.1", 0x1234);
    StunMessage message = message(b -> b.put(AttributeType.ALTERNATE_SERVER, server)
        .put(AttributeType.ALTERNATE_DOMAIN, "turn.example"));
    assertThat(message.bytes().getLong(24)).isEqualTo(0x0001_1234_C000_0201L);
    assertThat(message.get(AttributeType.ALTERNATE_SERVER)).isEqualTo(server);
    assertThat(message.get(AttributeType.ALTERNATE_DOMAIN)).isEqualTo("turn.example");
  }

  /** Regression row: USERNAME over 763 bytes. */
  @Test
  @Tag("STUN-0090")
  void textOfUpTo763BytesIsReceived() {
    for (int code : new int[] {0x0006, 0x0014, 0x0015, 0x8022}) {
      AttributeType<?> type =
          AttributeType.TABLE.stream().filter(t -> t.code() == code).findAny().orElseThrow();
      assertThat(raw(code, new int[763]).isMalformed(type)).isFalse();
      assertThat(raw(code, new int[764]).isMalformed(type)).isTrue();
    }
  }

  @Test
  void textThatIsNotUtf8IsMalformed() {
    assertThat(raw(6, 'a', 0xFF).isMalformed(AttributeType.USERNAME)).isTrue();
    assertThat(raw(6, 0xEF, 0xBF, 0xBD).get(AttributeType.USERNAME))
        .as("U+FFFD itself")
        .isEqualTo("\uFFFD");
  }

  @Test
  void unknownRequiredAttributesAreListedInOrder() {
    AttributeSet understood =
        AttributeSet.of(AttributeType.USERNAME, AttributeType.ofFlag(0x4000, "PRIVATE"));
    StunMessage message = message(b -> b.put(AttributeType.ofFlag(0x7FFF, "A"), true)
        .put(AttributeType.USERNAME, "u")
        .put(AttributeType.ofFlag(0x8000, "OPTIONAL"), true)
        .put(AttributeType.ofFlag(0x4000, "PRIVATE"), true)
        .put(AttributeType.PRIORITY, 1)
        .put(AttributeType.ofFlag(0x0000, "ZERO"), true)
        .integrity(KEY)
        .fingerprint());
    assertThat(message.unknownRequired(understood)).containsExactly(0x7FFF, 0x0024, 0x0000);
    assertThat(understood.contains(0x4000)).isTrue();
    assertThat(understood.contains(0x4001)).isFalse();
    assertThat(understood.contains(AttributeType.MESSAGE_INTEGRITY.code())).isTrue();
  }

  @Test
  void copyOutlivesTheBuffer() {
    ByteBuffer bytes = build(b ->
        b.put(AttributeType.USERNAME, "u").integrity(KEY).integritySha256(KEY).fingerprint());
    StunMessage message = StunMessage.tryParse(bytes);
    StunMessage copy = message.copy();
    for (int i = 0; i < bytes.limit(); i++) {
      bytes.put(i, (byte) 0xFF);
    }
    assertThat(copy.get(AttributeType.USERNAME)).isEqualTo("u");
    assertThat(copy.verifyIntegrity(KEY)).isTrue();
    assertThat(copy.hasValidFingerprint()).isTrue();
    assertThat(message.copy().transactionId()).isNotEqualTo(ID);
  }

  @Test
  void anyKindOfBufferDoes() {
    ByteBuffer heap = build(b ->
        b.put(AttributeType.PRIORITY, 1).integrity(KEY).integritySha256(KEY).fingerprint());
    ByteBuffer direct = ByteBuffer.allocateDirect(heap.limit() + 5)
        .position(5)
        .put(heap.duplicate())
        .position(5);
    ByteBuffer little = heap.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    for (ByteBuffer bytes :
        new ByteBuffer[] {heap, direct, little, heap.asReadOnlyBuffer(), direct.asReadOnlyBuffer()
        }) {
      StunMessage message = StunMessage.tryParse(bytes);
      assertThat(message.intValue(AttributeType.PRIORITY, 0)).isEqualTo(1);
      assertThat(message.verifyIntegrity(KEY)).isTrue();
      assertThat(message.hasValidFingerprint()).isTrue();
      assertThat(message.hasValidFingerprint()).isTrue();
      assertThat(message.verifyIntegrity(KEY)).isTrue();
    }
  }

  @Test
  void textOfAMessageHoldsNoValue() {
    StunMessage message = message(b ->
        b.put(AttributeType.USERNAME, "secret").put(AttributeType.PRIORITY, 77).integrity(KEY));
    assertThat(message)
        .hasToString(
            "Binding request 0102030405060708090a0b0c USERNAME PRIORITY MESSAGE-INTEGRITY");
    assertThat(KEY.toString()).doesNotContain("VOk");
  }

  @Test
  @Tag("STUN-1700")
  void parsingMakesNoObjectPerAttribute() {
    ByteBuffer few = build(b -> b.put(AttributeType.PRIORITY, 1));
    ByteBuffer many = build(b -> {
      for (int i = 0; i < 200; i++) {
        b.put(AttributeType.PRIORITY, i);
      }
    });
    allocatedByParsing(few, 20_000); // compiled by now
    allocatedByParsing(many, 2_000);
    long perFew = allocatedByParsing(few, 1_000) / 1_000;
    long perMany = allocatedByParsing(many, 1_000) / 1_000;
    assertThat(perFew).isLessThanOrEqualTo(160);
    assertThat(perMany).isLessThanOrEqualTo(160);
  }

  private static long allocatedByParsing(ByteBuffer bytes, int times) {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    AttributeSet understood = AttributeSet.of(AttributeType.PRIORITY);
    int sum = 0;
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < times; i++) {
      StunMessage message = StunMessage.tryParse(bytes);
      sum +=
          message.intValue(AttributeType.PRIORITY, 0) + message.unknownRequired(understood).length;
    }
    assertThat(sum).isNotNegative();
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  @Test
  @Tag("STUN-1700")
  @Tag("STUN-0010")
  void randomBytesNeverThrow() {
    SplittableRandom random = new SplittableRandom(42);
    ByteBuffer seed = build(b -> b.put(AttributeType.USERNAME, "abcdefgh:ijklmnop")
        .put(AttributeType.ERROR_CODE, ErrorCode.of(487))
        .put(AttributeType.XOR_MAPPED_ADDRESS, TransportAddress.udp("192.0.2.1", 1))
        .put(
            AttributeType.PASSWORD_ALGORITHMS,
            java.util.List.of(PasswordAlgorithm.MD5, PasswordAlgorithm.SHA_256))
        .integrity(KEY)
        .fingerprint());
    int parsed = 0;
    for (int i = 0; i < 10_000; i++) {
      ByteBuffer bytes = copy(seed);
      for (int n = random.nextInt(6); n >= 0; n--) {
        bytes.put(random.nextInt(bytes.limit()), (byte) random.nextInt(256));
      }
      StunMessage message = StunMessage.tryParse(bytes);
      if (message != null) {
        parsed++;
        assertThatCode(() -> AttributeType.TABLE.forEach(type -> {
              Object value = message.get(cast(type));
              if ((value == null) != (!message.has(type) || message.isMalformed(type))) {
                throw new AssertionError(type + " is " + value);
              }
            }))
            .doesNotThrowAnyException();
        message.verifyIntegrity(KEY);
        message.hasValidFingerprint();
        message.toString();
      }
    }
    assertThat(parsed).isGreaterThan(1_000);
  }
}

package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT: what they cover, and what they hide. */
class StunIntegrityTest {
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

  private static ByteBuffer copy(ByteBuffer bytes) {
    return ByteBuffer.allocate(bytes.remaining()).put(bytes.duplicate()).flip();
  }

  @Test
  @Tag("STUN-0230")
  void attributesBehindTheIntegrityAreNotSeen() {
    ByteBuffer sealed = build(b -> b.put(AttributeType.PRIORITY, 5).integrity(KEY));
    StunMessage message = append(
        sealed,
        b -> b.put(AttributeType.PRIORITY, 6)
            .flag(AttributeType.USE_CANDIDATE)
            .put(AttributeType.USERNAME, "x")
            .put(AttributeType.LIFETIME, 0)
            .put(AttributeType.ofFlag(0x7ABC, "UNKNOWN"), true));
    assertThat(message.intValue(AttributeType.PRIORITY, 0)).isEqualTo(5);
    assertThat(message.all(AttributeType.PRIORITY)).containsExactly(5);
    assertThat(message.has(AttributeType.USE_CANDIDATE)).isFalse();
    assertThat(message.has(AttributeType.USERNAME)).isFalse();
    assertThat(message.has(AttributeType.LIFETIME)).isFalse();
    assertThat(message.unknownRequired(AttributeSet.of(AttributeType.PRIORITY))).isEmpty();
    assertThat(message.verifyIntegrity(KEY)).isTrue();
  }

  @Test
  @Tag("STUN-0230")
  void sha256AndFingerprintBehindTheIntegrityAreSeen() {
    StunMessage message = message(b -> b.integrity(KEY).integritySha256(KEY).fingerprint());
    assertThat(message.has(AttributeType.MESSAGE_INTEGRITY)).isTrue();
    assertThat(message.has(AttributeType.MESSAGE_INTEGRITY_SHA256)).isTrue();
    assertThat(message.has(AttributeType.FINGERPRINT)).isTrue();
    assertThat(message.verifyIntegrity(KEY)).isTrue();
    assertThat(message.hasValidFingerprint()).isTrue();
  }

  @Test
  @Tag("STUN-0050")
  void firstOfRepeatedIntegrityAttributesCounts() {
    IntegrityKey another = IntegrityKey.shortTerm("another");
    StunMessage right = append(build(b -> b.integrity(KEY)), b -> b.integrity(another));
    assertThat(right.verifyIntegrity(KEY)).isTrue();
    assertThat(right.verifyIntegrity(another)).isFalse();
    StunMessage right256 =
        append(build(b -> b.integritySha256(KEY)), b -> b.integritySha256(another));
    assertThat(right256.verifyIntegrity(KEY)).isTrue();
    assertThat(right256.verifyIntegrity(another)).isFalse();
  }

  @Test
  @Tag("STUN-0230")
  void onlyFingerprintIsSeenBehindSha256() {
    ByteBuffer sealed = build(b -> b.integritySha256(KEY));
    StunMessage message = append(sealed, b -> b.integrity(KEY));
    assertThat(message.has(AttributeType.MESSAGE_INTEGRITY)).isFalse();
    assertThat(message.verifyIntegrity(KEY)).isTrue();
  }

  /** Puts the attributes of a second message behind those of the first. */
  private static StunMessage append(ByteBuffer first, Consumer<StunBuilder> attributes) {
    ByteBuffer second = build(attributes).position(20);
    ByteBuffer both = ByteBuffer.allocate(first.remaining() + second.remaining());
    both.put(first.duplicate()).put(second).flip();
    both.putShort(2, (short) (both.limit() - 20));
    return StunMessage.tryParse(both);
  }

  @Test
  @Tag("STUN-0200")
  void integrityCoversTheMessageUpToIt() {
    ByteBuffer sealed = build(b -> b.put(AttributeType.USERNAME, "u").integrity(KEY));
    assertThat(StunMessage.tryParse(sealed).verifyIntegrity(KEY)).isTrue();
    assertThat(append(sealed, b -> b.put(AttributeType.SOFTWARE, "s")).verifyIntegrity(KEY))
        .isTrue();
    for (int bit = 0; bit < 8 * sealed.limit(); bit++) {
      ByteBuffer changed = copy(sealed);
      changed.put(bit / 8, (byte) (changed.get(bit / 8) ^ 1 << bit % 8));
      StunMessage message = StunMessage.tryParse(changed);
      assertThat(message != null && message.verifyIntegrity(KEY))
          .as("bit %d", bit)
          .isFalse();
    }
    assertThat(StunMessage.tryParse(sealed).verifyIntegrity(IntegrityKey.shortTerm("other")))
        .isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4, 16, 19, 21, 24, 32})
  @Tag("STUN-0200")
  void integrityOfAnotherLengthThan20IsWrong(int length) {
    StunMessage message = raw(0x0008, new int[length]);
    assertThat(message.hasIntegrity()).isTrue();
    assertThat(message.isMalformed(AttributeType.MESSAGE_INTEGRITY)).isTrue();
    assertThat(message.verifyIntegrity(KEY)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 20, 24, 28, 32})
  @Tag("STUN-0210")
  void truncatedSha256IsAcceptedWhereTheUsageAllowsIt(int length) {
    StunMessage message = message(
        b -> b.put(AttributeType.PRIORITY, 1).integritySha256(KEY, length).fingerprint());
    assertThat(message.verifyIntegrity(KEY)).isEqualTo(length == 32);
    assertThat(message.verifyIntegrity(KEY, 16)).isTrue();
    assertThat(message.verifyIntegrity(KEY, 24)).isEqualTo(length >= 24);
    assertThat(message.verifyIntegrity(IntegrityKey.shortTerm("other"), 16)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4, 12, 15, 17, 18, 33, 36})
  @Tag("STUN-0210")
  void sha256OfAForbiddenLengthIsWrong(int length) {
    ByteBuffer right = build(b -> b.integritySha256(KEY)).position(24);
    ByteBuffer value = ByteBuffer.allocate(length);
    while (value.hasRemaining() && right.hasRemaining()) {
      value.put(right.get());
    }
    StunMessage message =
        message(b -> b.put(AttributeType.ofBytes(0x001C, "raw", 0, 99), value.rewind()));
    assertThat(message.verifyIntegrity(KEY, 0)).isFalse();
  }

  @Test
  @Tag("STUN-0720")
  void sha256CountsWhereBothArePresent() {
    ByteBuffer both = build(b -> b.integrity(KEY).integritySha256(KEY));
    ByteBuffer brokenSha1 = copy(both).put(24, (byte) (both.get(24) ^ 1));
    ByteBuffer brokenSha256 = copy(both).put(48, (byte) (both.get(48) ^ 1));
    assertThat(StunMessage.tryParse(both).verifyIntegrity(KEY)).isTrue();
    assertThat(StunMessage.tryParse(brokenSha1).verifyIntegrity(KEY))
        .as("SHA-256 covers SHA-1")
        .isFalse();
    assertThat(StunMessage.tryParse(brokenSha256).verifyIntegrity(KEY)).isFalse();
  }

  @Test
  @Tag("STUN-0220")
  void fingerprintCoversEveryBitBeforeIt() {
    ByteBuffer good = build(b -> b.put(AttributeType.USERNAME, "u").fingerprint());
    assertThat(StunMessage.tryParse(good).hasValidFingerprint()).isTrue();
    for (int bit = 0; bit < 8 * good.limit(); bit++) {
      ByteBuffer changed = copy(good);
      changed.put(bit / 8, (byte) (changed.get(bit / 8) ^ 1 << bit % 8));
      StunMessage message = StunMessage.tryParse(changed);
      assertThat(message != null && message.hasValidFingerprint())
          .as("bit %d", bit)
          .isFalse();
    }
  }

  @Test
  @Tag("STUN-0220")
  void fingerprintCountsAsTheLastAttributeOnly() {
    ByteBuffer good = build(StunBuilder::fingerprint);
    StunMessage message = append(good, b -> b.put(AttributeType.SOFTWARE, ""));
    assertThat(message.hasFingerprint()).isFalse();
    assertThat(message.hasValidFingerprint()).isFalse();
    assertThat(raw(0x8028, 1, 2, 3).hasFingerprint()).isFalse();
  }

  @Test
  @Tag("STUN-0240")
  void comparisonReadsOnBehindTheFirstDifference() {
    ByteBuffer expected = ByteBuffer.allocate(20);
    ByteBuffer differsAtOnce = ByteBuffer.allocate(16).put(0, (byte) 1);
    assertThatThrownBy(() -> StunMessage.isEqual(expected, differsAtOnce, 0, 20))
        .isInstanceOf(IndexOutOfBoundsException.class); // it came to the missing end
    assertThat(StunMessage.isEqual(expected, differsAtOnce, 0, 16)).isFalse();
    assertThat(StunMessage.isEqual(expected, ByteBuffer.allocate(20), 0, 20)).isTrue();
  }
}

package dev.frazil.lab.fuzz;

import static dev.frazil.lab.fuzz.Verify.verify;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.frazil.stun.AttributeSet;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;

/**
 * Hostile bytes as a STUN message.
 *
 * <p>A plain test run replays the inputs under {@code src/test/resources}. With the environment variable
 * {@code JAZZER_FUZZ=1} Jazzer looks for new ones, in one method a JVM: hence one a class.
 */
class StunMessageFuzzTest {
  private static final IntegrityKey KEY = IntegrityKey.shortTerm("VOkJxbRl1RmTxUk/WvJxBt");
  private static final List<AttributeType<Object>> TYPES = types();
  private static final ByteBuffer OUT = ByteBuffer.allocate(200_000);
  private static final ByteBuffer DIRECT = ByteBuffer.allocateDirect(200_000);

  @SuppressWarnings("unchecked")
  private static List<AttributeType<Object>> types() {
    return Arrays.stream(AttributeType.class.getFields())
        .filter(field -> field.getType() == AttributeType.class)
        .map(field -> {
          try {
            return (AttributeType<Object>) field.get(null);
          } catch (IllegalAccessException e) {
            throw new AssertionError(e);
          }
        })
        .toList();
  }

  /** Parses, reads everything, and writes what was read once more. */
  @FuzzTest(maxDuration = "60s")
  @Tag("STUN-1700")
  @Tag("STUN-0010")
  void message(byte[] data) {
    ByteBuffer bytes = ByteBuffer.wrap(data);
    StunMessage message = StunMessage.tryParse(bytes);
    verify(bytes.position() == 0 && bytes.limit() == data.length, "the buffer was moved");
    if (message == null || data.length > 100_000) {
      return;
    }
    verify(message.bytes().equals(bytes), "other bytes");
    verify(
        message.unknownRequired(AttributeSet.of()).length <= data.length / 4, "unknown attributes");
    verify(!message.toString().isEmpty(), "text");
    StunBuilder builder = StunBuilder.message(
        message.messageClass(), message.method(), message.transactionId(), OUT.clear());
    for (AttributeType<Object> type : TYPES) {
      Object value = message.get(type);
      verify((value == null) == (!message.has(type) || message.isMalformed(type)), type);
      verify(message.all(type).isEmpty() || message.has(type), type);
      put(builder, type, value);
    }
    message.verifyIntegrity(KEY, 16);
    message.hasValidFingerprint();
    rebuilt(message, builder);
    direct(message, data);
  }

  private static boolean isSeal(AttributeType<?> type) {
    return type == AttributeType.MESSAGE_INTEGRITY
        || type == AttributeType.MESSAGE_INTEGRITY_SHA256
        || type == AttributeType.FINGERPRINT;
  }

  private static boolean isTooLongToSend(@Nullable Object value) {
    String text =
        value instanceof String s ? s : value instanceof ErrorCode error ? error.reason() : "";
    return text.codePointCount(0, text.length()) > 127 || text.getBytes(UTF_8).length > 508;
  }

  private static void put(StunBuilder builder, AttributeType<Object> type, @Nullable Object value) {
    if (value != null && !isSeal(type) && !isTooLongToSend(value)) {
      builder.put(type, value);
    }
  }

  private static void rebuilt(StunMessage message, StunBuilder builder) {
    if (message.bytes().remaining() > 30_000) {
      return; // what is written may be longer: nothing is shared
    }
    ByteBuffer out = builder.integrity(KEY).integritySha256(KEY).fingerprint().finish();
    StunMessage copy =
        Objects.requireNonNull(StunMessage.tryParse(out), "what was written is not STUN");
    verify(copy.verifyIntegrity(KEY), "integrity");
    verify(copy.hasValidFingerprint(), "fingerprint");
    verify(
        copy.method() == message.method() && copy.messageClass() == message.messageClass(), "type");
    verify(copy.transactionId().equals(message.transactionId()), "transaction ID");
    for (AttributeType<Object> type : TYPES) {
      Object value = message.get(type);
      if (value != null && !isSeal(type) && !isTooLongToSend(value)) {
        verify(
            Objects.deepEquals(copy.get(type), value),
            type + ": " + value + " became " + copy.get(type));
      }
    }
  }

  /** The same bytes in a direct buffer say the same. */
  private static void direct(StunMessage message, byte[] data) {
    ByteBuffer direct = DIRECT.clear().position(1).put(data).flip().position(1);
    StunMessage same =
        Objects.requireNonNull(StunMessage.tryParse(direct), "not STUN in a direct buffer");
    verify(
        same.hasValidFingerprint() == message.hasValidFingerprint(),
        "fingerprint in a direct buffer");
    verify(
        same.verifyIntegrity(KEY, 16) == message.verifyIntegrity(KEY, 16),
        "integrity in a direct buffer");
    verify(same.copy().bytes().equals(message.bytes()), "copy");
  }
}

package dev.frazil.stun;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** UTF-8 text, bounded in characters and bytes when sent, in bytes when received. */
final class TextCodec extends AttributeCodec<String> {
  /** RFC 8489 14.3, 14.8 to 14.10, 14.14: what every receiver must accept. */
  static final int LONGEST_RECEIVED = 763;

  private final int maxCharacters;
  private final int maxBytes;

  /**
   * A codec.
   *
   * @param maxCharacters the most code points that may be sent
   * @param maxBytes the most bytes that may be sent
   */
  TextCodec(int maxCharacters, int maxBytes) {
    this.maxCharacters = maxCharacters;
    this.maxBytes = maxBytes;
  }

  @Override
  @Nullable String read(ByteBuffer message, int at, int length) {
    return length > LONGEST_RECEIVED ? null : decode(message, at, length);
  }

  /** The text, or null when it isn't UTF-8. */
  static @Nullable String decode(ByteBuffer message, int at, int length) {
    byte[] bytes = new byte[length];
    message.get(at, bytes);
    String text = new String(bytes, UTF_8);
    boolean replaced = text.indexOf('\uFFFD') >= 0;
    return replaced && !Arrays.equals(text.getBytes(UTF_8), bytes) ? null : text;
  }

  @Override
  void write(ByteBuffer out, TransactionId id, String value) {
    int characters = value.length();
    int start = out.position();
    if (characters > maxCharacters) {
      characters = value.codePointCount(0, characters);
    }
    if (characters <= maxCharacters) {
      encode(out, value);
    }
    if (characters > maxCharacters || out.position() - start > maxBytes) {
      throw new IllegalArgumentException(
          "a text of " + value.length() + " characters is too long: at most " + maxCharacters
              + " characters and " + maxBytes + " bytes may be sent");
    }
  }

  /** Whether REALM, NONCE and SOFTWARE can be sent with this value: under 128 characters (RFC 8489 14.9 to 14.14). */
  static boolean isSendable(String value) {
    return value.codePointCount(0, value.length()) < 128 && value.getBytes(UTF_8).length <= 509;
  }

  /** For the caller's texts. */
  static void requireSendable(String field, @Nullable String value) {
    if (value != null && !isSendable(value)) {
      throw new IllegalArgumentException(field + " has 128 characters or more (RFC 8489 14)");
    }
  }

  /** Writes UTF-8; plain ASCII without allocating. */
  static void encode(ByteBuffer out, String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c >= 0x80) {
        out.put(value.substring(i).getBytes(UTF_8));
        return;
      }
      out.put((byte) c);
    }
  }
}

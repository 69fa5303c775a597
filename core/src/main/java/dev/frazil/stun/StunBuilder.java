package dev.frazil.stun;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Writes a STUN message straight into a buffer, attribute by attribute, in the order of the calls.
 *
 * <p>A buffer that is too small makes the call throw {@link java.nio.BufferOverflowException}; 548 bytes hold every
 * message that may be sent over an unknown path (RFC 8489 6.1).
 */
public final class StunBuilder {
  private final ByteBuffer out;
  private final int start;
  private final TransactionId id;
  private int stage; // the code of the integrity attribute or FINGERPRINT written last

  private StunBuilder(MessageClass messageClass, int method, TransactionId id, ByteBuffer out) {
    this(messageClass, method, StunMessage.MAGIC_COOKIE, id, out);
  }

  private StunBuilder(
      MessageClass messageClass, int method, int cookie, TransactionId id, ByteBuffer out) {
    if (method < 0 || method > 0xFFF) {
      throw new IllegalArgumentException("a method is 0 to 0xFFF, not " + method);
    }
    if (out.order() != ByteOrder.BIG_ENDIAN) {
      throw new IllegalArgumentException("the buffer is not big-endian");
    }
    this.out = out;
    this.id = id;
    this.start = out.position();
    out.putShort((short) messageClass.typeOf(method)).putShort((short) 0);
    out.putInt(cookie).putInt(id.high()).putLong(id.low());
  }

  /** Starts a message at the position of {@code out}. */
  public static StunBuilder message(
      MessageClass messageClass, int method, TransactionId id, ByteBuffer out) {
    return new StunBuilder(messageClass, method, id, out);
  }

  /** Starts a request. */
  public static StunBuilder request(int method, TransactionId id, ByteBuffer out) {
    return new StunBuilder(MessageClass.REQUEST, method, id, out);
  }

  /** Starts an indication. */
  public static StunBuilder indication(int method, TransactionId id, ByteBuffer out) {
    return new StunBuilder(MessageClass.INDICATION, method, id, out);
  }

  /** Starts a success response. */
  public static StunBuilder success(int method, TransactionId id, ByteBuffer out) {
    return new StunBuilder(MessageClass.SUCCESS, method, id, out);
  }

  /** Starts an error response, with ERROR-CODE and the registered reason. */
  public static StunBuilder error(int method, TransactionId id, ByteBuffer out, int code) {
    return new StunBuilder(MessageClass.ERROR, method, id, out)
        .put(AttributeType.ERROR_CODE, ErrorCode.of(code));
  }

  /** Starts a response to a request of RFC 3489: where the cookie would be, the request's own bytes come back. */
  static StunBuilder classic(MessageClass messageClass, StunMessage request, ByteBuffer out) {
    return new StunBuilder(
        messageClass, request.method(), request.cookie(), request.transactionId(), out);
  }

  /**
   * Adds an attribute.
   *
   * @throws IllegalArgumentException when the value breaks a limit of the attribute
   * @throws IllegalStateException behind MESSAGE-INTEGRITY, where nobody would see it
   */
  public <T> StunBuilder put(AttributeType<T> type, T value) {
    int at = open(type);
    type.codec.write(out, id, value);
    return close(at);
  }

  /** The same without boxing. */
  public StunBuilder put(AttributeType<Integer> type, int value) {
    int at = open(type);
    ((ValueCodecs.OfInteger) type.codec).writeInt(out, value);
    return close(at);
  }

  /** The same without boxing. */
  public StunBuilder put(AttributeType<Long> type, long value) {
    int at = open(type);
    out.putLong(value);
    return close(at);
  }

  /** Adds an attribute without a value. */
  public StunBuilder flag(AttributeType<Boolean> type) {
    return put(type, Boolean.TRUE);
  }

  private int open(AttributeType<?> type) {
    if (stage != 0) {
      throw new IllegalStateException(type + " behind " + AttributeType.nameOf(stage));
    }
    if (type == AttributeType.MESSAGE_INTEGRITY
        || type == AttributeType.MESSAGE_INTEGRITY_SHA256
        || type == AttributeType.FINGERPRINT) {
      throw new IllegalArgumentException(type + " has a method of its own");
    }
    return header(type.code());
  }

  private int header(int code) {
    out.putShort((short) code).putShort((short) 0);
    return out.position();
  }

  /** Fills in the attribute's length and pads it with zeros (RFC 8489 14). */
  private StunBuilder close(int at) {
    int size = out.position() - at;
    if (size > 0xFFFF) {
      throw new IllegalArgumentException(
          "a value of " + size + " bytes: an attribute holds at most 65535");
    }
    out.putShort(at - 2, (short) size);
    while ((size++ & 3) != 0) {
      out.put((byte) 0);
    }
    return this;
  }

  /** Adds MESSAGE-INTEGRITY (RFC 8489 14.5). Only {@link #integritySha256} and {@link #fingerprint} may follow. */
  public StunBuilder integrity(IntegrityKey key) {
    if (stage != 0) {
      throw new IllegalStateException("MESSAGE-INTEGRITY behind " + AttributeType.nameOf(stage));
    }
    stage = AttributeType.MESSAGE_INTEGRITY.code();
    int end = out.position();
    ByteBuffer hmac = key.sha1(
        out, start, end, end + 4 + IntegrityKey.SHA1_LENGTH - start - StunMessage.HEADER_LENGTH);
    return putIntegrity(hmac, IntegrityKey.SHA1_LENGTH);
  }

  /** Adds MESSAGE-INTEGRITY-SHA256, untruncated (RFC 8489 14.6). Only {@link #fingerprint} may follow. */
  public StunBuilder integritySha256(IntegrityKey key) {
    return integritySha256(key, IntegrityKey.SHA256_LENGTH);
  }

  /** The same, truncated to a length in bytes: 16 to 32, a multiple of 4. Only some usages allow that. */
  public StunBuilder integritySha256(IntegrityKey key, int length) {
    if (length < 16 || length > IntegrityKey.SHA256_LENGTH || length % 4 != 0) {
      throw new IllegalArgumentException(
          "MESSAGE-INTEGRITY-SHA256 has 16 to 32 bytes, a multiple of 4, not " + length);
    }
    if (stage != 0 && stage != AttributeType.MESSAGE_INTEGRITY.code()) {
      throw new IllegalStateException(
          "MESSAGE-INTEGRITY-SHA256 behind " + AttributeType.nameOf(stage));
    }
    stage = AttributeType.MESSAGE_INTEGRITY_SHA256.code();
    int end = out.position();
    ByteBuffer hmac =
        key.sha256(out, start, end, end + 4 + length - start - StunMessage.HEADER_LENGTH);
    return putIntegrity(hmac, length);
  }

  private StunBuilder putIntegrity(ByteBuffer hmac, int length) {
    int at = header(stage);
    for (int i = 0; i < length; i += 4) {
      out.putInt(hmac.getInt(i));
    }
    return close(at);
  }

  /** Adds FINGERPRINT (RFC 8489 14.7). Nothing may follow. */
  public StunBuilder fingerprint() {
    if (stage == AttributeType.FINGERPRINT.code()) {
      throw new IllegalStateException("FINGERPRINT behind FINGERPRINT");
    }
    stage = AttributeType.FINGERPRINT.code();
    int end = out.position();
    setLength(end + 8 - start - StunMessage.HEADER_LENGTH);
    int crc = StunMessage.fingerprint(out, start, end);
    header(stage);
    out.putInt(crc);
    return close(end + 4);
  }

  private void setLength(int length) {
    if (length > 0xFFFC) {
      throw new IllegalStateException("a message of " + length + " bytes: at most 65532 fit");
    }
    out.putShort(start + 2, (short) length);
  }

  /** Ends the message: {@code out} now reaches from its first byte to its last. */
  public ByteBuffer finish() {
    setLength(out.position() - start - StunMessage.HEADER_LENGTH);
    return out.limit(out.position()).position(start);
  }
}

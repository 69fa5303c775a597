package dev.frazil.stun;

import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * A STUN message (RFC 8489 5): a view over bytes that were validated once. It holds no object per attribute and is good
 * as long as the bytes stay as they are, in a machine that is for the call; {@link #copy} makes one to keep.
 *
 * <p>Of a repeated attribute the first counts. Attributes behind MESSAGE-INTEGRITY are not seen, except
 * MESSAGE-INTEGRITY-SHA256 and FINGERPRINT; behind MESSAGE-INTEGRITY-SHA256 only FINGERPRINT is (RFC 8489 14.5, 14.6).
 */
public final class StunMessage {
  /** The length of the header in bytes. */
  public static final int HEADER_LENGTH = 20;

  static final int MAGIC_COOKIE = 0x2112A442;
  static final int FINGERPRINT_XOR = 0x5354554E;
  private static final int[] NONE = {};

  private final ByteBuffer bytes;
  private final int length;
  private int visibleEnd;
  private int integrityAt;
  private int sha256At;
  private int fingerprintAt;

  private StunMessage(ByteBuffer bytes) {
    this.bytes = bytes;
    this.length = bytes.limit();
  }

  /**
   * Reads the message that the buffer holds from position to limit, neither more nor less. The position stays.
   *
   * @return null for anything but a well-formed STUN message: two zero bits, the magic cookie, a length that fits and
   *     attributes that end within it
   */
  public static @Nullable StunMessage tryParse(ByteBuffer datagram) {
    return hasHeader(datagram, true) ? scanned(datagram) : null;
  }

  /** Reads a message of RFC 3489: any 16 bytes are a transaction ID there. */
  static @Nullable StunMessage tryParseClassic(ByteBuffer datagram) {
    return hasHeader(datagram, false) ? scanned(datagram) : null;
  }

  private static @Nullable StunMessage scanned(ByteBuffer datagram) {
    StunMessage message =
        new StunMessage(datagram.slice()); // big-endian, whatever the datagram's order
    return message.scan() ? message : null;
  }

  private static boolean hasHeader(ByteBuffer datagram, boolean withCookie) {
    int at = datagram.position();
    int size = datagram.limit() - at;
    if (size < HEADER_LENGTH || (datagram.get(at) & 0xC0) != 0) {
      return false;
    }
    boolean big = datagram.order() == ByteOrder.BIG_ENDIAN;
    int cookie = datagram.getInt(at + 4);
    int length = (datagram.get(at + 2) & 0xFF) << 8 | datagram.get(at + 3) & 0xFF;
    boolean hasCookie = (big ? cookie : Integer.reverseBytes(cookie)) == MAGIC_COOKIE;
    return hasCookie == withCookie && (length & 3) == 0 && length == size - HEADER_LENGTH;
  }

  /** Walks the attributes once: whether all lie within the message. Remembers where the special ones are. */
  private boolean scan() {
    int at = HEADER_LENGTH;
    while (at < length) {
      int header = bytes.getInt(at); // the length is a multiple of 4: there are 4 bytes
      int type = header >>> 16;
      int next = at + 4 + (header & 0xFFFF) + 3 & ~3;
      if (next > length) {
        return false;
      }
      if (type == AttributeType.FINGERPRINT.code()) {
        if (next == length && (header & 0xFFFF) == 4) {
          fingerprintAt = at; // RFC 8489 14.7: it counts as the last attribute only
        }
      } else if (sha256At == 0 && type == AttributeType.MESSAGE_INTEGRITY_SHA256.code()) {
        sha256At = at;
      } else if (sha256At == 0
          && integrityAt == 0
          && type == AttributeType.MESSAGE_INTEGRITY.code()) {
        integrityAt = at;
      }
      at = next;
    }
    visibleEnd = integrityAt != 0 ? integrityAt : sha256At != 0 ? sha256At : length;
    return true;
  }

  /** The method, 12 bits; {@link Method} names them. */
  public int method() {
    return MessageClass.methodOf(bytes.getShort(0));
  }

  /** The class. */
  public MessageClass messageClass() {
    return MessageClass.ofType(bytes.getShort(0));
  }

  /** The transaction ID. */
  public TransactionId transactionId() {
    return new TransactionId(bytes.getInt(8), bytes.getLong(12));
  }

  /** The word behind the length: the magic cookie, but in a message of RFC 3489. */
  int cookie() {
    return bytes.getInt(4);
  }

  /** Whether this is a message of a class and method. */
  public boolean is(MessageClass messageClass, int method) {
    return bytes.getShort(0) == messageClass.typeOf(method);
  }

  /** Whether the attribute is there, malformed or not. */
  public boolean has(AttributeType<?> type) {
    return find(type.code()) != 0;
  }

  /** Whether the attribute is there, but its value can't be read. */
  public boolean isMalformed(AttributeType<?> type) {
    int at = find(type.code());
    return at != 0 && !type.codec.isReadable(bytes, at + 4, lengthAt(at));
  }

  /** The attribute's value; null when it is absent or malformed. An address is taken to be of UDP. */
  public <T> @Nullable T get(AttributeType<T> type) {
    int at = find(type.code());
    return at == 0 ? null : type.codec.read(bytes, at + 4, lengthAt(at));
  }

  /** An address attribute's value, of a transport protocol that the wire does not tell. */
  public @Nullable TransportAddress get(AttributeType<TransportAddress> type, Transport transport) {
    int at = find(type.code());
    return at == 0
        ? null
        : ((ValueCodecs.OfAddress) type.codec).read(bytes, at + 4, lengthAt(at), transport);
  }

  /** The attribute's value without boxing; {@code ifAbsent} when it is absent or malformed. */
  public int intValue(AttributeType<Integer> type, int ifAbsent) {
    int at = find(type.code());
    return at != 0 && type.codec.isReadable(bytes, at + 4, lengthAt(at))
        ? ((ValueCodecs.OfInteger) type.codec).readInt(bytes, at + 4)
        : ifAbsent;
  }

  /** The attribute's value without boxing; {@code ifAbsent} when it is absent or malformed. */
  public long longValue(AttributeType<Long> type, long ifAbsent) {
    int at = find(type.code());
    return at != 0 && lengthAt(at) == 8 ? bytes.getLong(at + 4) : ifAbsent;
  }

  /** The values of an attribute that may be repeated, in order, without malformed ones. */
  public <T> List<T> all(AttributeType<T> type) {
    List<T> values = new ArrayList<>();
    for (int at = find(type.code()); at != 0 && at < visibleEnd; at = find(type.code(), next(at))) {
      T value = type.codec.read(bytes, at + 4, lengthAt(at));
      if (value != null) {
        values.add(value);
      }
    }
    return values;
  }

  /** Whether there is a MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256. */
  public boolean hasIntegrity() {
    return integrityAt != 0 || sha256At != 0;
  }

  /**
   * Whether the message was made with this key: by MESSAGE-INTEGRITY-SHA256, untruncated, when present, else by
   * MESSAGE-INTEGRITY. Takes the same time wherever the first difference is.
   */
  public boolean verifyIntegrity(IntegrityKey key) {
    return verifyIntegrity(key, IntegrityKey.SHA256_LENGTH);
  }

  /** The same for a usage that allows a truncated MESSAGE-INTEGRITY-SHA256 of at least so many bytes (16 to 32). */
  public boolean verifyIntegrity(IntegrityKey key, int minimumSha256Length) {
    int at = sha256At != 0 ? sha256At : integrityAt;
    if (at == 0) {
      return false;
    }
    int size = lengthAt(at);
    int said = next(at) - HEADER_LENGTH;
    if (sha256At == 0) {
      return size == IntegrityKey.SHA1_LENGTH
          && isEqual(key.sha1(bytes, 0, at, said), bytes, at + 4, size);
    }
    boolean sizeIsRight = size >= Math.max(16, minimumSha256Length)
        && size <= IntegrityKey.SHA256_LENGTH
        && size % 4 == 0;
    return sizeIsRight && isEqual(key.sha256(bytes, 0, at, said), bytes, at + 4, size);
  }

  /** Reads all of both, wherever the first difference is: the time tells nothing (RFC 8489 16). */
  static boolean isEqual(ByteBuffer expected, ByteBuffer bytes, int at, int size) {
    int difference = 0;
    for (int i = 0; i < size; i += 4) {
      difference |= expected.getInt(i) ^ bytes.getInt(at + i);
    }
    return difference == 0;
  }

  /** Whether the last attribute is a FINGERPRINT, right or wrong. */
  public boolean hasFingerprint() {
    return fingerprintAt != 0;
  }

  /** Whether the last attribute is a FINGERPRINT and fits the bytes before it (RFC 8489 14.7). */
  public boolean hasValidFingerprint() {
    return fingerprintAt != 0
        && bytes.getInt(fingerprintAt + 4) == fingerprint(bytes, 0, fingerprintAt);
  }

  /** The FINGERPRINT of the bytes from {@code start} to {@code end}. */
  static int fingerprint(ByteBuffer message, int start, int end) {
    CRC32 crc = new CRC32();
    if (message.hasArray()) {
      crc.update(message.array(), message.arrayOffset() + start, end - start);
    } else {
      int position = message.position();
      int limit = message.limit();
      crc.update(message.limit(end).position(start));
      message.limit(limit).position(position);
    }
    return (int) crc.getValue() ^ FINGERPRINT_XOR;
  }

  /**
   * The codes of the comprehension-required attributes (RFC 8489 14) that are not in the given set; empty when there are
   * none.
   */
  public int[] unknownRequired(AttributeSet understood) {
    int count = 0;
    for (int at = HEADER_LENGTH; at < visibleEnd; at = next(at)) {
      count += isUnknownRequired(at, understood) ? 1 : 0;
    }
    if (count == 0) {
      return NONE;
    }
    int[] codes = new int[count];
    for (int at = HEADER_LENGTH, i = 0; i < count; at = next(at)) {
      if (isUnknownRequired(at, understood)) {
        codes[i++] = typeAt(at);
      }
    }
    return codes;
  }

  private boolean isUnknownRequired(int at, AttributeSet understood) {
    int type = typeAt(at);
    return AttributeType.isComprehensionRequired(type) && !understood.contains(type);
  }

  /**
   * Puts another value into the TRANSACTION-TRANSMIT-COUNTER of a finished message (RFC 7982), and makes integrity and
   * FINGERPRINT right again.
   *
   * @param key what the message was signed with, if it was
   */
  static void count(ByteBuffer bytes, int counter, @Nullable IntegrityKey key) {
    StunMessage message = tryParse(bytes);
    int at = message == null ? 0 : message.find(AttributeType.TRANSACTION_TRANSMIT_COUNTER.code());
    if (message == null || at == 0) {
      throw new IllegalStateException(
          "a message without " + AttributeType.TRANSACTION_TRANSMIT_COUNTER);
    }
    ByteBuffer own = message.bytes;
    own.putInt(at + 4, counter);
    if (key != null && message.integrityAt != 0) {
      int sha1At = message.integrityAt;
      ByteBuffer hmac = key.sha1(own, 0, sha1At, message.next(sha1At) - HEADER_LENGTH);
      own.put(sha1At + 4, hmac, 0, message.lengthAt(sha1At));
    }
    if (key != null && message.sha256At != 0) {
      int at256 = message.sha256At;
      ByteBuffer hmac = key.sha256(own, 0, at256, message.next(at256) - HEADER_LENGTH);
      own.put(at256 + 4, hmac, 0, message.lengthAt(at256));
    }
    if (message.fingerprintAt != 0) {
      own.putInt(message.fingerprintAt + 4, fingerprint(own, 0, message.fingerprintAt));
    }
  }

  /** The same message over bytes of its own. */
  public StunMessage copy() {
    ByteBuffer own = ByteBuffer.allocate(length);
    own.put(0, bytes, 0, length);
    StunMessage copy = new StunMessage(own);
    copy.visibleEnd = visibleEnd;
    copy.integrityAt = integrityAt;
    copy.sha256At = sha256At;
    copy.fingerprintAt = fingerprintAt;
    return copy;
  }

  /** The whole message, read-only. */
  public ByteBuffer bytes() {
    return bytes.asReadOnlyBuffer();
  }

  private int find(int code) {
    if (code == AttributeType.MESSAGE_INTEGRITY.code()) {
      return integrityAt;
    }
    if (code == AttributeType.MESSAGE_INTEGRITY_SHA256.code()) {
      return sha256At;
    }
    return code == AttributeType.FINGERPRINT.code() ? fingerprintAt : find(code, HEADER_LENGTH);
  }

  /** Where the first attribute of this code starts, from {@code at} on; 0 when there is none. */
  private int find(int code, int at) {
    while (at < visibleEnd) {
      int header = bytes.getInt(at);
      if (header >>> 16 == code) {
        return at;
      }
      at += 4 + (header & 0xFFFF) + 3 & ~3;
    }
    return 0;
  }

  private int typeAt(int at) {
    return bytes.getShort(at) & 0xFFFF;
  }

  private int lengthAt(int at) {
    return bytes.getShort(at + 2) & 0xFFFF;
  }

  private int next(int at) {
    return at + 4 + lengthAt(at) + 3 & ~3;
  }

  /** Class, method, transaction ID and the names of the attributes; no values, so no secret. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(Method.name(method())).append(' ');
    text.append(messageClass().name().toLowerCase(Locale.ROOT)).append(' ').append(transactionId());
    for (int at = HEADER_LENGTH; at < length; at = next(at)) {
      text.append(' ').append(AttributeType.nameOf(typeAt(at)));
    }
    return text.toString();
  }
}

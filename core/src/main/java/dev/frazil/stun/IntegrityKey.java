package dev.frazil.stun;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The key of MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256, derived from a credential once.
 *
 * <p>It keeps the running state of its HMACs, so it belongs to one owner, like the machine that uses it.
 */
public final class IntegrityKey {
  static final int SHA1_LENGTH = 20;
  static final int SHA256_LENGTH = 32;

  private final byte[] key;
  private final ByteBuffer result = ByteBuffer.allocate(SHA256_LENGTH);
  private byte[] scratch = new byte[256];
  private @Nullable Hmac sha1;
  private @Nullable Hmac sha256;

  private IntegrityKey(byte[] key) {
    this.key = key;
  }

  /**
   * The key of a short-term credential (RFC 8489 9.1.1).
   *
   * @throws IllegalArgumentException when the password is no OpaqueString (RFC 8265 4)
   */
  public static IntegrityKey shortTerm(String password) {
    return new IntegrityKey(OpaqueString.enforce("password", password).getBytes(UTF_8));
  }

  /**
   * The key of a long-term credential (RFC 8489 9.2.2).
   *
   * @throws IllegalArgumentException when a text is no OpaqueString (RFC 8265 4), or the algorithm is not one of those
   *     registered
   */
  public static IntegrityKey longTerm(
      String username, String realm, String password, PasswordAlgorithm algorithm) {
    if (!algorithm.isSupported()) {
      throw new IllegalArgumentException("password algorithm " + algorithm + " is not supported");
    }
    String text = OpaqueString.enforce("username", username) + ":"
        + OpaqueString.enforce("realm", realm) + ":" + OpaqueString.enforce("password", password);
    return new IntegrityKey(
        digest(algorithm.equals(PasswordAlgorithm.MD5) ? "MD5" : "SHA-256", text));
  }

  /** A key that was derived elsewhere, as the databases of TURN servers hold them. */
  public static IntegrityKey ofBytes(byte[] key) {
    return new IntegrityKey(key.clone());
  }

  static byte[] digest(String algorithm, String text) {
    return Hmac.newDigest(algorithm).digest(text.getBytes(UTF_8));
  }

  /**
   * The HMAC-SHA1 of a message up to {@code end}, as if its length field said {@code length}; to be read from index 0,
   * good until the next call.
   */
  ByteBuffer sha1(ByteBuffer message, int start, int end, int length) {
    if (sha1 == null) {
      sha1 = new Hmac("SHA-1", key);
    }
    return compute(sha1, message, start, end, length);
  }

  /** The same with HMAC-SHA256. */
  ByteBuffer sha256(ByteBuffer message, int start, int end, int length) {
    if (sha256 == null) {
      sha256 = new Hmac("SHA-256", key);
    }
    return compute(sha256, message, start, end, length);
  }

  private ByteBuffer compute(Hmac hmac, ByteBuffer message, int start, int end, int length) {
    int size = end - start;
    if (scratch.length < size) {
      scratch = new byte[Math.max(size, 2 * scratch.length)];
    }
    message.get(start, scratch, 0, size);
    scratch[2] = (byte) (length >> 8);
    scratch[3] = (byte) length;
    hmac.compute(scratch, size, result.array());
    return result;
  }

  /** Hides the key. */
  @Override
  public String toString() {
    return "IntegrityKey";
  }
}

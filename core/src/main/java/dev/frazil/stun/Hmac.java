package dev.frazil.stun;

import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;

/**
 * An HMAC (RFC 2104) with one key, for one owner.
 *
 * <p>Both digests have taken in the padded key once; a message starts from copies of them. A {@code Mac} would take it
 * in again for each message, which makes it a third slower on messages as short as these.
 */
final class Hmac {
  private static final int BLOCK = 64; // of SHA-1 and SHA-256 alike
  private static final byte INNER_PAD = 0x36;
  private static final byte OUTER_PAD = 0x5C;

  private final MessageDigest inner;
  private final MessageDigest outer;

  Hmac(String digest, byte[] key) {
    byte[] shortKey = key.length > BLOCK ? newDigest(digest).digest(key) : key;
    inner = keyed(digest, shortKey, INNER_PAD);
    outer = keyed(digest, shortKey, OUTER_PAD);
  }

  private static MessageDigest keyed(String algorithm, byte[] key, byte pad) {
    byte[] block = Arrays.copyOf(key, BLOCK);
    for (int i = 0; i < BLOCK; i++) {
      block[i] ^= pad;
    }
    MessageDigest digest = newDigest(algorithm);
    digest.update(block);
    return digest;
  }

  static MessageDigest newDigest(String algorithm) {
    try {
      return MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(algorithm + " is missing from this Java runtime", e);
    }
  }

  /** Writes the HMAC of the first {@code length} bytes of {@code message} to the start of {@code out}. */
  void compute(byte[] message, int length, byte[] out) {
    try {
      MessageDigest digest = (MessageDigest) inner.clone();
      digest.update(message, 0, length);
      int size = digest.digest(out, 0, out.length);
      digest = (MessageDigest) outer.clone();
      digest.update(out, 0, size);
      digest.digest(out, 0, out.length);
    } catch (CloneNotSupportedException | DigestException e) {
      throw new IllegalStateException(
          inner.getProvider() + " can't copy " + inner.getAlgorithm(), e);
    }
  }
}

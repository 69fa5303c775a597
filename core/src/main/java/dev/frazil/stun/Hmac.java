package dev.frazil.stun;

import java.security.GeneralSecurityException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** An HMAC with one key, reusable by one owner. */
final class Hmac {
  private final Mac mac;

  Hmac(String algorithm, byte[] key) {
    try {
      mac = Mac.getInstance(algorithm);
      mac.init(new SecretKeySpec(
          key.length == 0 ? new byte[1] : key, algorithm)); // a zero pads a key: same HMAC
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(algorithm + " is missing from this Java runtime", e);
    }
  }

  void update(byte[] bytes, int from, int length) {
    mac.update(bytes, from, length);
  }

  /** Writes the result to the start of {@code out} and is ready for the next message. */
  void finish(byte[] out) {
    try {
      mac.doFinal(out, 0);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}

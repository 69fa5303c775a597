package dev.frazil.stun;

import java.nio.ByteBuffer;

/**
 * How a long-term credential becomes a key (RFC 8489 14.11, 18.5.1).
 *
 * @param code the registered number, 16 bits
 * @param parameters the algorithm's parameters, a read-only buffer; none for those registered so far
 */
public record PasswordAlgorithm(int code, ByteBuffer parameters) {
  private static final ByteBuffer NONE = ByteBuffer.allocate(0).asReadOnlyBuffer();

  /** 0x0001: MD5 of username, realm and password. */
  public static final PasswordAlgorithm MD5 = new PasswordAlgorithm(1, NONE);
  /** 0x0002: SHA-256 of username, realm and password. */
  public static final PasswordAlgorithm SHA_256 = new PasswordAlgorithm(2, NONE);

  public PasswordAlgorithm {
    if (code < 0 || code > 0xFFFF) {
      throw new IllegalArgumentException("a password algorithm is 0 to 65535, not " + code);
    }
    byte[] kept = new byte[parameters.remaining()];
    parameters.get(parameters.position(), kept);
    parameters = ByteBuffer.wrap(kept).asReadOnlyBuffer();
  }

  @Override
  public ByteBuffer parameters() {
    return parameters.duplicate(); // its position is the caller's own
  }

  /** Whether Frazil can derive a key with it. */
  boolean isSupported() {
    return (code == 1 || code == 2) && !parameters.hasRemaining();
  }

  @Override
  public String toString() {
    return code == 1 ? "MD5" : code == 2 ? "SHA-256" : String.format("0x%04X", code);
  }
}

package dev.frazil.stun;

import java.util.HexFormat;
import java.util.random.RandomGenerator;

/**
 * The 96-bit transaction ID of a STUN message (RFC 8489 5).
 *
 * @param high the first 32 bits
 * @param low the other 64 bits
 */
public record TransactionId(int high, long low) {
  /** A new ID. RFC 8489 5 wants it uniformly random, and cryptographically so: that is up to the generator. */
  public static TransactionId random(RandomGenerator random) {
    return new TransactionId(random.nextInt(), random.nextLong());
  }

  /** 24 hexadecimal digits. */
  @Override
  public String toString() {
    HexFormat hex = HexFormat.of();
    return hex.toHexDigits(high) + hex.toHexDigits(low);
  }
}

package dev.frazil.stun;

/** Which integrity attributes a message carries. */
public enum Integrity {
  /** MESSAGE-INTEGRITY: what RFC 5389 knows, and what ICE uses. */
  SHA1,
  /** MESSAGE-INTEGRITY-SHA256. */
  SHA256,
  /** Both, while it is not known which the other side understands. */
  BOTH;

  void seal(StunBuilder builder, IntegrityKey key) {
    if (this != SHA256) {
      builder.integrity(key);
    }
    if (this != SHA1) {
      builder.integritySha256(key);
    }
  }
}

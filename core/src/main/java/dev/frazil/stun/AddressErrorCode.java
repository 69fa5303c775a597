package dev.frazil.stun;

/**
 * The value of ADDRESS-ERROR-CODE (RFC 8656 18.12): why a relayed address of one family could not be had.
 *
 * @param family 1 for IPv4, 2 for IPv6
 * @param error the reason
 */
public record AddressErrorCode(int family, ErrorCode error) {
  public AddressErrorCode {
    if (family != 1 && family != 2) {
      throw new IllegalArgumentException("an address family is 1 or 2, not " + family);
    }
  }
}

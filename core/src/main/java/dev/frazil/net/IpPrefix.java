package dev.frazil.net;

/**
 * A range of addresses of one family: all that begin with the same bits.
 *
 * @param address the first of them: zero behind the prefix, without a scope
 * @param length of the prefix, 0 to 32 bits for IPv4, 0 to 128 for IPv6
 */
public record IpPrefix(IpAddress address, int length) {
  private static final int IPV4_BITS = 32;
  private static final int IPV6_BITS = 128;

  public IpPrefix {
    if (length < 0 || length > bits(address) || address.scopeId() != 0) {
      throw new IllegalArgumentException(
          "a prefix has 0 to 32 bits for IPv4, 0 to 128 for IPv6, and no scope");
    }
    if (!isZeroBehind(address, length)) {
      throw new IllegalArgumentException("the address has bits behind its prefix");
    }
  }

  /**
   * Reads {@code 10.0.0.0/8} or {@code fc00::/7}, or one address.
   *
   * @throws IllegalArgumentException saying the rule
   */
  public static IpPrefix parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 0) {
      IpAddress one = IpAddress.parse(text);
      return new IpPrefix(one, bits(one));
    }
    return new IpPrefix(
        IpAddress.parse(text.substring(0, slash)), length(text.substring(slash + 1)));
  }

  private static int length(String text) {
    if (text.isEmpty() || text.length() > 3 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw new IllegalArgumentException("'" + text + "' is no prefix length");
    }
    return Integer.parseInt(text);
  }

  private static int bits(IpAddress ip) {
    return ip.isIpv4() ? IPV4_BITS : IPV6_BITS;
  }

  private static boolean isZeroBehind(IpAddress ip, int length) {
    if (ip.isIpv4()) {
      return length == 32 || ip.low() << 32 + length == 0;
    }
    return length <= 64
        ? (length == 64 || ip.high() << length == 0) && ip.low() == 0
        : length == 128 || ip.low() << length - 64 == 0;
  }

  /** Whether an address is in the range, whatever its scope. */
  public boolean contains(IpAddress ip) {
    return ip.isIn(address, length);
  }

  /** {@code 10.0.0.0/8}. */
  @Override
  public String toString() {
    return address + "/" + length;
  }
}

package dev.frazil.testkit;

import dev.frazil.net.IpAddress;

/**
 * An IP address with the length of its prefix: a network, or an interface's address within its network.
 *
 * @param address an address of the network; bits behind the prefix are kept
 * @param length the number of leading bits that all addresses of the network share: 0 to 32 or 0 to 128
 */
public record IpPrefix(IpAddress address, int length) {
  /** Checks the length against the family. */
  public IpPrefix {
    if (length < 0 || length > (address.isIpv4() ? 32 : 128)) {
      throw new IllegalArgumentException("prefix length of " + address + ": 0 to "
          + (address.isIpv4() ? 32 : 128) + ", not " + length);
    }
  }

  /**
   * Reads {@code 192.168.1.10/24} or {@code 2001:db8::/32}. Without a slash the length is that of a usual local
   * network: 24 for IPv4, 64 for IPv6.
   *
   * @throws IllegalArgumentException when the text is no address or the length out of range
   */
  public static IpPrefix parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 0) {
      IpAddress address = IpAddress.parse(text);
      return new IpPrefix(address, address.isIpv4() ? 24 : 64);
    }
    String length = text.substring(slash + 1);
    if (!length.matches("\\d{1,3}")) {
      throw new IllegalArgumentException(
          "not a prefix length: \"" + length + "\" in \"" + text + "\"");
    }
    return new IpPrefix(IpAddress.parse(text.substring(0, slash)), Integer.parseInt(length));
  }

  /** Whether the address shares this prefix. */
  public boolean contains(IpAddress ip) {
    return ip.isIn(address, length);
  }

  /** The same network with all bits behind the prefix cleared. */
  public IpPrefix network() {
    if (address.isIpv4()) {
      long mask = length == 0 ? 0 : -1L << 32 - length;
      return new IpPrefix(IpAddress.ofIpv4((int) (address.low() & mask)), length);
    }
    long high = length == 0 ? 0 : length >= 64 ? -1 : -1L << 64 - length;
    long low = length <= 64 ? 0 : -1L << 128 - length;
    return new IpPrefix(IpAddress.ofIpv6(address.high() & high, address.low() & low), length);
  }

  /** {@code 192.168.1.10/24}. */
  @Override
  public String toString() {
    return address + "/" + length;
  }
}

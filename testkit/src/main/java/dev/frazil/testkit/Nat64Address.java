package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import org.jspecify.annotations.Nullable;

/** IPv4 addresses within IPv6 addresses (RFC 6052 2.2). */
final class Nat64Address {
  private Nat64Address() {}

  static void check(IpPrefix prefix) {
    boolean known = switch (prefix.length()) {
      case 32, 40, 48, 56, 64, 96 -> true;
      default -> false;
    };
    if (!known || prefix.address().isIpv4()) {
      throw new IllegalArgumentException(
          "NAT64 prefix: IPv6 and /32, /40, /48, /56, /64 or /96, not " + prefix);
    }
  }

  static IpAddress embed(IpPrefix prefix, IpAddress ipv4) {
    byte[] bytes = prefix.network().address().toBytes();
    byte[] embedded = ipv4.toBytes();
    int at = prefix.length() / 8;
    for (byte octet : embedded) {
      at = at == 8 ? 9 : at; // bits 64 to 71 stay zero
      bytes[at++] = octet;
    }
    return IpAddress.of(bytes);
  }

  /** The IPv4 address in an IPv6 address with this prefix, or null when it has another prefix. */
  static @Nullable IpAddress extract(IpPrefix prefix, IpAddress ipv6) {
    if (!prefix.contains(ipv6)) {
      return null;
    }
    byte[] bytes = ipv6.toBytes();
    byte[] embedded = new byte[4];
    int at = prefix.length() / 8;
    for (int i = 0; i < 4; i++) {
      at = at == 8 ? 9 : at;
      embedded[i] = bytes[at++];
    }
    return IpAddress.of(embedded);
  }
}

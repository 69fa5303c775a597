package dev.frazil.ice;

import dev.frazil.net.IpAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The prefix by which a NAT64 reaches IPv4 (RFC 6052), as RFC 7050 discovers it.
 *
 * @param prefix the prefix, zero behind it
 * @param length 32, 40, 48, 56, 64 or 96 bits
 */
record Nat64(IpAddress prefix, int length) {
  /** The name that has only these two IPv4 addresses (RFC 7050 2.2). */
  static final String WELL_KNOWN_NAME = "ipv4only.arpa";

  private static final List<IpAddress> WELL_KNOWN =
      List.of(IpAddress.parse("192.0.0.170"), IpAddress.parse("192.0.0.171"));
  private static final int[] LENGTHS = {96, 64, 56, 48, 40, 32};

  /** The prefix in an answer for the well-known name; null when there is none. */
  static @Nullable Nat64 discover(List<IpAddress> answers) {
    for (IpAddress answer : answers) {
      for (int length : LENGTHS) {
        if (answer.isIpv6() && WELL_KNOWN.contains(embedded(answer, length))) {
          byte[] prefix = answer.toBytes();
          for (int i = length / 8; i < 16; i++) {
            prefix[i] = 0;
          }
          return new Nat64(IpAddress.of(prefix), length);
        }
      }
    }
    return null;
  }

  /** The IPv6 address under which the NAT64 reaches an IPv4 address. */
  IpAddress synthesize(IpAddress ipv4) {
    byte[] address = prefix.toBytes();
    byte[] bytes = ipv4.toBytes();
    for (int i = 0, at = length / 8; i < 4; i++, at++) {
      at += at == 8 ? 1 : 0; // RFC 6052 2.2: bits 64 to 71 are zero
      address[at] = bytes[i];
    }
    return IpAddress.of(address);
  }

  private static IpAddress embedded(IpAddress address, int length) {
    byte[] bytes = address.toBytes();
    byte[] ipv4 = new byte[4];
    for (int i = 0, at = length / 8; i < 4; i++, at++) {
      at += at == 8 ? 1 : 0;
      ipv4[i] = bytes[at];
    }
    return IpAddress.of(ipv4);
  }
}

package dev.frazil.net;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The prefix by which a NAT64 reaches IPv4 (RFC 6052), as RFC 7050 discovers it.
 *
 * @param prefix an IPv6 address, zero behind the prefix and in bits 64 to 71 (RFC 6052 2.2)
 * @param length 32, 40, 48, 56, 64 or 96 bits
 */
public record Nat64Prefix(IpAddress prefix, int length) {
  /** The name that has only two IPv4 addresses, known to everybody (RFC 7050 2.2). */
  public static final String WELL_KNOWN_NAME = "ipv4only.arpa";

  private static final List<IpAddress> WELL_KNOWN =
      List.of(IpAddress.parse("192.0.0.170"), IpAddress.parse("192.0.0.171"));
  private static final List<Integer> LENGTHS = List.of(96, 64, 56, 48, 40, 32);
  /** RFC 6052 2.2: bits 64 to 71 stay zero, whatever the length. */
  private static final int RESERVED_BYTE = 8;

  public Nat64Prefix {
    if (!LENGTHS.contains(length)) {
      throw new IllegalArgumentException(
          "NAT64 prefix length " + length + ": must be 32, 40, 48, 56, 64 or 96 (RFC 6052 2.2)");
    }
    byte[] bytes = prefix.toBytes();
    if (bytes.length != 16 || bytes[RESERVED_BYTE] != 0 || !isZero(bytes, length / 8)) {
      throw new IllegalArgumentException("NAT64 prefix " + prefix + "/" + length
          + ": must be IPv6, zero in bits 64 to 71 and behind its length (RFC 6052 2.2)");
    }
  }

  private static boolean isZero(byte[] bytes, int from) {
    for (int i = from; i < bytes.length; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }

  /** The prefix in the addresses of the well-known name; null when there is none (RFC 7050 3). */
  public static @Nullable Nat64Prefix discover(List<IpAddress> answers) {
    for (IpAddress answer : answers) {
      for (int length : LENGTHS) {
        if (answer.isIpv6()
            && answer.toBytes()[RESERVED_BYTE] == 0
            && holdsWellKnown(answer, length)) {
          return new Nat64Prefix(prefixOf(answer, length), length);
        }
      }
    }
    return null;
  }

  private static boolean holdsWellKnown(IpAddress address, int length) {
    return WELL_KNOWN.contains(embedded(address.toBytes(), length));
  }

  private static IpAddress embedded(byte[] bytes, int length) {
    byte[] ipv4 = new byte[4];
    int at = length / 8;
    for (int i = 0; i < 4; i++) {
      at += at == RESERVED_BYTE ? 1 : 0;
      ipv4[i] = bytes[at++];
    }
    return IpAddress.of(ipv4);
  }

  private static IpAddress prefixOf(IpAddress address, int length) {
    byte[] bytes = address.toBytes();
    Arrays.fill(bytes, length / 8, bytes.length, (byte) 0);
    return IpAddress.of(bytes);
  }

  /** The IPv6 address under which the NAT64 reaches an IPv4 address. */
  public IpAddress synthesize(IpAddress ipv4) {
    byte[] address = prefix.toBytes();
    int at = length / 8;
    for (byte octet : ipv4.toBytes()) {
      at += at == RESERVED_BYTE ? 1 : 0;
      address[at++] = octet;
    }
    return IpAddress.of(address);
  }

  /** The IPv4 address that an IPv6 address of this prefix reaches; null when it is of another. */
  public @Nullable IpAddress extract(IpAddress ipv6) {
    return ipv6.isIpv6() && ipv6.isIn(prefix, length) ? embedded(ipv6.toBytes(), length) : null;
  }
}

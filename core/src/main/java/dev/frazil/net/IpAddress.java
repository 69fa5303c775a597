package dev.frazil.net;

import java.nio.ByteBuffer;

/**
 * An IPv4 or IPv6 address, as a value. Unlike {@code InetAddress} it keeps IPv4-mapped IPv6 addresses apart from IPv4
 * ones, compares scopes, and never asks a name server.
 *
 * @param family 4 or 6
 * @param high the upper 64 bits of an IPv6 address; 0 for IPv4
 * @param low the lower 64 bits of an IPv6 address; the 32 bits of an IPv4 address
 * @param scopeId the index of the interface that an IPv6 link-local address belongs to, else 0
 */
public record IpAddress(int family, long high, long low, int scopeId)
    implements Comparable<IpAddress> {
  /** 0.0.0.0. */
  public static final IpAddress ANY4 = ofIpv4(0);
  /** ::. */
  public static final IpAddress ANY6 = ofIpv6(0, 0);

  public IpAddress {
    if (family == 4 ? high != 0 || low >>> 32 != 0 || scopeId != 0 : family != 6 || scopeId < 0) {
      throw new IllegalArgumentException("not an IP address: family " + family);
    }
  }

  /** The IPv4 address with these 32 bits, the first octet uppermost. */
  public static IpAddress ofIpv4(int bits) {
    return new IpAddress(4, 0, bits & 0xFFFF_FFFFL, 0);
  }

  /** The IPv6 address with these 128 bits and no scope. */
  public static IpAddress ofIpv6(long high, long low) {
    return new IpAddress(6, high, low, 0);
  }

  /** The address with these 4 or 16 bytes; an IPv4-mapped IPv6 address stays one. */
  public static IpAddress of(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return switch (bytes.length) {
      case 4 -> ofIpv4(buffer.getInt());
      case 16 -> ofIpv6(buffer.getLong(), buffer.getLong());
      default ->
        throw new IllegalArgumentException("an IP address has 4 or 16 bytes, not " + bytes.length);
    };
  }

  /**
   * Reads the text form of an address: dotted IPv4, or IPv6 (RFC 4291 2.2) with an optional numeric {@code %scope}.
   *
   * @throws IllegalArgumentException when the text is no address; names are never looked up
   */
  public static IpAddress parse(String text) {
    return IpAddressText.parse(text);
  }

  /** The 4 or 16 bytes in network order. */
  public byte[] toBytes() {
    return isIpv4()
        ? ByteBuffer.allocate(4).putInt((int) low).array()
        : ByteBuffer.allocate(16).putLong(high).putLong(low).array();
  }

  public boolean isIpv4() {
    return family == 4;
  }

  public boolean isIpv6() {
    return family == 6;
  }

  /** The same address in the scope of an interface. */
  public IpAddress withScopeId(int scope) {
    return new IpAddress(family, high, low, scope);
  }

  /** 0.0.0.0 or ::. */
  public boolean isUnspecified() {
    return high == 0 && low == 0;
  }

  /** 127/8 or ::1. */
  public boolean isLoopback() {
    return isIpv4() ? low >>> 24 == 127 : high == 0 && low == 1;
  }

  /** 169.254/16 or fe80::/10. */
  public boolean isLinkLocal() {
    return isIpv4() ? low >>> 16 == 0xA9FE : high >>> 54 == 0xFE80 >>> 6;
  }

  /** 224/4 or ff00::/8. */
  public boolean isMulticast() {
    return isIpv4() ? low >>> 28 == 0xE : high >>> 56 == 0xFF;
  }

  /** 255.255.255.255. */
  public boolean isBroadcast() {
    return isIpv4() && low == 0xFFFF_FFFFL;
  }

  /** ::ffff:0:0/96. */
  public boolean isIpv4Mapped() {
    return isIpv6() && high == 0 && low >>> 32 == 0xFFFF;
  }

  /** The deprecated ::/96 (RFC 4291 2.5.5.1), without :: and ::1. */
  public boolean isIpv4Compatible() {
    return isIpv6() && high == 0 && low >>> 32 == 0 && low > 1;
  }

  /** The deprecated fec0::/10 (RFC 3879). */
  public boolean isSiteLocal() {
    return isIpv6() && high >>> 54 == 0xFEC0 >>> 6;
  }

  /** Not for the public Internet: RFC 1918, RFC 6598, RFC 4193, link-local or loopback. */
  public boolean isPrivate() {
    if (isLoopback() || isLinkLocal()) {
      return true;
    }
    if (isIpv4()) {
      return low >>> 24 == 10
          || low >>> 20 == 0xAC1
          || low >>> 16 == 0xC0A8
          || low >>> 22 == 0x6440 >>> 6;
    }
    return high >>> 57 == 0xFC >>> 1;
  }

  /** Whether the first {@code length} bits are those of {@code prefix}, an address of the same family. */
  public boolean isIn(IpAddress prefix, int length) {
    if (family != prefix.family) {
      return false;
    }
    if (isIpv4()) {
      return length == 0 || (low ^ prefix.low) >>> (32 - length) == 0;
    }
    if (length <= 64) {
      return length == 0 || (high ^ prefix.high) >>> (64 - length) == 0;
    }
    return high == prefix.high && (low ^ prefix.low) >>> (128 - length) == 0;
  }

  /** IPv4 before IPv6, then by unsigned value, then by scope. */
  @Override
  public int compareTo(IpAddress other) {
    int order = Integer.compare(family, other.family);
    order = order != 0 ? order : Long.compareUnsigned(high, other.high);
    order = order != 0 ? order : Long.compareUnsigned(low, other.low);
    return order != 0 ? order : Integer.compare(scopeId, other.scopeId);
  }

  /** The canonical text (RFC 5952), with {@code %scope} when there is one. */
  @Override
  public String toString() {
    return IpAddressText.format(this);
  }
}

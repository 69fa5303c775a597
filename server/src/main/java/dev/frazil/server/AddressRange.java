package dev.frazil.server;

import dev.frazil.net.IpAddress;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/**
 * A range of addresses from one to another, as coturn writes them; peer rules want prefixes.
 *
 * @param bits 32 or 128, of the family
 */
record AddressRange(int bits, BigInteger first, BigInteger last) {
  private static final int IPV4_BITS = 32;
  private static final int IPV6_BITS = 128;

  /**
   * Reads {@code IP}, {@code IP-IP} or {@code IP/LENGTH}.
   *
   * @throws IllegalArgumentException saying the rule
   */
  static AddressRange parse(String text) {
    int dash = text.indexOf('-');
    int slash = text.indexOf('/');
    if (slash > 0) {
      return prefix(text, text.substring(0, slash), text.substring(slash + 1));
    }
    IpAddress from = IpAddress.parse((dash < 0 ? text : text.substring(0, dash)).strip());
    IpAddress to = dash < 0 ? from : IpAddress.parse(text.substring(dash + 1).strip());
    AddressRange range = new AddressRange(bits(from), number(from), number(to));
    if (from.family() != to.family() || range.first.compareTo(range.last) > 0) {
      throw new IllegalArgumentException(
          "'" + text + "': has to be of one family, the lower address first");
    }
    return range;
  }

  private static AddressRange prefix(String text, String address, String length) {
    IpAddress ip = IpAddress.parse(address.strip());
    int bits = bits(ip);
    int behind = bits - (int) SettingText.number(length.strip(), 0, bits);
    BigInteger first = number(ip);
    if (first.getLowestSetBit() >= 0 && first.getLowestSetBit() < behind) {
      throw new IllegalArgumentException("'" + text + "': the address has bits behind its prefix");
    }
    BigInteger size = BigInteger.ONE.shiftLeft(behind);
    return new AddressRange(bits, first, first.add(size).subtract(BigInteger.ONE));
  }

  private static int bits(IpAddress ip) {
    return ip.isIpv4() ? IPV4_BITS : IPV6_BITS;
  }

  private static BigInteger number(IpAddress ip) {
    return new BigInteger(1, ip.toBytes());
  }

  /** What is left of this range without another. */
  List<AddressRange> without(AddressRange other) {
    if (other.bits != bits || other.last.compareTo(first) < 0 || other.first.compareTo(last) > 0) {
      return List.of(this);
    }
    List<AddressRange> left = new ArrayList<>(2);
    if (first.compareTo(other.first) < 0) {
      left.add(new AddressRange(bits, first, other.first.subtract(BigInteger.ONE)));
    }
    if (other.last.compareTo(last) < 0) {
      left.add(new AddressRange(bits, other.last.add(BigInteger.ONE), last));
    }
    return left;
  }

  /** The fewest prefixes that are this range together. */
  List<String> prefixes() {
    List<String> prefixes = new ArrayList<>();
    BigInteger at = first;
    while (at.compareTo(last) <= 0) {
      int aligned = at.signum() == 0 ? bits : Math.min(bits, at.getLowestSetBit());
      int fits = last.subtract(at).add(BigInteger.ONE).bitLength() - 1;
      int behind = Math.min(aligned, fits);
      prefixes.add(address(at) + "/" + (bits - behind));
      at = at.add(BigInteger.ONE.shiftLeft(behind));
    }
    return prefixes;
  }

  private IpAddress address(BigInteger number) {
    return bits == IPV4_BITS
        ? IpAddress.ofIpv4(number.intValue())
        : IpAddress.ofIpv6(number.shiftRight(64).longValue(), number.longValue());
  }
}

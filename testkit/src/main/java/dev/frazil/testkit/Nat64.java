package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A NAT64 (RFC 6146): it lets the hosts of an IPv6 network reach IPv4 addresses, written within an IPv6 prefix (RFC
 * 6052). Inside, {@link Network#dns64} answers with such addresses.
 */
public final class Nat64 extends Nat {
  /** The prefix that is the same everywhere (RFC 6052 2.1); it stands for public IPv4 addresses only (3.1). */
  public static final IpPrefix WELL_KNOWN_PREFIX = IpPrefix.parse("64:ff9b::/96");

  private final IpPrefix prefix;

  Nat64(
      VirtualInternet net,
      String name,
      Network inner,
      Network outer,
      NatBehavior behavior,
      IpPrefix prefix,
      List<IpAddress> external) {
    super(net, name, inner, outer, behavior, external);
    check(prefix);
    if (external.get(0).isIpv6()) {
      throw new IllegalArgumentException(
          "external addresses of " + name + ": IPv4, not " + external);
    }
    this.prefix = prefix.network();
  }

  /** The IPv6 prefix that IPv4 addresses are written within. */
  public IpPrefix prefix() {
    return prefix;
  }

  @Override
  @Nullable TransportAddress toOutside(TransportAddress remote) {
    IpAddress ipv4 = extract(prefix, remote.ip());
    if (ipv4 == null || ipv4.isPrivate() && prefix.equals(WELL_KNOWN_PREFIX)) {
      return null;
    }
    return new TransportAddress(ipv4, remote.port(), remote.transport());
  }

  @Override
  TransportAddress toInside(TransportAddress remote) {
    return new TransportAddress(embed(prefix, remote.ip()), remote.port(), remote.transport());
  }

  // RFC 6052 2.2, written apart from core's Nat64Prefix on purpose: a mistake there must not go
  // unnoticed here.

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

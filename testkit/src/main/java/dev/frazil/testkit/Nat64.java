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
    Nat64Address.check(prefix);
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
    IpAddress ipv4 = Nat64Address.extract(prefix, remote.ip());
    if (ipv4 == null || ipv4.isPrivate() && prefix.equals(WELL_KNOWN_PREFIX)) {
      return null;
    }
    return new TransportAddress(ipv4, remote.port(), remote.transport());
  }

  @Override
  TransportAddress toInside(TransportAddress remote) {
    return new TransportAddress(
        Nat64Address.embed(prefix, remote.ip()), remote.port(), remote.transport());
  }
}

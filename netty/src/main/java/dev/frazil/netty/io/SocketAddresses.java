package dev.frazil.netty.io;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.io.UncheckedIOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;

/**
 * The way between Java's addresses and ours.
 *
 * <p>A socket that is bound to a link-local address has one link and all its peers are on it. So the scope stands in the
 * local address alone: signalling can't tell a scope, and the peer's address is the same whether told or seen.
 */
public final class SocketAddresses {
  private SocketAddresses() {}

  /** The address, with its scope when it has one. */
  public static IpAddress toIp(InetAddress address) {
    IpAddress ip = IpAddress.of(address.getAddress());
    return address instanceof Inet6Address scoped && scoped.getScopeId() != 0
        ? ip.withScopeId(scoped.getScopeId())
        : ip;
  }

  /** The UDP address, in the given scope. */
  public static TransportAddress toUdp(InetSocketAddress address, int scopeId) {
    return toTransport(address, scopeId, Transport.UDP);
  }

  /** The address of a transport, in the given scope. */
  public static TransportAddress toTransport(
      InetSocketAddress address, int scopeId, Transport transport) {
    IpAddress ip = IpAddress.of(address.getAddress().getAddress());
    return new TransportAddress(
        scopeId == 0 ? ip : ip.withScopeId(scopeId), address.getPort(), transport);
  }

  public static InetAddress toInetAddress(IpAddress ip) {
    try {
      return ip.isIpv4()
          ? InetAddress.getByAddress(ip.toBytes())
          // not InetAddress.getByAddress, which folds IPv4-mapped addresses
          : Inet6Address.getByAddress(null, ip.toBytes(), ip.scopeId() == 0 ? -1 : ip.scopeId());
    } catch (UnknownHostException e) {
      throw new UncheckedIOException(e); // a wrong length, which an IpAddress can't have
    }
  }

  /** The socket address; one that is link-local and tells no scope gets the given one. */
  public static InetSocketAddress toSocketAddress(TransportAddress address, int scopeId) {
    IpAddress ip = address.ip();
    boolean onLink = scopeId != 0 && ip.isIpv6() && ip.isLinkLocal() && ip.scopeId() == 0;
    return new InetSocketAddress(
        toInetAddress(onLink ? ip.withScopeId(scopeId) : ip), address.port());
  }

  /** Whether the host has the address: if not, no other port can be bound there either. */
  public static boolean isHere(InetAddress address) {
    try {
      return NetworkInterface.getByInetAddress(address) != null;
    } catch (SocketException e) {
      return false;
    }
  }
}

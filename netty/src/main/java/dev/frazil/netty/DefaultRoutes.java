package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import dev.frazil.netty.io.SocketAddresses;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.StandardProtocolFamily;
import java.nio.channels.DatagramChannel;
import java.util.HashSet;
import java.util.Set;

/**
 * Asks the routing table which address it picks towards the Internet (RFC 8828 6): a socket bound to the wildcard is
 * connected and tells its local address. Nothing is sent.
 */
final class DefaultRoutes {
  /** a.root-servers.net: well-known, and in no network that is special. */
  private static final IpAddress INTERNET4 = IpAddress.parse("198.41.0.4");

  private static final IpAddress INTERNET6 = IpAddress.parse("2001:503:ba3e::2:30");

  private static final int DNS_PORT = 53;

  private DefaultRoutes() {}

  /** The addresses that the routing table picks, at most one of each family, without scope. */
  static Set<IpAddress> addresses() {
    Set<IpAddress> picked = new HashSet<>();
    pick(StandardProtocolFamily.INET, INTERNET4, picked);
    pick(StandardProtocolFamily.INET6, INTERNET6, picked);
    return picked;
  }

  private static void pick(ProtocolFamily family, IpAddress internet, Set<IpAddress> picked) {
    try (DatagramChannel socket = DatagramChannel.open(family)) {
      socket.connect(new InetSocketAddress(SocketAddresses.toInetAddress(internet), DNS_PORT));
      InetSocketAddress local = (InetSocketAddress) socket.getLocalAddress();
      IpAddress ip = SocketAddresses.toIp(local.getAddress());
      if (!ip.isUnspecified()) {
        picked.add(ip.isIpv6() ? ip.withScopeId(0) : ip);
      }
    } catch (IOException | UnsupportedOperationException e) {
      // no route, or a host without this family
    }
  }
}

package dev.frazil.netty;

import dev.frazil.ice.InterfaceAddress;
import dev.frazil.net.IpAddress;
import dev.frazil.netty.io.SocketAddresses;
import java.io.IOException;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The addresses of the interfaces that are up, as the system tells them. Which are used is decided by the agent. */
final class SystemInterfaces implements InterfaceProvider {
  static final SystemInterfaces INSTANCE = new SystemInterfaces();

  private static final IpAddress TEREDO = IpAddress.parse("2001::");
  private static final IpAddress SIX_TO_FOUR = IpAddress.parse("2002::");

  private SystemInterfaces() {}

  @Override
  public List<InterfaceAddress> addresses() throws IOException {
    Set<IpAddress> routes = DefaultRoutes.addresses();
    Map<IpAddress, Integer> ipv6Flags = Ipv6Flags.read();
    List<InterfaceAddress> addresses = new ArrayList<>();
    for (NetworkInterface network : NetworkInterface.networkInterfaces().toList()) {
      if (isUp(network)) {
        addAddresses(network, routes, ipv6Flags, addresses);
      }
    }
    return List.copyOf(addresses);
  }

  private static boolean isUp(NetworkInterface network) {
    try {
      return network.isUp();
    } catch (SocketException e) {
      return false; // it vanished meanwhile
    }
  }

  private static void addAddresses(
      NetworkInterface network,
      Set<IpAddress> routes,
      Map<IpAddress, Integer> ipv6Flags,
      List<InterfaceAddress> addresses)
      throws SocketException {
    boolean loopback = network.isLoopback();
    for (java.net.InterfaceAddress entry : network.getInterfaceAddresses()) {
      if (entry == null || entry.getAddress() == null) {
        continue; // some systems have addresses without one
      }
      IpAddress ip = SocketAddresses.toIp(entry.getAddress());
      IpAddress scoped = ip.isIpv6() ? ip.withScopeId(network.getIndex()) : ip;
      IpAddress plain = ip.isIpv6() ? ip.withScopeId(0) : ip;
      int flags = ipv6Flags.getOrDefault(scoped, 0);
      if (Ipv6Flags.isUsable(flags)) {
        addresses.add(new InterfaceAddress(
            network.getName(),
            ip.isLinkLocal() ? scoped : plain,
            entry.getNetworkPrefixLength(),
            new InterfaceAddress.Flags(
                loopback || ip.isLoopback(),
                (flags & Ipv6Flags.TEMPORARY) != 0,
                (flags & Ipv6Flags.DEPRECATED) != 0,
                routes.contains(plain),
                isTunnel(plain))));
      }
    }
  }

  /** Teredo (RFC 4380), 6to4 (RFC 3056) and ISATAP (RFC 5214 6.1): IPv6 whose IPv4 way may not work. */
  static boolean isTunnel(IpAddress ip) {
    return ip.isIpv6()
        && (ip.isIn(TEREDO, 32)
            || ip.isIn(SIX_TO_FOUR, 16)
            || (ip.low() >>> 32 & ~0x0200_0000L) == 0x5EFE);
  }
}

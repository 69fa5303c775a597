package dev.frazil.server;

import dev.frazil.ice.InterfaceAddress;
import dev.frazil.net.IpAddress;
import dev.frazil.netty.InterfaceProvider;
import dev.frazil.turn.PeerFilter;
import java.io.IOException;
import java.util.List;

/** What the server asks about its host when it starts. */
record HostAddresses(List<InterfaceAddress> all) {
  static HostAddresses now() throws IOException {
    return new HostAddresses(InterfaceProvider.system().addresses());
  }

  /** Where the routing table sends from: at most one address of each family. */
  List<IpAddress> ofDefaultRoutes() {
    return all.stream()
        .filter(each -> each.flags().defaultRoute())
        .map(InterfaceAddress::address)
        .distinct()
        .toList();
  }

  /** No peer is reached at an address of the host, nor by its networks' broadcast addresses. */
  void refuseIn(PeerFilter.Builder filter) {
    all.forEach(each -> filter.own(each.address(), each.prefixLength()));
  }
}

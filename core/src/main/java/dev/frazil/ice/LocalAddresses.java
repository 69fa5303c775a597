package dev.frazil.ice;

import dev.frazil.net.IpAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which of the host's addresses an agent uses (RFC 8445 5.1.1.1, RFC 8828), and in what order it prefers them (RFC
 * 8421).
 */
final class LocalAddresses {
  /** Local preferences between one address and the next: room for the reflexive candidates of its base. */
  private static final int STEP = 32;

  private final IceConfiguration configuration;
  private final Map<IpAddress, Integer> ranks = new HashMap<>();
  private List<InterfaceAddress> chosen = List.of();

  LocalAddresses(IceConfiguration configuration) {
    this.configuration = configuration;
  }

  /** Takes what the host has now. */
  void update(List<InterfaceAddress> present) {
    List<InterfaceAddress> allowed = present.stream()
        .filter(address -> isAllowed(address, present))
        .filter(configuration.interfaceFilter)
        .toList();
    chosen = order(configuration.lite ? oneOfEachFamily(allowed) : allowed);
    for (InterfaceAddress address : chosen) {
      ranks.putIfAbsent(address.address(), ranks.size());
    }
  }

  /** The addresses in use, the preferred first. */
  List<InterfaceAddress> chosen() {
    return chosen;
  }

  /** Unique among the host candidates of a component (RFC 8445 5.1.2.1): 65535 for the first address. */
  int localPreference(IpAddress address) {
    return Math.max(0, 65535 - STEP * ranks.computeIfAbsent(address, unknown -> ranks.size()));
  }

  private boolean isAllowed(InterfaceAddress candidate, List<InterfaceAddress> present) {
    IpAddress ip = candidate.address();
    boolean loopback = candidate.flags().loopback() || ip.isLoopback();
    if (ip.isUnspecified()
        || ip.isMulticast()
        || ip.isBroadcast()
        || ip.isIpv4Compatible()
        || ip.isIpv4Mapped()
        || ip.isSiteLocal()
        || loopback && !configuration.loopback) {
      return false;
    }
    if (configuration.addressHandling != AddressHandling.ALL_INTERFACES
        && !candidate.flags().defaultRoute()
        && !loopback) {
      return false;
    }
    return present.stream().noneMatch(other -> conceals(other, candidate));
  }

  /** RFC 8445 5.1.1.1: where there is a temporary address, no trackable one of its prefix, and no link-local one. */
  private static boolean conceals(InterfaceAddress temporary, InterfaceAddress candidate) {
    return temporary.flags().temporary()
        && !candidate.flags().temporary()
        && temporary.name().equals(candidate.name())
        && candidate.address().isIpv6()
        && (candidate.address().isLinkLocal()
            || candidate.address().isIn(temporary.address(), temporary.prefixLength()));
  }

  /** RFC 8445 5.2. */
  private static List<InterfaceAddress> oneOfEachFamily(List<InterfaceAddress> allowed) {
    List<InterfaceAddress> kept = new ArrayList<>(2);
    for (InterfaceAddress address : allowed) {
      boolean first = kept.stream()
          .noneMatch(other -> other.address().family() == address.address().family());
      if (first && !(address.address().isIpv6() && address.address().isLinkLocal())) {
        kept.add(address);
      }
    }
    return kept;
  }

  /** RFC 8421 4: a head start of IPv6, then the families in turn; addresses known to be unreliable last. */
  private static List<InterfaceAddress> order(List<InterfaceAddress> addresses) {
    List<InterfaceAddress> ordered = interleave(
        addresses.stream().filter(address -> !address.flags().unreliable()).toList());
    addresses.stream().filter(address -> address.flags().unreliable()).forEach(ordered::add);
    return ordered;
  }

  private static List<InterfaceAddress> interleave(List<InterfaceAddress> addresses) {
    List<InterfaceAddress> ipv4 = new ArrayList<>();
    List<InterfaceAddress> ipv6 = new ArrayList<>();
    List<InterfaceAddress> linkLocal = new ArrayList<>();
    for (InterfaceAddress address : addresses) {
      IpAddress ip = address.address();
      (ip.isIpv4() ? ipv4 : ip.isLinkLocal() ? linkLocal : ipv6).add(address);
    }
    ipv6.addAll(linkLocal); // they reach the least
    List<InterfaceAddress> ordered = new ArrayList<>(addresses.size());
    int headStart = ipv4.isEmpty() ? ipv6.size() : (ipv4.size() + ipv6.size()) / ipv4.size();
    for (int i4 = 0, i6 = 0; i4 < ipv4.size() || i6 < ipv6.size(); ) {
      for (int i = 0; i < headStart && i6 < ipv6.size(); i++) {
        ordered.add(ipv6.get(i6++));
      }
      if (i4 < ipv4.size()) {
        ordered.add(ipv4.get(i4++));
      }
    }
    return ordered;
  }
}

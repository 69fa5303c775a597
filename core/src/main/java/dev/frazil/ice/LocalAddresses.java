package dev.frazil.ice;

import dev.frazil.net.IpAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which of the host's addresses an agent uses (RFC 8445 5.1.1.1, RFC 8828), and in what order it prefers them (RFC
 * 8421).
 */
final class LocalAddresses {
  /** A host with more addresses than this has its reasons, but the pair limit would leave most of them unused. */
  private static final int MAX_ADDRESSES = 256;

  /** A row of the policy table of RFC 6724 2.1. */
  private record Precedence(IpAddress prefix, int length, int value) {
    Precedence(String prefix, int length, int value) {
      this(IpAddress.parse(prefix), length, value);
    }
  }

  /** RFC 6724 2.1, the longest prefixes first. IPv4 is ::ffff:0:0/96 there. */
  private static final List<Precedence> PRECEDENCES = List.of(
      new Precedence("::1", 128, 50),
      new Precedence("::", 96, 1),
      new Precedence("2001::", 32, 5),
      new Precedence("2002::", 16, 30),
      new Precedence("3ffe::", 16, 1),
      new Precedence("fec0::", 10, 1),
      new Precedence("fc00::", 7, 3),
      new Precedence("::", 0, 40),
      new Precedence("0.0.0.0", 0, 35));

  private final IceConfiguration configuration;
  private Set<IpAddress> present = Set.of();
  private List<InterfaceAddress> chosen = List.of();

  LocalAddresses(IceConfiguration configuration) {
    this.configuration = configuration;
  }

  /** Takes what the host has now. */
  void update(List<InterfaceAddress> addresses) {
    present = addresses.stream().map(InterfaceAddress::address).collect(Collectors.toSet());
    Set<IpAddress> seen = new HashSet<>();
    List<InterfaceAddress> allowed = addresses.stream()
        .filter(this::isAllowed)
        .filter(configuration.interfaceFilter)
        .filter(address -> seen.add(address.address()))
        .toList();
    List<InterfaceAddress> open = allowed.stream()
        .filter(address -> allowed.stream().noneMatch(other -> conceals(other, address)))
        .toList();
    List<InterfaceAddress> ordered = order(configuration.lite ? oneOfEachFamily(open) : open);
    chosen = List.copyOf(ordered.subList(0, Math.min(ordered.size(), MAX_ADDRESSES)));
  }

  /** The addresses in use, the preferred first. */
  List<InterfaceAddress> chosen() {
    return chosen;
  }

  boolean isChosen(IpAddress address) {
    return chosen.stream().anyMatch(each -> each.address().equals(address));
  }

  /** Whether the host has the address, in use or not. */
  boolean isPresent(IpAddress address) {
    return present.contains(address);
  }

  private boolean isAllowed(InterfaceAddress candidate) {
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
    return configuration.addressHandling == AddressHandling.ALL_INTERFACES
        || candidate.flags().defaultRoute()
        || loopback;
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

  // lite

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

  /** RFC 8445 5.2: 65535 where there is only IPv4, else the precedence of RFC 6724. */
  int litePreference(IpAddress ip) {
    return chosen.stream().allMatch(address -> address.address().isIpv4()) ? 65535 : precedence(ip);
  }

  private static int precedence(IpAddress ip) {
    for (Precedence row : PRECEDENCES) {
      if (ip.isIn(row.prefix(), row.length())) {
        return row.value();
      }
    }
    throw new AssertionError(ip);
  }

  // order

  /** RFC 8421 4: a head start of IPv6, then the families in turn; what is known to be unreliable or ends soon last. */
  private static List<InterfaceAddress> order(List<InterfaceAddress> addresses) {
    List<InterfaceAddress> ordered = interleave(
        addresses.stream().filter(address -> !comesLast(address.flags())).toList());
    addresses.stream().filter(address -> comesLast(address.flags())).forEach(ordered::add);
    return ordered;
  }

  private static boolean comesLast(InterfaceAddress.Flags flags) {
    return flags.unreliable() || flags.deprecated();
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

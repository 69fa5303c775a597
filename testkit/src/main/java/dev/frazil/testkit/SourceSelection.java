package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which address a host sends from when the socket does not say: the route's interface, then RFC 6724 5 in short. */
final class SourceSelection {
  private SourceSelection() {}

  static @Nullable IpAddress select(List<VirtualInterface> interfaces, IpAddress destination) {
    VirtualInterface best = null;
    int bestMatch = -1;
    for (VirtualInterface each : interfaces) {
      if (!each.isUp() || source(each, destination) == null) {
        continue;
      }
      int match = match(each, destination);
      if (match > bestMatch
          || match == bestMatch && match == 0 && each.metric() < best(best).metric()) {
        best = each;
        bestMatch = match;
      }
    }
    return best == null ? null : source(best, destination);
  }

  /** -1: no route; 0: a default route; else one more than the length of the matching prefix. */
  private static int match(VirtualInterface each, IpAddress destination) {
    if (destination.isIpv6() && destination.isLinkLocal()) {
      return destination.scopeId() == each.index() ? 129 : -1;
    }
    int onLink = each.onLink(destination);
    return onLink > 0 ? onLink + 1 : each.hasDefaultRoute() ? 0 : -1;
  }

  private static VirtualInterface best(@Nullable VirtualInterface best) {
    if (best == null) {
      throw new AssertionError("an interface with this match was found before");
    }
    return best;
  }

  private static @Nullable IpAddress source(VirtualInterface from, IpAddress destination) {
    IpAddress best = null;
    int bestBits = -1;
    for (IpPrefix each : from.addresses()) {
      IpAddress ip = each.address();
      if (ip.family() != destination.family() || ip.isLinkLocal() != destination.isLinkLocal()) {
        continue;
      }
      if (ip.equals(destination)) {
        return ip;
      }
      int bits = commonBits(ip, destination);
      if (bits > bestBits) {
        best = ip;
        bestBits = bits;
      }
    }
    return best;
  }

  private static int commonBits(IpAddress a, IpAddress b) {
    int high = Long.numberOfLeadingZeros(a.high() ^ b.high());
    return high < 64 ? high : 64 + Long.numberOfLeadingZeros(a.low() ^ b.low());
  }
}

package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Chooses the external address and port of a new mapping (RFC 4787 4.1, 4.2). */
final class PortAllocator {
  private static final int WELL_KNOWN = 1024;

  private final NatBehavior behavior;
  private final List<IpAddress> external;
  private final SplittableRandom random;
  private final Map<IpAddress, IpAddress> paired = new HashMap<>();
  private int nextPair;
  private int nextPort;

  PortAllocator(NatBehavior behavior, List<IpAddress> external, SplittableRandom random) {
    this.behavior = behavior;
    this.external = external;
    this.random = random;
    int count = behavior.lastPort() - behavior.firstPort() + 1;
    this.nextPort = behavior.firstPort()
        + (behavior.portAllocation() == NatBehavior.PortAllocation.SEQUENTIAL
            ? random.nextInt(count)
            : 0);
  }

  /** A free external endpoint for this internal one, or null when there is none. */
  @Nullable TransportAddress allocate(TransportAddress internal, Predicate<TransportAddress> isFree) {
    if (behavior.pooling() == NatBehavior.Pooling.PAIRED) {
      IpAddress ip =
          paired.computeIfAbsent(internal.ip(), key -> external.get(nextPair++ % external.size()));
      return allocate(internal, ip, isFree);
    }
    int start = random.nextInt(external.size());
    for (int i = 0; i < external.size(); i++) {
      TransportAddress found =
          allocate(internal, external.get((start + i) % external.size()), isFree);
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  private @Nullable TransportAddress allocate(
      TransportAddress internal, IpAddress ip, Predicate<TransportAddress> isFree) {
    boolean wellKnown = internal.port() < WELL_KNOWN;
    int first = wellKnown ? 1 : behavior.firstPort();
    int last = wellKnown ? WELL_KNOWN - 1 : behavior.lastPort();
    TransportAddress same = new TransportAddress(ip, internal.port(), internal.transport());
    if (behavior.portPreserving()
        && same.port() >= first
        && same.port() <= last
        && isFree.test(same)) {
      return same;
    }
    int start = start(first, last);
    if (behavior.parityPreserving()) {
      TransportAddress found = scan(same, first, last, start, internal.port() & 1, isFree);
      if (found != null) {
        return found;
      }
    }
    return scan(same, first, last, start, -1, isFree);
  }

  private int start(int first, int last) {
    if (behavior.portAllocation() == NatBehavior.PortAllocation.RANDOM) {
      return first + random.nextInt(last - first + 1);
    }
    return nextPort >= first && nextPort <= last ? nextPort : first;
  }

  private @Nullable TransportAddress scan(
      TransportAddress address,
      int first,
      int last,
      int start,
      int parity,
      Predicate<TransportAddress> isFree) {
    int count = last - first + 1;
    for (int i = 0; i < count; i++) {
      int port = first + (start - first + i) % count;
      if (parity >= 0 && (port & 1) != parity) {
        continue;
      }
      TransportAddress candidate = address.withPort(port);
      if (isFree.test(candidate)) {
        if (address.port() >= WELL_KNOWN) {
          nextPort = port == last ? first : port + 1;
        }
        return candidate;
      }
    }
    return null;
  }
}

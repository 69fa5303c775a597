package dev.frazil.server;

import dev.frazil.net.IpAddress;
import dev.frazil.turn.PeerFilter;
import java.util.ArrayList;
import java.util.List;

/** Which peers may be reached, beside what nobody should reach by a relay. */
final class PeerRules {
  private final List<String> allowed = new ArrayList<>();
  private final List<String> denied = new ArrayList<>();
  boolean loopback;

  void allow(String range) {
    PeerFilter.builder().allow(range); // refuses what is none
    allowed.add(range);
  }

  void deny(String range) {
    PeerFilter.builder().deny(range);
    denied.add(range);
  }

  /** Whether every address that the presets do not refuse may be reached by a rule, as with 0.0.0.0/0. */
  boolean allowsEverything() {
    return allowed.stream().anyMatch(range -> range.endsWith("/0"));
  }

  /** The filter of this host: its own addresses are no peers, nor are those that lead to it. */
  PeerFilter filter(HostAddresses addresses, List<IpAddress> externals) {
    PeerFilter.Builder filter = PeerFilter.builder().loopback(loopback);
    allowed.forEach(filter::allow);
    denied.forEach(filter::deny);
    addresses.refuseIn(filter);
    externals.forEach(filter::own);
    return filter.build();
  }
}

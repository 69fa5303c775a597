package dev.frazil.netty;

import dev.frazil.ice.InterfaceAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The addresses that a server listens on: 0.0.0.0 and :: stand for each address of their family that the host has now,
 * so that every answer leaves from the address that was asked (RFC 8489 6.3.1.2).
 */
final class Listeners {
  private Listeners() {}

  /** Tells the addresses one by one, at once or on another thread. */
  static void expand(
      IceRuntime runtime,
      List<TransportAddress> wanted,
      Consumer<List<TransportAddress>> addresses) {
    if (wanted.stream().noneMatch(address -> address.ip().isUnspecified())) {
      addresses.accept(List.copyOf(new LinkedHashSet<>(wanted)));
    } else {
      onceKnown(runtime, host -> addresses.accept(expand(wanted, host)));
    }
  }

  private static List<TransportAddress> expand(
      List<TransportAddress> wanted, List<InterfaceAddress> host) {
    Set<TransportAddress> all = new LinkedHashSet<>();
    for (TransportAddress address : wanted) {
      if (address.ip().isUnspecified()) {
        host.stream()
            .map(InterfaceAddress::address)
            .filter(ip -> ip.family() == address.ip().family())
            .forEach(ip -> all.add(TransportAddress.udp(ip, address.port())));
      } else {
        all.add(address);
      }
    }
    return List.copyOf(all);
  }

  private static void onceKnown(IceRuntime runtime, Consumer<List<InterfaceAddress>> then) {
    runtime.interfaces().subscribe(SystemInterfaces.INSTANCE, new InterfaceWatch.Listener() {
      @Override
      public void changed(List<InterfaceAddress> addresses) {
        runtime.interfaces().unsubscribe(SystemInterfaces.INSTANCE, this);
        then.accept(addresses);
      }

      @Override
      public void failed(String reason) {
        // the log tells it; without an address the start fails
      }
    });
  }

  /** Refuses what no datagram socket can be bound to. */
  static void requireUdp(TransportAddress address) {
    if (address.transport() != Transport.UDP) {
      throw new IllegalArgumentException("address " + address + ": must be a UDP address");
    }
  }
}

package dev.frazil.netty;

import dev.frazil.ice.InterfaceAddress;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.BindingServer;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The addresses that a server listens on: 0.0.0.0 and :: stand for each address of their family that the host has now,
 * so that every answer leaves from the address that was asked (RFC 8489 6.3.1.2).
 */
final class Listeners {
  private Listeners() {}

  /** Those of NAT behaviour discovery as well. */
  static List<TurnListener> with(
      List<TurnListener> wanted, BindingServer.@Nullable Discovery discovery) {
    if (discovery == null) {
      return wanted;
    }
    List<TurnListener> all = new ArrayList<>(wanted);
    for (TransportAddress address : discovery.addresses()) {
      wanted.stream()
          .filter(each -> each.kind() == TurnListener.Kind.DTLS && includes(each, address))
          .findAny()
          .ifPresent(each -> {
            throw new IllegalArgumentException(
                "listener " + each + ": NAT behaviour discovery needs " + address + " for UDP");
          });
      all.add(new TurnListener(TurnListener.Kind.UDP, address));
    }
    return all;
  }

  private static boolean includes(TurnListener listener, TransportAddress address) {
    IpAddress ip = listener.address().ip();
    return listener.address().port() == address.port()
        && (ip.equals(address.ip())
            || ip.isUnspecified() && ip.family() == address.ip().family());
  }

  /** Tells the listeners one by one, at once or on another thread. */
  static void expand(
      IceRuntime runtime, List<TurnListener> wanted, Consumer<List<TurnListener>> listeners) {
    if (wanted.stream().noneMatch(listener -> listener.address().ip().isUnspecified())) {
      listeners.accept(List.copyOf(new LinkedHashSet<>(wanted)));
    } else {
      onceKnown(runtime, host -> listeners.accept(expand(wanted, host)));
    }
  }

  private static List<TurnListener> expand(List<TurnListener> wanted, List<InterfaceAddress> host) {
    Set<TurnListener> all = new LinkedHashSet<>();
    for (TurnListener listener : wanted) {
      IpAddress given = listener.address().ip();
      if (given.isUnspecified()) {
        host.stream()
            .map(InterfaceAddress::address)
            .filter(ip -> ip.family() == given.family())
            .forEach(ip -> all.add(listener.at(ip)));
      } else {
        all.add(listener);
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

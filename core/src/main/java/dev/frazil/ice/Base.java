package dev.frazil.ice;

import dev.frazil.net.TransportAddress;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;

/** A bound socket: where an agent sends from and receives at, for one component of one stream. */
final class Base {
  /** How many senders a base remembers; only those with the session's password get in. */
  private static final int MAX_SENDERS = 128;

  final IceStream stream;
  final int component;
  final TransportAddress address;
  final InterfaceAddress network;
  /** RFC 8445 5.1.2.1, for the base's host candidate; its reflexive ones come right below. */
  final int localPreference;

  private final Set<TransportAddress> senders = new LinkedHashSet<>(4);
  boolean closed;

  Base(
      IceStream stream,
      int component,
      TransportAddress address,
      InterfaceAddress network,
      int localPreference) {
    this.stream = stream;
    this.component = component;
    this.address = address;
    this.network = network;
    this.localPreference = localPreference;
  }

  /** A message from this address held: its data may pass. */
  void authenticated(TransportAddress sender) {
    if (senders.add(sender) && senders.size() > MAX_SENDERS) {
      Iterator<TransportAddress> eldest = senders.iterator();
      eldest.next();
      eldest.remove();
    }
  }

  boolean knows(TransportAddress sender) {
    return senders.contains(sender);
  }

  @Override
  public String toString() {
    return address.toString();
  }
}

package dev.frazil.ice;

import dev.frazil.net.TransportAddress;

/** What an agent asks its runtime to do. */
public sealed interface IceRequest {
  /**
   * Bind a UDP socket to an address for one component; answered by {@link IceAgent#handleOpened} or
   * {@link IceAgent#handleOpenFailed}.
   */
  record Open(int stream, int component, InterfaceAddress address) implements IceRequest {}

  /** Close the socket bound to a base; not answered. */
  record Close(TransportAddress base) implements IceRequest {}

  /** Look up the IPv4 and IPv6 addresses of a name; answered by {@link IceAgent#handleResolved}. */
  record Resolve(String name) implements IceRequest {}
}

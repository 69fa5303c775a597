package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
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

  /**
   * Open a connection to a TURN server: a stream, with TLS in it where it is secure, or over UDP a DTLS association from
   * a port of its own. Answered by {@link IceAgent#handleConnected} or {@link IceAgent#handleConnectFailed}; its end is
   * told to {@link IceAgent#handleDisconnected}. Until then the agent sends and receives whole messages on its path.
   *
   * @param id tells connections apart
   * @param local from this address
   * @param server the server; its transport is that of the connection
   * @param secure whether by TLS, or over UDP by DTLS
   * @param host what the server's certificate has to hold: a name, or an IP address without brackets
   */
  record Connect(int id, IpAddress local, TransportAddress server, boolean secure, String host)
      implements IceRequest {}

  /** Close a connection; not answered. */
  record Disconnect(FiveTuple path) implements IceRequest {}

  /** Look up the IPv4 and IPv6 addresses of a name; answered by {@link IceAgent#handleResolved}. */
  record Resolve(String name) implements IceRequest {}
}

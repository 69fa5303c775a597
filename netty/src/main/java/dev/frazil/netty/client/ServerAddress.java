package dev.frazil.netty.client;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import org.jspecify.annotations.Nullable;

/**
 * Where a client connects to.
 *
 * @param from the address of this host to connect from; null when the system is to choose
 * @param server the server, and the transport protocol
 * @param secure over TLS, or over DTLS where the transport is UDP
 * @param host the name that the server is known by, or its address as text: for the server name indication, and what its
 *     certificate has to hold
 */
public record ServerAddress(
    @Nullable IpAddress from, TransportAddress server, boolean secure, String host) {
  public ServerAddress {
    if (from != null && from.family() != server.ip().family()) {
      throw new IllegalArgumentException(
          "from " + from + ": must be of the same family as " + server);
    }
  }

  /** The link that the server is on, where its address or this host's tells one. */
  int scopeId() {
    return from != null && from.scopeId() != 0 ? from.scopeId() : server.ip().scopeId();
  }
}

package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import org.jspecify.annotations.Nullable;

/** What a {@link TurnAllocation} asks its runtime to do. */
public sealed interface TurnRequest {
  /**
   * Open a path to a server from a local port that was not used before; answered by {@link TurnAllocation#handleOpened}
   * or {@link TurnAllocation#handleOpenFailed}.
   *
   * @param local from this address
   * @param server the server, and the transport protocol
   * @param domain the name that its certificate has to hold, where there is one; null for the name that was configured
   */
  record Open(
      IpAddress local, TransportAddress server, @Nullable String domain) implements TurnRequest {}

  /**
   * Open a stream for a data connection (RFC 6062 4.3), otherwise as in {@link Open}; answered by {@link
   * TurnAllocation#handleConnectionOpened} or {@link TurnAllocation#handleConnectionFailed}.
   *
   * @param connectionId names the connection in the answer
   */
  record OpenConnection(
      int connectionId,
      IpAddress local,
      TransportAddress server,
      @Nullable String domain) implements TurnRequest {}

  /** The allocation needs this path no more; not answered. */
  record Close(FiveTuple path) implements TurnRequest {}
}

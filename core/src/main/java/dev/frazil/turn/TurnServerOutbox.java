package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Outbox;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;

/**
 * What a {@link TurnServer} says to its runtime.
 *
 * <p>{@link #transmit} sends to clients from the address they sent to, and to peers from a relayed address. A stream to a
 * client is named by its five-tuple, and one to a peer likewise. After {@link #unbind} and {@link #close} nothing more is
 * handed in from there.
 */
public interface TurnServerOutbox extends Outbox {
  /**
   * Opens a relayed address, for this machine alone: a datagram socket, or for TCP a listening one. It is done when the
   * call returns, so that an allocation is never half made; runtimes can, because it waits for nothing.
   *
   * @return false when the port is taken or the address is not there: the machine tries another
   */
  boolean bind(TransportAddress relayed);

  /** Closes a relayed address. */
  void unbind(TransportAddress relayed);

  /**
   * Sends a datagram to a peer with IPv4's DF bit set. Asked only where {@link
   * TurnServerConfiguration.Builder#dontFragment} says that the runtime can.
   */
  void transmitUnfragmented(FiveTuple path, ByteBuffer payload);

  /**
   * Opens a stream from a relayed address to a peer (RFC 6062 5.2), answered by {@link TurnServer#handleConnected} or
   * {@link TurnServer#handleConnectFailed}. The runtime reads nothing from it before {@link #join}: what the peer sends
   * waits in the kernel, whose window bounds it.
   */
  void connect(FiveTuple path);

  /**
   * Makes two streams one pipe (RFC 6062 5.4): from now on bytes go both ways unseen, those first that the client sent
   * behind its ConnectionBind request. When either ends, the runtime tells {@link TurnServer#handleClosed}.
   *
   * @param client the stream that the ConnectionBind request came in on; its response is transmitted already
   * @param peer the stream from a relayed address
   */
  void join(FiveTuple client, FiveTuple peer);

  /** Closes a stream; does nothing when it is closed. */
  void close(FiveTuple stream);

  /** Tells what happened, for logs and audits. */
  void event(TurnServerEvent event);
}

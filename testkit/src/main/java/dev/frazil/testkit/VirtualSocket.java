package dev.frazil.testkit;

import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;

/** A datagram socket of a host. */
public final class VirtualSocket {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0).asReadOnlyBuffer();

  private final Host host;
  private final TransportAddress local;
  private final DatagramHandler handler;
  private boolean closed;

  VirtualSocket(Host host, TransportAddress local, DatagramHandler handler) {
    this.host = host;
    this.local = local;
    this.handler = handler;
  }

  /** The address it is bound to; the IP address may be the wildcard, the port is never 0. */
  public TransportAddress local() {
    return local;
  }

  /** The host it belongs to. */
  public Host host() {
    return host;
  }

  /**
   * Sends a datagram. From the wildcard address it leaves by the route to the destination, else through the interface
   * that has the socket's address.
   *
   * @param remote where to, of the socket's address family
   * @param payload its bytes, from position to limit, which stay as they are
   * @return false when the host has no way to send it (address or interface gone, no route); what happens later on the
   *     way is not known here
   * @throws IllegalStateException when the socket is closed
   */
  public boolean send(TransportAddress remote, ByteBuffer payload) {
    return send(remote, payload, NOTHING);
  }

  /** Sends a datagram that consists of two parts; see {@link #send(TransportAddress, ByteBuffer)}. */
  public boolean send(TransportAddress remote, ByteBuffer header, ByteBuffer payload) {
    if (closed) {
      throw new IllegalStateException("socket " + local + " of " + host.name() + " is closed");
    }
    if (remote.ip().family() != local.ip().family() || remote.transport() != local.transport()) {
      throw new IllegalArgumentException(
          "remote " + remote + ": not of the family and transport of " + local);
    }
    return host.send(this, remote, header, payload);
  }

  /** Closes it and frees the port. Closing twice does nothing. */
  public void close() {
    if (!closed) {
      closed = true;
      host.closed(this);
    }
  }

  /** Whether it has been closed. */
  public boolean isClosed() {
    return closed;
  }

  DatagramHandler handler() {
    return handler;
  }

  /** The host's name and the address. */
  @Override
  public String toString() {
    return host.name() + " " + local;
  }
}

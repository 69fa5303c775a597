package dev.frazil.netty.io;

/**
 * How sockets are opened.
 *
 * @param ports the local ports that may be bound
 * @param receiveBuffer SO_RCVBUF in bytes, 0 for the system's default
 * @param sendBuffer SO_SNDBUF in bytes, 0 for the system's default
 * @param maxDatagram the longest datagram that is received, in bytes
 * @param sharedPort whether other sockets of this user may be bound to the same, as the shards of a server do: the kernel
 *     then shares out who is heard by which
 */
public record SocketSettings(
    PortRange ports, int receiveBuffer, int sendBuffer, int maxDatagram, boolean sharedPort) {
  /** More than any Ethernet path without jumbo frames carries. */
  public static final int DEFAULT_MAX_DATAGRAM = 2048;

  public static final SocketSettings DEFAULT =
      new SocketSettings(PortRange.ANY, 0, 0, DEFAULT_MAX_DATAGRAM, false);

  public SocketSettings withPorts(PortRange value) {
    return new SocketSettings(value, receiveBuffer, sendBuffer, maxDatagram, sharedPort);
  }

  public SocketSettings withReceiveBuffer(int bytes) {
    return new SocketSettings(
        ports, positive("receiveBufferSize", bytes), sendBuffer, maxDatagram, sharedPort);
  }

  public SocketSettings withSendBuffer(int bytes) {
    return new SocketSettings(
        ports, receiveBuffer, positive("sendBufferSize", bytes), maxDatagram, sharedPort);
  }

  public SocketSettings withSharedPort(boolean value) {
    return new SocketSettings(ports, receiveBuffer, sendBuffer, maxDatagram, value);
  }

  public SocketSettings withMaxDatagram(int bytes) {
    if (bytes < 548 || bytes > DatagramPort.LONGEST) {
      throw new IllegalArgumentException("maxDatagramSize " + bytes + ": must be 548 to 65507");
    }
    return new SocketSettings(ports, receiveBuffer, sendBuffer, bytes, sharedPort);
  }

  private static int positive(String name, int bytes) {
    if (bytes < 1) {
      throw new IllegalArgumentException(name + " " + bytes + ": must be at least 1");
    }
    return bytes;
  }
}

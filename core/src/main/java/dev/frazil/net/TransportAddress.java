package dev.frazil.net;

/**
 * An IP address, a port and a transport protocol: one end of a path.
 *
 * @param ip the IP address
 * @param port 0 to 65535
 * @param transport the transport protocol
 */
public record TransportAddress(IpAddress ip, int port, Transport transport)
    implements Comparable<TransportAddress> {
  public TransportAddress {
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("a port is 0 to 65535, not " + port);
    }
  }

  /** A UDP address. */
  public static TransportAddress udp(IpAddress ip, int port) {
    return new TransportAddress(ip, port, Transport.UDP);
  }

  /**
   * A UDP address from text.
   *
   * @param ip as {@link IpAddress#parse} reads it
   */
  public static TransportAddress udp(String ip, int port) {
    return new TransportAddress(IpAddress.parse(ip), port, Transport.UDP);
  }

  /** The same IP address and transport with another port. */
  public TransportAddress withPort(int otherPort) {
    return new TransportAddress(ip, otherPort, transport);
  }

  /** By IP address, port, then transport. */
  @Override
  public int compareTo(TransportAddress other) {
    int order = ip.compareTo(other.ip);
    order = order != 0 ? order : Integer.compare(port, other.port);
    return order != 0 ? order : transport.compareTo(other.transport);
  }

  /** {@code 192.0.2.1:3478} or {@code [2001:db8::1]:3478}, with {@code /tcp} behind it for TCP. */
  @Override
  public String toString() {
    String host = ip.isIpv4() ? ip.toString() : "[" + ip + "]";
    return host + ":" + port + (transport == Transport.UDP ? "" : "/tcp");
  }
}

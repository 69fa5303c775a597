package dev.frazil.testkit;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;

/** The bytes of an IP packet, for captures and for the size that links see. */
final class IpPacket {
  private static final int IPV4_HEADER = 20;
  private static final int IPV6_HEADER = 40;
  private static final int UDP_HEADER = 8;
  /** The ports; what stands behind them in a segment is the packet's payload. */
  private static final int TCP_PORTS = 4;

  private static final int TCP_CHECKSUM = 16;
  private static final int UDP = 17;
  private static final int TCP = 6;
  private static final int ICMP = 1;
  private static final int ICMPV6 = 58;

  private IpPacket() {}

  static int size(boolean ipv4, Transport transport, int payload) {
    return (ipv4 ? IPV4_HEADER : IPV6_HEADER)
        + (transport == Transport.UDP ? UDP_HEADER : TCP_PORTS)
        + payload;
  }

  static byte[] encode(Sighting seen) {
    TransportAddress source = seen.source();
    TransportAddress destination = seen.destination();
    if (seen.isUnreachable()) {
      return unreachable(source, destination);
    }
    boolean udp = source.transport() == Transport.UDP;
    return ip(
        source.ip(),
        destination.ip(),
        udp ? UDP : TCP,
        transport(source, destination, seen.bytes()));
  }

  private static ByteBuffer transport(
      TransportAddress source, TransportAddress destination, byte[] payload) {
    boolean udp = source.transport() == Transport.UDP;
    ByteBuffer out = ByteBuffer.allocate((udp ? UDP_HEADER : TCP_PORTS) + payload.length);
    out.putShort((short) source.port()).putShort((short) destination.port());
    if (udp) {
      out.putShort((short) out.capacity()).putShort((short) 0);
    }
    out.put(payload).flip();
    int protocol = udp ? UDP : TCP;
    int checksum =
        checksum(out, pseudoHeader(source.ip(), destination.ip(), protocol, out.limit()));
    if (udp) {
      out.putShort(6, (short) (checksum == 0 ? 0xFFFF : checksum)); // RFC 768: 0 means none
    } else if (out.limit() >= TCP_CHECKSUM + 2) {
      out.putShort(TCP_CHECKSUM, (short) checksum);
    }
    return out;
  }

  /** An ICMP or ICMPv6 port unreachable with the headers of the datagram that caused it. */
  private static byte[] unreachable(TransportAddress from, TransportAddress to) {
    int protocol = from.transport() == Transport.UDP ? UDP : TCP;
    byte[] cause = ip(to.ip(), from.ip(), protocol, transport(to, from, new byte[0]));
    boolean ipv4 = from.ip().isIpv4();
    ByteBuffer out = ByteBuffer.allocate(8 + cause.length);
    out.put((byte) (ipv4 ? 3 : 1))
        .put((byte) (ipv4 ? 3 : 4))
        .putShort((short) 0)
        .putInt(0)
        .put(cause)
        .flip();
    long start = ipv4 ? 0 : pseudoHeader(from.ip(), to.ip(), ICMPV6, out.limit());
    out.putShort(2, (short) checksum(out, start));
    return ip(from.ip(), to.ip(), ipv4 ? ICMP : ICMPV6, out);
  }

  private static byte[] ip(
      IpAddress source, IpAddress destination, int protocol, ByteBuffer content) {
    boolean ipv4 = source.isIpv4();
    ByteBuffer out = ByteBuffer.allocate((ipv4 ? IPV4_HEADER : IPV6_HEADER) + content.limit());
    if (ipv4) {
      out.putShort((short) 0x4500)
          .putShort((short) out.capacity())
          .putInt(0x4000); // don't fragment
      out.put((byte) 64).put((byte) protocol).putShort((short) 0);
      out.put(source.toBytes()).put(destination.toBytes());
      out.putShort(10, (short) checksum(out.duplicate().flip(), 0));
    } else {
      out.putInt(0x6000_0000).putShort((short) content.limit());
      out.put((byte) protocol).put((byte) 64).put(source.toBytes()).put(destination.toBytes());
    }
    return out.put(content).array();
  }

  private static long pseudoHeader(
      IpAddress source, IpAddress destination, int protocol, int length) {
    return sum(ByteBuffer.wrap(source.toBytes()))
        + sum(ByteBuffer.wrap(destination.toBytes()))
        + protocol
        + length;
  }

  private static int checksum(ByteBuffer bytes, long start) {
    long sum = start + sum(bytes);
    while (sum >>> 16 != 0) {
      sum = (sum & 0xFFFF) + (sum >>> 16);
    }
    return (int) ~sum & 0xFFFF;
  }

  private static long sum(ByteBuffer bytes) {
    long sum = 0;
    int i = 0;
    for (; i + 1 < bytes.limit(); i += 2) {
      sum += bytes.getShort(i) & 0xFFFF;
    }
    return i < bytes.limit() ? sum + ((bytes.get(i) & 0xFF) << 8) : sum;
  }
}

package dev.frazil.stun;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** An address and port, as MAPPED-ADDRESS (RFC 8489 14.1) and XOR-MAPPED-ADDRESS (14.2) have them. */
final class AddressCodec extends AttributeCodec<TransportAddress> {
  private static final int IPV4 = 1;
  private static final int IPV6 = 2;

  private final boolean xor;

  AddressCodec(boolean xor) {
    this.xor = xor;
  }

  @Override
  boolean isReadable(ByteBuffer message, int at, int length) {
    return length == 8 && message.get(at + 1) == IPV4
        || length == 20 && message.get(at + 1) == IPV6;
  }

  @Override
  @Nullable TransportAddress read(ByteBuffer message, int at, int length) {
    return read(message, at, length, Transport.UDP);
  }

  @Nullable TransportAddress read(ByteBuffer message, int at, int length, Transport transport) {
    if (!isReadable(message, at, length)) {
      return null; // the first byte is ignored
    }
    int port = message.getShort(at + 2) & 0xFFFF;
    IpAddress ip;
    if (length == 8) {
      ip = IpAddress.ofIpv4(message.getInt(at + 4) ^ (xor ? StunMessage.MAGIC_COOKIE : 0));
    } else {
      long high = message.getLong(at + 4) ^ (xor ? message.getLong(4) : 0);
      ip = IpAddress.ofIpv6(high, message.getLong(at + 12) ^ (xor ? message.getLong(12) : 0));
    }
    return new TransportAddress(ip, xor ? port ^ StunMessage.MAGIC_COOKIE >>> 16 : port, transport);
  }

  @Override
  void write(ByteBuffer out, TransactionId id, TransportAddress value) {
    IpAddress ip = value.ip();
    out.putShort((short) (ip.isIpv4() ? IPV4 : IPV6));
    out.putShort((short) (xor ? value.port() ^ StunMessage.MAGIC_COOKIE >>> 16 : value.port()));
    if (ip.isIpv4()) {
      out.putInt((int) ip.low() ^ (xor ? StunMessage.MAGIC_COOKIE : 0));
    } else {
      long mask = (long) StunMessage.MAGIC_COOKIE << 32 | id.high() & 0xFFFF_FFFFL;
      out.putLong(ip.high() ^ (xor ? mask : 0));
      out.putLong(ip.low() ^ (xor ? id.low() : 0));
    }
  }
}

package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Outbox;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import java.nio.ByteBuffer;
import java.util.random.RandomGenerator;

/**
 * Data on its way to peers: a header in front of the payload, without an object or a copy. Only what needs padding behind
 * it is copied: Send indications whose payload is no multiple of 4 bytes, and such ChannelData over streams.
 */
final class OutgoingData {
  private static final int MAGIC_COOKIE = 0x2112A442;
  private static final short SEND_INDICATION = 0x0016;
  private static final int STUN_HEADER = 20;
  private static final int LONGEST_HEADER = STUN_HEADER + 4 + 20 + 4 + 4;
  /** What fits into a STUN message behind the longest header. */
  static final int LONGEST_PAYLOAD = 0xFFFC - LONGEST_HEADER;

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final Outbox outbox;
  private final RandomGenerator random;
  private final ByteBuffer header = ByteBuffer.allocate(LONGEST_HEADER);
  private ByteBuffer padded = ByteBuffer.allocate(0);

  OutgoingData(Outbox outbox, RandomGenerator random) {
    this.outbox = outbox;
    this.random = random;
  }

  /** RFC 8656 12.5. */
  void channelData(FiveTuple path, int number, ByteBuffer payload) {
    int length = payload.remaining();
    ChannelData.putHeader(header.clear(), number, length);
    boolean overStream = path.local().transport() == Transport.TCP;
    transmit(path, payload, overStream ? ChannelData.padding(length) : 0);
  }

  /** RFC 8656 11.1. */
  void sendIndication(
      FiveTuple path, TransportAddress peer, boolean dontFragment, ByteBuffer payload) {
    int length = payload.remaining();
    int padding = -length & 3;
    int addressLength = peer.ip().isIpv4() ? 8 : 20;
    int attributes = 4 + addressLength + (dontFragment ? 4 : 0) + 4 + length + padding;
    int idHigh = random.nextInt();
    long idLow = random.nextLong();
    header.clear();
    header.putShort(SEND_INDICATION).putShort((short) attributes);
    header.putInt(MAGIC_COOKIE).putInt(idHigh).putLong(idLow);
    attribute(AttributeType.XOR_PEER_ADDRESS, addressLength);
    header.putShort((short) (peer.ip().isIpv4() ? 1 : 2));
    header.putShort((short) (peer.port() ^ MAGIC_COOKIE >>> 16));
    if (peer.ip().isIpv4()) {
      header.putInt((int) peer.ip().low() ^ MAGIC_COOKIE);
    } else {
      header.putInt((int) (peer.ip().high() >>> 32) ^ MAGIC_COOKIE);
      header.putInt((int) peer.ip().high() ^ idHigh);
      header.putLong(peer.ip().low() ^ idLow);
    }
    if (dontFragment) {
      attribute(AttributeType.DONT_FRAGMENT, 0);
    }
    attribute(AttributeType.DATA, length);
    transmit(path, payload, padding);
  }

  private void attribute(AttributeType<?> type, int length) {
    header.putShort((short) type.code()).putShort((short) length);
  }

  private void transmit(FiveTuple path, ByteBuffer payload, int padding) {
    header.flip();
    if (padding == 0) {
      outbox.transmit(path, header, payload);
      return;
    }
    int size = header.remaining() + payload.remaining() + padding;
    if (padded.capacity() < size) {
      padded = ByteBuffer.allocate(Math.max(size, 2048));
    }
    int length = payload.remaining();
    padded.clear().put(header);
    padded.put(padded.position(), payload, payload.position(), length);
    padded.position(padded.position() + length);
    while (padding-- > 0) {
      padded.put((byte) 0);
    }
    outbox.transmit(path, padded.flip(), NOTHING);
  }
}

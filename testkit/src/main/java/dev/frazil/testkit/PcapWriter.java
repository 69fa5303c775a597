package dev.frazil.testkit;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes sightings as a pcapng file (draft-ietf-opsawg-pcapng), big-endian. */
final class PcapWriter {
  private static final int SECTION_HEADER = 0x0A0D0D0A;
  private static final int BYTE_ORDER_MAGIC = 0x1A2B3C4D;
  private static final int INTERFACE_DESCRIPTION = 1;
  private static final int ENHANCED_PACKET = 6;
  /** With made-up addresses, and not RAW, of which libpcap (tcpdump) refuses a second interface. */
  private static final int LINKTYPE_ETHERNET = 1;

  private static final int ETHERNET_HEADER = 14;
  private static final int LOCALLY_ADMINISTERED = 0x0200;
  private static final int ETHERTYPE_IPV4 = 0x0800;
  private static final int ETHERTYPE_IPV6 = 0x86DD;

  private static final int COMMENT = 1;
  private static final int IF_NAME = 2;
  private static final int IF_TSRESOL = 9;
  private static final int EPB_FLAGS = 2;
  private static final int EPB_PACKETID = 5;
  private static final int NANOSECONDS = 9;

  private final OutputStream out;

  PcapWriter(OutputStream out, List<String> places) throws IOException {
    this.out = out;
    ByteBuffer header = ByteBuffer.allocate(16);
    block(
        SECTION_HEADER,
        header.putInt(BYTE_ORDER_MAGIC).putShort((short) 1).putShort((short) 0).putLong(-1));
    for (String place : places) {
      byte[] name = place.getBytes(StandardCharsets.UTF_8);
      ByteBuffer body = ByteBuffer.allocate(8 + 4 + padded(name.length) + 8 + 4);
      body.putShort((short) LINKTYPE_ETHERNET).putShort((short) 0).putInt(0);
      option(body, IF_NAME, name);
      option(body, IF_TSRESOL, new byte[] {NANOSECONDS});
      block(INTERFACE_DESCRIPTION, body.putInt(0));
    }
  }

  void write(Sighting seen) throws IOException {
    byte[] packet = frame(seen);
    byte[] comment = comment(seen).getBytes(StandardCharsets.UTF_8);
    int options = comment.length == 0 ? 0 : 4 + padded(comment.length);
    ByteBuffer body = ByteBuffer.allocate(20 + padded(packet.length) + options + 8 + 12 + 4);
    body.putInt(seen.placeId()).putLong(seen.time()).putInt(packet.length).putInt(packet.length);
    body.put(packet).position(20 + padded(packet.length));
    if (comment.length > 0) {
      option(body, COMMENT, comment);
    }
    option(
        body, EPB_FLAGS, ByteBuffer.allocate(4).putInt(direction(seen.fate())).array());
    option(body, EPB_PACKETID, ByteBuffer.allocate(8).putLong(seen.packetId()).array());
    block(ENHANCED_PACKET, body.putInt(0));
  }

  /** An Ethernet frame from the place's number to nobody. */
  private static byte[] frame(Sighting seen) {
    byte[] packet = IpPacket.encode(seen);
    ByteBuffer frame = ByteBuffer.allocate(ETHERNET_HEADER + packet.length);
    frame.putShort((short) LOCALLY_ADMINISTERED).putInt(0);
    frame.putShort((short) LOCALLY_ADMINISTERED).putInt(seen.placeId() + 1);
    frame.putShort((short) (seen.source().ip().isIpv4() ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6));
    return frame.put(packet).array();
  }

  private static String comment(Sighting seen) {
    return seen.reason() == null ? "" : "dropped at " + seen.place() + ": " + seen.reason();
  }

  private static int direction(Sighting.Fate fate) {
    return switch (fate) {
      case SENT, FORWARDED -> 2;
      case DELIVERED -> 1;
      case DROPPED -> 0;
    };
  }

  private static void option(ByteBuffer body, int code, byte[] value) {
    body.putShort((short) code).putShort((short) value.length).put(value);
    body.position(body.position() + padded(value.length) - value.length);
  }

  private void block(int type, ByteBuffer body) throws IOException {
    int length = 12 + body.capacity();
    ByteBuffer block = ByteBuffer.allocate(length)
        .putInt(type)
        .putInt(length)
        .put(body.array())
        .putInt(length);
    out.write(block.array());
  }

  private static int padded(int length) {
    return length + 3 & ~3;
  }
}

package dev.frazil.testkit.stream;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What a packet of TCP carries behind its ports (RFC 9293 3.1).
 *
 * @param sequence the number of the first byte; SYN and FIN take a number each
 * @param acknowledged the number of the next byte that is wanted, where ACK is set
 * @param data read-only, from position to limit
 */
record Segment(int sequence, int acknowledged, int flags, ByteBuffer data) {
  static final int FIN = 0x01;
  static final int SYN = 0x02;
  static final int RST = 0x04;
  static final int ACK = 0x10;

  private static final int HEADER = 16;
  static final ByteBuffer NOTHING = ByteBuffer.allocate(0).asReadOnlyBuffer();

  Segment(int sequence, int acknowledged, int flags) {
    this(sequence, acknowledged, flags, NOTHING);
  }

  boolean has(int flag) {
    return (flags & flag) != 0;
  }

  /** How many numbers it takes. */
  int length() {
    return data.remaining() + (has(SYN) ? 1 : 0) + (has(FIN) ? 1 : 0);
  }

  int end() {
    return sequence + length();
  }

  /** The header behind the ports; the checksum is left to the network. */
  ByteBuffer header() {
    return ByteBuffer.allocate(HEADER)
        .putInt(sequence)
        .putInt(acknowledged)
        .putShort((short) (HEADER + 4 << 10 | flags))
        .putShort((short) 0xFFFF)
        .putInt(0)
        .flip();
  }

  /** Null for what is no segment. */
  static @Nullable Segment parse(ByteBuffer bytes) {
    if (bytes.remaining() < HEADER) {
      return null;
    }
    ByteBuffer in = bytes.duplicate();
    int sequence = in.getInt();
    int acknowledged = in.getInt();
    int flags = in.getShort() & 0x3F;
    in.position(in.position() + 6);
    ByteBuffer data = ByteBuffer.allocate(in.remaining()).put(in).flip().asReadOnlyBuffer();
    return new Segment(sequence, acknowledged, flags, data);
  }
}

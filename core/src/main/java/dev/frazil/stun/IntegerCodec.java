package dev.frazil.stun;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A number in the upper bits of a 32-bit value; the bits below it are sent as zero and ignored. */
final class IntegerCodec extends AttributeCodec<Integer> {
  private final int bits;
  private final int shortest;

  /**
   * A codec.
   *
   * @param bits the width of the number, 8 to 32
   * @param shortest the least length in bytes that is accepted
   */
  IntegerCodec(int bits, int shortest) {
    this.bits = bits;
    this.shortest = shortest;
  }

  @Override
  boolean isReadable(ByteBuffer message, int at, int length) {
    return length == 4 || length == shortest;
  }

  int readInt(ByteBuffer message, int at) {
    return switch (bits) {
      case 8 -> message.get(at) & 0xFF;
      case 16 -> message.getShort(at) & 0xFFFF;
      default -> message.getInt(at);
    };
  }

  @Override
  @Nullable Integer read(ByteBuffer message, int at, int length) {
    return isReadable(message, at, length) ? readInt(message, at) : null;
  }

  void writeInt(ByteBuffer out, int value) {
    if (bits < 32 && value >>> bits != 0) {
      throw new IllegalArgumentException("an attribute of " + bits + " bits can't hold " + value);
    }
    out.putInt(value << 32 - bits);
  }

  @Override
  void write(ByteBuffer out, TransactionId id, Integer value) {
    writeInt(out, value);
  }
}

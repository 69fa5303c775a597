package dev.frazil.turn;

import java.nio.ByteBuffer;

/**
 * The header of a ChannelData message (RFC 8656 12.4): a channel number and the length of the payload behind it, 16 bits
 * each. Messages are read from position to limit; neither moves.
 */
public final class ChannelData {
  /** The length of the header in bytes. */
  public static final int HEADER_LENGTH = 4;

  // RFC 8656 12: 0x4000 to 0x4FFF; RFC 5766 allowed numbers up to 0x7FFF.
  /** The lowest channel number. */
  public static final int FIRST_CHANNEL = 0x4000;
  /** The highest channel number. */
  public static final int LAST_CHANNEL = 0x4FFF;

  static final int LAST_CHANNEL_OF_RFC5766 = 0x7FFF;

  private ChannelData() {}

  /**
   * Whether this is a ChannelData message of a channel that may be bound, whose payload is all there. What follows the
   * payload does not matter: over datagrams padding is optional (RFC 8656 12.5).
   */
  public static boolean isChannelData(ByteBuffer message) {
    return isChannelData(message, LAST_CHANNEL);
  }

  static boolean isChannelData(ByteBuffer message, int lastChannel) {
    int size = message.remaining();
    return size >= HEADER_LENGTH
        && number(message) >= FIRST_CHANNEL
        && number(message) <= lastChannel
        && length(message) <= size - HEADER_LENGTH;
  }

  /** Whether a channel may have this number. */
  public static boolean isChannel(int number) {
    return number >= FIRST_CHANNEL && number <= LAST_CHANNEL;
  }

  /** The channel number of a message of at least 4 bytes. */
  public static int number(ByteBuffer message) {
    return unsignedShort(message, message.position());
  }

  /** The length of the payload in bytes, padding not counted, of a message of at least 4 bytes. */
  public static int length(ByteBuffer message) {
    return unsignedShort(message, message.position() + 2);
  }

  /** How many bytes follow a payload of this length over a stream (RFC 8656 12.5): 0 to 3. */
  public static int padding(int length) {
    return -length & 3;
  }

  /**
   * Writes a header at the position of {@code out}, which moves behind it.
   *
   * @param length 0 to 65535
   */
  public static void putHeader(ByteBuffer out, int number, int length) {
    if (!isChannel(number) || length < 0 || length > 0xFFFF) {
      throw new IllegalArgumentException(String.format(
          "ChannelData of %d bytes on channel 0x%04X: must be 0 to 65535 bytes on 0x4000 to 0x4FFF",
          length, number));
    }
    put(out, number, length);
  }

  /** Writes a header that is known to be right. */
  static void put(ByteBuffer out, int number, int length) {
    out.put((byte) (number >> 8)).put((byte) number).put((byte) (length >> 8)).put((byte) length);
  }

  private static int unsignedShort(ByteBuffer bytes, int at) {
    return (bytes.get(at) & 0xFF) << 8 | bytes.get(at + 1) & 0xFF;
  }
}

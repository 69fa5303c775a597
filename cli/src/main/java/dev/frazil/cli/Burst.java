package dev.frazil.cli;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** A run of numbered payloads of the agent protocol and what came back of it. */
final class Burst {
  /** The shortest payload: {@code ping} and eight digits. */
  static final int MIN_SIZE = 12;

  /** The longest that a UDP datagram over IPv6 takes. */
  static final int MAX_SIZE = 65_487;

  private static final int PING = 0x70696e67;
  private static final int PONG = 0x706f6e67;
  private static final int DIGITS = 8;

  private final int first;
  private final int count;
  private final BitSet returned = new BitSet();
  private int sent;
  private @Nullable Double firstMillis;

  /** Payloads numbered from {@code first} on. */
  Burst(int first, int count) {
    this.first = first;
    this.count = count;
  }

  int count() {
    return count;
  }

  /** How many were handed out to be sent. */
  int sent() {
    return sent;
  }

  /** How many different ones came back. */
  int returned() {
    return returned.cardinality();
  }

  /** When the first came back; null before. */
  @Nullable Double firstMillis() {
    return firstMillis;
  }

  boolean isSent() {
    return sent == count;
  }

  boolean isComplete() {
    return isSent() && returned() == count;
  }

  /** The next payload, padded with dots to a size in bytes. */
  ByteBuffer next(int size) {
    String text = "ping%08d".formatted(first + sent++);
    ByteBuffer payload = ByteBuffer.allocate(size).put(text.getBytes(StandardCharsets.US_ASCII));
    while (payload.hasRemaining()) {
      payload.put((byte) '.');
    }
    return payload.flip();
  }

  /** Notes that the payload of this number came back, if it is one of this burst. */
  void handleReturn(int number, double millis) {
    if (number >= first && number - first < sent) {
      returned.set(number - first);
      firstMillis = firstMillis == null ? Double.valueOf(millis) : firstMillis;
    }
  }

  static boolean isPing(ByteBuffer payload) {
    return payload.remaining() >= 4 && payload.getInt(payload.position()) == PING;
  }

  /** What is sent back: a copy with the first four bytes changed. */
  static ByteBuffer pong(ByteBuffer ping) {
    ByteBuffer pong =
        ByteBuffer.allocate(ping.remaining()).put(ping.duplicate()).flip();
    return pong.putInt(0, PONG);
  }

  /** The number of a payload that was sent back; −1 for any other. */
  static int pongNumber(ByteBuffer payload) {
    int start = payload.position();
    if (payload.remaining() < MIN_SIZE || payload.getInt(start) != PONG) {
      return -1;
    }
    int number = 0;
    for (int i = start + 4; i < start + 4 + DIGITS; i++) {
      int digit = payload.get(i) - '0';
      if (digit < 0 || digit > 9) {
        return -1;
      }
      number = number * 10 + digit;
    }
    return number;
  }
}

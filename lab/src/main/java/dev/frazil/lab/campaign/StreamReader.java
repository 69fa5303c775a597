package dev.frazil.lab.campaign;

import dev.frazil.net.FiveTuple;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Puts the messages together that one host and its TURN servers say to each other over streams. Reads TCP with eyes of its own. */
final class StreamReader {
  private static final int HEADER = 16;
  private static final int FLAGS = 8;
  private static final int SYN = 0x02;

  private record Direction(FiveTuple path, boolean sent) {}

  private final Map<Direction, Bytes> directions = new HashMap<>();

  /** Whether a segment carries something: else it only acknowledges. */
  static boolean hasData(ByteBuffer segment) {
    return segment.remaining() > HEADER;
  }

  /**
   * The messages that end in a segment.
   *
   * @param segment what is behind the ports
   */
  List<ByteBuffer> read(FiveTuple path, boolean sent, ByteBuffer segment) {
    if (segment.remaining() < HEADER) {
      return List.of();
    }
    Direction direction = new Direction(path, sent);
    int sequence = segment.getInt(segment.position());
    if ((segment.getShort(segment.position() + FLAGS) & SYN) != 0) {
      directions.putIfAbsent(direction, new Bytes(sequence + 1));
      return List.of();
    }
    Bytes bytes = directions.get(direction);
    return bytes == null || !hasData(segment)
        ? List.of()
        : bytes.take(
            sequence, segment.slice(segment.position() + HEADER, segment.remaining() - HEADER));
  }

  /** What one side has said. */
  private static final class Bytes {
    private final Map<Integer, ByteBuffer> early = new HashMap<>();
    private int next;
    private ByteBuffer pending = ByteBuffer.allocate(0);

    Bytes(int first) {
      next = first;
    }

    List<ByteBuffer> take(int sequence, ByteBuffer data) {
      List<ByteBuffer> messages = new ArrayList<>();
      if (sequence - next >= 0) {
        early.put(sequence, data);
      }
      ByteBuffer following = early.remove(next);
      while (following != null) {
        next += following.remaining();
        pending = ByteBuffer.allocate(pending.remaining() + following.remaining())
            .put(pending)
            .put(following)
            .flip();
        following = early.remove(next);
      }
      for (ByteBuffer message = message(); message != null; message = message()) {
        messages.add(message);
      }
      return messages;
    }

    /** RFC 8656 3.7, 12.5: both kinds of messages tell their length, and ChannelData is padded. */
    private @Nullable ByteBuffer message() {
      if (pending.remaining() < 4) {
        return null;
      }
      boolean isStun = (pending.get(pending.position()) & 0xC0) == 0;
      int told = pending.getShort(pending.position() + 2) & 0xFFFF;
      int length = isStun ? 20 + told : 4 + (told + 3 & ~3);
      if (pending.remaining() < length) {
        return null;
      }
      ByteBuffer message = pending.slice(pending.position(), length);
      pending.position(pending.position() + length);
      return message;
    }
  }
}

package dev.frazil.net;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a byte stream into messages.
 *
 * <p>A message that lies whole in the input is handed out as a view of it; only one that is split over several inputs is
 * copied. What is kept grows with the bytes that came, never with the length that a peer claims.
 *
 * <pre>{@code
 * while ((message = framer.next(input)) != null) {
 *   machine.handleDatagram(path, message, now);
 * }
 * if (framer.isBroken()) { // close the connection
 * }
 * }</pre>
 */
public final class StreamFramer {
  /** How messages are told apart. */
  public enum Framing {
    /** A 16-bit length in front of each (RFC 4571 2): ICE over TCP. */
    LENGTH_PREFIX,
    /**
     * By their own headers: STUN (RFC 8489 6.2.2) and TURN's ChannelData, padded to 4 bytes (RFC 8656 12.5). The
     * padding is not handed out.
     */
    STUN
  }

  private static final int MAGIC_COOKIE = 0x2112A442;
  private static final int NEED_MORE = -1;
  private static final int BAD = -2;

  private final Framing framing;
  private final int longest;
  private ByteBuffer partial =
      ByteBuffer.allocate(64); // in writing mode: what came of a message that is not whole
  private boolean handedOutPartial;
  private boolean broken;

  /** A framer that takes whatever the framing can express. */
  public StreamFramer(Framing framing) {
    this(framing, Integer.MAX_VALUE);
  }

  /** A framer that is broken by a message of more than {@code longest} bytes, headers counted. */
  public StreamFramer(Framing framing, int longest) {
    this.framing = framing;
    this.longest = longest;
  }

  /**
   * The next whole message: its bytes from position to limit, good until the next call. Bytes are taken from the input
   * up to the end of that message.
   *
   * @return null when the input is used up, or the stream is broken
   */
  public @Nullable ByteBuffer next(ByteBuffer input) {
    if (handedOutPartial) {
      handedOutPartial = false;
      partial.clear();
    }
    while (!broken) {
      ByteBuffer known = partial.position() == 0 ? input : partial.duplicate().flip();
      int size = frameLength(known);
      if (size == BAD) {
        broken = true;
      } else if (known == input && size != NEED_MORE && size <= input.remaining()) {
        ByteBuffer message = message(input.slice(input.position(), size));
        input.position(input.position() + size);
        return message;
      } else if (known != input && size != NEED_MORE && size <= known.remaining()) {
        handedOutPartial = true;
        return message(known);
      } else if (!input.hasRemaining()) {
        return null;
      } else {
        keep(input, size == NEED_MORE ? headerLength() : size);
      }
    }
    return null;
  }

  /** Copies from the input, up to {@code size} bytes of the message in all. */
  private void keep(ByteBuffer input, int size) {
    int count = Math.min(input.remaining(), size - partial.position());
    if (partial.remaining() < count) {
      int capacity = Math.max(2 * partial.capacity(), partial.position() + count);
      partial = ByteBuffer.allocate(capacity).put(partial.flip());
    }
    partial.put(partial.position(), input, input.position(), count);
    partial.position(partial.position() + count);
    input.position(input.position() + count);
  }

  /** How many bytes tell the length of a message. */
  private int headerLength() {
    if (framing == Framing.LENGTH_PREFIX) {
      return 2;
    }
    boolean channelData = partial.position() > 0 && partial.get(0) >> 6 == 1;
    return channelData ? 4 : 8; // STUN: with the cookie, so that garbage is seen at once
  }

  /** The length of the frame that starts here, padding and prefix counted. */
  private int frameLength(ByteBuffer bytes) {
    int at = bytes.position();
    int have = bytes.remaining();
    int size;
    if (framing == Framing.LENGTH_PREFIX) {
      if (have < 2) {
        return NEED_MORE;
      }
      size = 2 + unsignedShort(bytes, at);
    } else if (have == 0) {
      return NEED_MORE;
    } else if (bytes.get(at) >> 6 == 1) {
      if (have < 4) {
        return NEED_MORE;
      }
      size = 4 + unsignedShort(bytes, at + 2) + 3 & ~3;
    } else if (bytes.get(at) >> 6 != 0) {
      return BAD;
    } else if (have < 8) {
      return NEED_MORE;
    } else {
      size = 20 + unsignedShort(bytes, at + 2);
      if (size % 4 != 0
          || (unsignedShort(bytes, at + 4) << 16 | unsignedShort(bytes, at + 6)) != MAGIC_COOKIE) {
        return BAD;
      }
    }
    return size > longest ? BAD : size;
  }

  private ByteBuffer message(ByteBuffer frame) {
    if (framing == Framing.LENGTH_PREFIX) {
      return frame.position(2);
    }
    return frame.get(0) >> 6 == 1 ? frame.limit(4 + unsignedShort(frame, 2)) : frame;
  }

  private static int unsignedShort(ByteBuffer bytes, int at) {
    return (bytes.get(at) & 0xFF) << 8 | bytes.get(at + 1) & 0xFF;
  }

  /** Whether something came that is no message: there is no way back into step, the connection has to be closed. */
  public boolean isBroken() {
    return broken;
  }
}

package dev.frazil.stun;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** How the value of an attribute is read and written. Buffers are big-endian; a message's first byte is at index 0. */
abstract class AttributeCodec<T> {
  /** Reads {@code length} bytes at {@code at}; null when they are malformed. Moves nothing. */
  abstract @Nullable T read(ByteBuffer message, int at, int length);

  /** Whether {@link #read} would find a value. */
  boolean isReadable(ByteBuffer message, int at, int length) {
    return read(message, at, length) != null;
  }

  /** Writes the value at the buffer's position, without padding. */
  abstract void write(ByteBuffer out, TransactionId id, T value);
}

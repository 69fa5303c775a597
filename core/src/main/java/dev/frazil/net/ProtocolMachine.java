package dev.frazil.net;

import java.nio.ByteBuffer;

/**
 * A protocol without I/O: calls go in, and what it wants to send or say goes out through the outbox that its owner
 * handed to the constructor, inside the same call.
 *
 * <p>A machine has one owner at a time and is not safe for use by several threads at once. Buffers are borrowed for the
 * call. Time is absolute: nanoseconds from an origin of the owner's choice, never negative and never going back.
 */
public interface ProtocolMachine {
  /** The deadline of a machine that waits for nothing. */
  long NEVER = Long.MAX_VALUE;

  /**
   * Takes one datagram, or one message of a stream. Nothing that the network sends makes this method throw.
   *
   * @param path where it came in ({@link FiveTuple#local}) and where it came from ({@link FiveTuple#remote})
   * @param datagram its bytes, from position to limit; the position may be moved
   * @param now the time in nanoseconds
   */
  void handleDatagram(FiveTuple path, ByteBuffer datagram, long now);

  /** Does what is due. Early and repeated calls do nothing. */
  void handleTimeout(long now);

  /** The absolute time in nanoseconds at which {@link #handleTimeout} is next wanted, or {@link #NEVER}. */
  long nextTimeout();
}

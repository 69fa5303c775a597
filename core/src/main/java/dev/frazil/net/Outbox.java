package dev.frazil.net;

import java.nio.ByteBuffer;

/**
 * What every protocol machine can say; each machine extends it with its own words.
 *
 * <p>Buffers are borrowed for the call. An outbox never calls back into its machine.
 */
public interface Outbox {
  /**
   * Sends one datagram in at most two parts, so that a header can be put in front of a payload without a copy.
   *
   * @param path from where and to where
   * @param header the first part, from position to limit
   * @param payload the second part, often empty
   */
  void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload);
}

package dev.frazil.testkit;

import dev.frazil.net.FiveTuple;
import java.nio.ByteBuffer;

/** Takes the datagrams that arrive at a {@link VirtualSocket}. */
@FunctionalInterface
public interface DatagramHandler {
  /**
   * Takes one datagram.
   *
   * @param path the address it arrived at ({@link FiveTuple#local}) and the one it came from
   * @param payload its bytes, read-only, borrowed for the call
   * @param now the virtual time in nanoseconds
   */
  void handle(FiveTuple path, ByteBuffer payload, long now);

  /**
   * Hears that the host at the other end of a path has no socket there (an ICMP port unreachable came back). Does
   * nothing unless overridden.
   */
  default void unreachable(FiveTuple path, long now) {}
}

package dev.frazil.netty;

import java.nio.ByteBuffer;

/** Takes the application data of a session. */
@FunctionalInterface
public interface DataHandler {
  /**
   * One datagram came in. Called on the session's event loop, so it must not block; it may call the session.
   *
   * @param stream the stream's index, from 0
   * @param component 1 to 256
   * @param payload the datagram, without a copy: borrowed for the call
   */
  void onData(int stream, int component, ByteBuffer payload);
}

package dev.frazil.ice;

import dev.frazil.net.Outbox;
import java.nio.ByteBuffer;

/** What an {@link IceAgent} can say. It never calls back into the agent. */
public interface IceOutbox extends Outbox {
  /**
   * Application data came in.
   *
   * @param stream the stream's index
   * @param component 1 to 256
   * @param payload borrowed for the call
   */
  void deliver(int stream, int component, ByteBuffer payload);

  /** The runtime is to do something. */
  void request(IceRequest request);

  /** The application is to know something. */
  void event(IceEvent event);
}

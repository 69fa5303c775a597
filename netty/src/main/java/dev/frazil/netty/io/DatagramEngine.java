package dev.frazil.netty.io;

import org.jspecify.annotations.Nullable;

/**
 * A way to datagrams beside Netty's channels, on event loops of Netty's epoll, which carry everything else. {@link Sockets}
 * finds it by {@link java.util.ServiceLoader}.
 */
public interface DatagramEngine {
  /** What keeps it from working on this host and JVM; null when it works. */
  @Nullable String obstacle();

  /** The ports of one event loop. */
  DatagramPorts on(Driver driver);
}

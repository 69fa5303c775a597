package dev.frazil.netty;

/** What the sockets of a runtime run on. */
public enum IoTransport {
  /** {@link #EPOLL} where it is available, else {@link #NIO}, which is then logged. */
  AUTO,
  /** Linux's epoll. */
  EPOLL,
  /** The JDK's own sockets, on every system. */
  NIO,
  /** Linux's io_uring; only by choice. */
  IO_URING
}

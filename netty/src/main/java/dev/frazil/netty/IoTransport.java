package dev.frazil.netty;

/** What the sockets of a runtime run on. */
public enum IoTransport {
  /** The first that is available of {@link #LINUX}, {@link #EPOLL} and {@link #NIO}; the last is logged. */
  AUTO,
  /** Linux's epoll. */
  EPOLL,
  /** The JDK's own sockets, on every system. */
  NIO,
  /** Linux's io_uring; only by choice. */
  IO_URING,
  /**
   * Linux's system calls for many datagrams at once, called from Java, with epoll for all else: needs JDK 22 or newer and
   * the module {@code frazil-linux}.
   */
  LINUX
}

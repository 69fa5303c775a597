/** Datagrams on Linux by system calls from Java, many at once. */
module dev.frazil.linux {
  requires dev.frazil.netty;
  requires static org.jspecify;
  requires io.netty.buffer;
  requires io.netty.common;
  requires io.netty.transport;
  requires io.netty.transport.classes.epoll;
  requires io.netty.transport.unix.common;

  provides dev.frazil.netty.io.DatagramEngine with
      dev.frazil.linux.LinuxEngine;
}

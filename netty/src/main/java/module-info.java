/** Frazil's machines on real sockets, and the session that an application holds. */
@SuppressWarnings("module") // the engine is not there on an older JDK
module dev.frazil.netty {
  requires transitive dev.frazil.core;
  requires static org.jspecify;
  requires java.naming;
  requires io.netty.buffer;
  requires io.netty.codec;
  requires io.netty.codec.haproxy;
  requires io.netty.common;
  requires io.netty.handler;
  requires io.netty.handler.proxy;
  requires io.netty.transport;
  requires io.netty.transport.classes.epoll;
  requires io.netty.transport.classes.io_uring;
  requires io.netty.transport.unix.common;
  requires io.netty.resolver;
  requires io.netty.resolver.dns;
  requires org.bouncycastle.tls;
  requires org.bouncycastle.util;
  requires org.bouncycastle.provider;

  exports dev.frazil.netty;
  exports dev.frazil.netty.io to
      dev.frazil.linux;

  uses dev.frazil.netty.io.DatagramEngine;
}

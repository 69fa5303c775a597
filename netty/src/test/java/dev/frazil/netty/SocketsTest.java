package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.Sockets;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.SocketProtocolFamily;
import io.netty.channel.uring.IoUring;
import io.netty.util.ReferenceCountUtil;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class SocketsTest {
  @Test
  void epollIsChosenOnLinux() {
    Assumptions.assumeTrue(System.getProperty("os.name").equals("Linux"));
    Assumptions.assumeTrue(
        System.getProperty("os.arch").toLowerCase(Locale.ROOT).matches("amd64|x86_64|aarch64"));
    try (IceRuntime runtime = IceRuntime.create()) {
      assertThat(runtime.transport()).isIn(IoTransport.EPOLL, IoTransport.LINUX);
    }
  }

  @Test
  void datagramsThatWaitComeInBySixteenInOneSystemCall() throws Exception {
    Assumptions.assumeTrue(Epoll.isAvailable());
    int slot = 2049;
    List<Long> places = new CopyOnWriteArrayList<>();
    try (DatagramSocket sender = new DatagramSocket()) {
      MultiThreadIoEventLoopGroup group =
          new MultiThreadIoEventLoopGroup(1, Sockets.of(Sockets.Engine.EPOLL).handlers());
      Driver driver =
          new Driver((EventLoop) group.iterator().next(), Sockets.of(Sockets.Engine.EPOLL));
      Channel channel = driver.datagramChannel(SocketProtocolFamily.INET, slot - 1);
      channel.pipeline().addLast(new ChannelInboundHandlerAdapter() {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
          places.add(((DatagramPacket) message).content().memoryAddress());
          ReferenceCountUtil.release(message);
        }
      });
      group.register(channel).sync();
      channel.bind(new InetSocketAddress("127.0.0.1", 0)).sync();
      InetSocketAddress address = (InetSocketAddress) channel.localAddress();
      channel
          .eventLoop()
          .submit(() -> {
            for (int i = 0; i < 40; i++) {
              sender.send(new java.net.DatagramPacket(new byte[100], 100, address));
            }
            return null;
          })
          .sync();
      Wait.until(() -> places.size() == 40);
      group.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
    }
    for (int i = 1; i < 40; i++) { // those of one call stand in one buffer, a slot apart
      if (i % 16 != 0) {
        assertThat(places.get(i) - places.get(i - 1)).isEqualTo(slot);
      }
    }
  }

  @Test
  void fallBackToTheJdksSocketsIsLogged() {
    List<String> log = new ArrayList<>();
    Logger logger = Logger.getLogger(Sockets.class.getName());
    Handler handler = new Handler() {
      @Override
      public void publish(LogRecord line) {
        log.add(line.getMessage());
      }

      @Override
      public void flush() {}

      @Override
      public void close() {}
    };
    logger.addHandler(handler);
    try {
      Sockets sockets = Sockets.automatic(new UnsatisfiedLinkError("no such library"));

      assertThat(sockets.engine()).isEqualTo(Sockets.Engine.NIO);
      assertThat(log).singleElement().asString().contains("epoll", "no such library");
    } finally {
      logger.removeHandler(handler);
    }
  }

  @Test
  void transportThatIsNamedButMissingIsRefused() {
    Assumptions.assumeFalse(IoUring.isAvailable());
    assertThatIllegalStateException()
        .isThrownBy(() -> IceRuntime.builder().transport(IoTransport.IO_URING).build())
        .withMessageContaining("IO_URING")
        .withCauseInstanceOf(Throwable.class);
  }
}

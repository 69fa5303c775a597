package dev.frazil.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainDatagramPacket;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
class SystemdNoticeTest {
  @TempDir
  private Path folder;

  private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private FrazilServer server;

  @BeforeEach
  void start() throws Exception {
    server = FrazilServer.start(new Settings()
        .set(Setting.LISTEN, List.of("127.0.0.1:0"))
        .set(Setting.USER, List.of("alice:wonder"))
        .set(Setting.STATISTICS, List.of("0"))
        .build());
  }

  @AfterEach
  void close() {
    server.close();
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  /** What systemd's end of the socket would be. */
  private Channel listen(String name) {
    return new Bootstrap()
        .group(group)
        .channel(EpollDomainDatagramChannel.class)
        .handler(new SimpleChannelInboundHandler<DomainDatagramPacket>() {
          @Override
          protected void channelRead0(ChannelHandlerContext context, DomainDatagramPacket packet) {
            told.add(packet.content().toString(StandardCharsets.UTF_8));
          }
        })
        .bind(new DomainSocketAddress(name))
        .syncUninterruptibly()
        .channel();
  }

  private String next() throws InterruptedException {
    return String.valueOf(told.poll(30, TimeUnit.SECONDS));
  }

  @Test
  void readinessReloadAndEndAreTold() throws Exception {
    String path = folder.resolve("notify").toString();
    listen(path);
    server.notifySystemd(Map.of("NOTIFY_SOCKET", path));
    assertThat(next()).isEqualTo("READY=1");
    server.reconfigure(new Settings()
        .set(Setting.LISTEN, List.of("127.0.0.1:0"))
        .set(Setting.USER, List.of("alice:other"))
        .build());
    assertThat(next()).matches("RELOADING=1\nMONOTONIC_USEC=\\d+");
    assertThat(next()).isEqualTo("READY=1");
    server.close();
    assertThat(next()).isEqualTo("STOPPING=1");
  }

  @Test
  void watchdogIsFedWhileTheEventLoopsAnswer() throws Exception {
    String path = folder.resolve("notify").toString();
    listen(path);
    server.notifySystemd(Map.of(
        "NOTIFY_SOCKET",
        path,
        "WATCHDOG_USEC",
        "20000",
        "WATCHDOG_PID",
        Long.toString(ProcessHandle.current().pid())));
    assertThat(next()).isEqualTo("READY=1");
    assertThat(List.of(next(), next(), next())).containsOnly("WATCHDOG=1");
  }

  @Test
  void socketOfTheAbstractNamespaceIsReached() throws Exception {
    String name = "frazil-test-" + ProcessHandle.current().pid();
    listen("\0" + name);
    server.notifySystemd(Map.of("NOTIFY_SOCKET", "@" + name));
    assertThat(next()).isEqualTo("READY=1");
  }

  @Test
  void nobodyIsToldWhoDoesNotAsk() {
    assertThat(SystemdNotice.of(Map.of())).isNull();
    assertThat(SystemdNotice.of(Map.of("NOTIFY_SOCKET", "vsock:2:1234"))).isNull();
    String elsewhere = folder.resolve("notify").toString();
    try (SystemdNotice notice = SystemdNotice.of(
        Map.of("NOTIFY_SOCKET", elsewhere, "WATCHDOG_USEC", "20000", "WATCHDOG_PID", "1"))) {
      assertThat(notice.watchdog()).as("another process is watched").isNull();
      notice.ready(); // nobody listens there, which is no harm
    }
  }
}

package dev.frazil.server;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Tells systemd how the service does, by the protocol of sd_notify(3): a datagram over a socket in the file system, which
 * the JDK has none of, but Netty on Linux.
 */
final class SystemdNotice implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(SystemdNotice.class.getName());
  private static final long PATIENCE_MILLIS = 1000;

  private final @Nullable Duration watchdog;
  private final MultiThreadIoEventLoopGroup group = new MultiThreadIoEventLoopGroup(
      1, new DefaultThreadFactory("frazil-notify", true), EpollIoHandler.newFactory());
  private final Channel channel;

  private SystemdNotice(DomainSocketAddress systemd, @Nullable Duration watchdog) {
    this.watchdog = watchdog;
    channel = new Bootstrap()
        .group(group)
        .channel(EpollDomainDatagramChannel.class)
        .handler(new ChannelInboundHandlerAdapter())
        .connect(systemd)
        .awaitUninterruptibly()
        .channel();
  }

  /**
   * As the process's variables say: {@code NOTIFY_SOCKET}, {@code WATCHDOG_USEC} and {@code WATCHDOG_PID}.
   *
   * @return null when systemd does not want to hear, or can't be told
   */
  static @Nullable SystemdNotice of(Map<String, String> environment) {
    String path = environment.getOrDefault("NOTIFY_SOCKET", "");
    if (path.isEmpty()) {
      return null;
    } else if (!Epoll.isAvailable() || !(path.startsWith("/") || path.startsWith("@"))) {
      LOGGER.log(Level.WARNING, () -> "systemd can't be told at " + path);
      return null;
    }
    String name = path.startsWith("@") ? "\0" + path.substring(1) : path; // the abstract namespace
    return new SystemdNotice(new DomainSocketAddress(name), watchdog(environment));
  }

  private static @Nullable Duration watchdog(Map<String, String> environment) {
    String pid = environment.getOrDefault("WATCHDOG_PID", "");
    boolean other =
        !pid.isEmpty() && !pid.equals(Long.toString(ProcessHandle.current().pid()));
    try {
      long micros = Long.parseLong(environment.getOrDefault("WATCHDOG_USEC", "0"));
      return other || micros <= 0 ? null : Duration.ofNanos(TimeUnit.MICROSECONDS.toNanos(micros));
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /** Within which time systemd wants to hear again and again; null when it does not. */
  @Nullable Duration watchdog() {
    return watchdog;
  }

  void ready() {
    tell("READY=1");
  }

  /** To be followed by {@link #ready}. */
  void reloading() {
    tell("RELOADING=1\nMONOTONIC_USEC=" + TimeUnit.NANOSECONDS.toMicros(System.nanoTime()));
  }

  void stopping() {
    tell("STOPPING=1");
  }

  void alive() {
    tell("WATCHDOG=1");
  }

  /** Waits a moment at most: not on an event loop. */
  private void tell(String state) {
    ChannelFuture sent =
        channel.writeAndFlush(Unpooled.copiedBuffer(state, StandardCharsets.UTF_8));
    if (!sent.awaitUninterruptibly(PATIENCE_MILLIS) || !sent.isSuccess()) {
      LOGGER.log(Level.WARNING, () -> "systemd was not told " + state + ": " + sent.cause());
    }
  }

  @Override
  public void close() {
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }
}

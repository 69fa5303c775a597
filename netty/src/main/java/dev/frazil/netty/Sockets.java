package dev.frazil.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.SocketProtocolFamily;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringDatagramChannel;
import io.netty.channel.uring.IoUringIoHandler;
import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;

/** What one I/O transport makes: the handlers of event loops, and datagram channels. */
final class Sockets {
  private static final System.Logger LOGGER = System.getLogger(Sockets.class.getName());

  /** How many datagrams one system call receives at most, where the transport can. */
  private static final int BATCH = 16;

  private final IoTransport transport;

  private Sockets(IoTransport transport) {
    this.transport = transport;
  }

  /**
   * Chooses the transport.
   *
   * @throws IllegalStateException when one is named that this host does not have
   */
  static Sockets of(IoTransport wanted) {
    return switch (wanted) {
      case AUTO -> automatic(Epoll.isAvailable() ? null : Epoll.unavailabilityCause());
      case EPOLL -> named(wanted, Epoll.isAvailable() ? null : Epoll.unavailabilityCause());
      case IO_URING -> named(wanted, IoUring.isAvailable() ? null : IoUring.unavailabilityCause());
      case NIO -> new Sockets(wanted);
    };
  }

  /** Epoll, or NIO when there is a cause for not having epoll. */
  static Sockets automatic(@Nullable Throwable missing) {
    if (missing == null) {
      return new Sockets(IoTransport.EPOLL);
    }
    LOGGER.log(Level.INFO, () -> "epoll is not available, the JDK's sockets are used: " + missing);
    return new Sockets(IoTransport.NIO);
  }

  private static Sockets named(IoTransport wanted, @Nullable Throwable missing) {
    if (missing != null) {
      throw new IllegalStateException("transport " + wanted + ": is not available here", missing);
    }
    return new Sockets(wanted);
  }

  IoTransport transport() {
    return transport;
  }

  /** Whether nothing else happens on an event loop until all datagrams that one read brought are handled. */
  boolean readsInBatches() {
    return transport != IoTransport.IO_URING;
  }

  IoHandlerFactory handlers() {
    return switch (transport) {
      case EPOLL -> EpollIoHandler.newFactory();
      case IO_URING -> IoUringIoHandler.newFactory();
      default -> NioIoHandler.newFactory();
    };
  }

  /** A channel that takes datagrams of both families where the host has both; for name servers. */
  DatagramChannel datagramChannel() {
    return switch (transport) {
      case EPOLL -> new EpollDatagramChannel();
      case IO_URING -> new IoUringDatagramChannel();
      default -> new NioDatagramChannel();
    };
  }

  /** A channel for one family that receives datagrams of up to {@code slot} bytes, in batches where that helps. */
  DatagramChannel datagramChannel(SocketProtocolFamily family, int slot) {
    DatagramChannel channel = switch (transport) {
      case EPOLL -> new EpollDatagramChannel(family);
      case IO_URING -> new IoUringDatagramChannel(family);
      default -> new NioDatagramChannel(family);
    };
    if (transport == IoTransport.EPOLL) {
      set(channel, EpollChannelOption.MAX_DATAGRAM_PAYLOAD_SIZE, slot);
      set(channel, ChannelOption.RECVBUF_ALLOCATOR, new BatchAllocator(slot, BATCH));
    } else {
      set(channel, ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(slot));
    }
    return channel;
  }

  private static <T> void set(Channel channel, ChannelOption<T> option, T value) {
    channel.config().setOption(option, value);
  }
}

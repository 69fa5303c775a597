package dev.frazil.netty.io;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoOps;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.SocketProtocolFamily;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.unix.IntegerUnixChannelOption;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringDatagramChannel;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import io.netty.util.concurrent.ThreadAwareExecutor;
import java.lang.System.Logger.Level;
import java.net.StandardSocketOptions;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/** What one I/O transport makes: the handlers of event loops, and channels. */
public final class Sockets {
  private static final System.Logger LOGGER = System.getLogger(Sockets.class.getName());

  /** Linux's IP_MTU_DISCOVER at IPPROTO_IP, and its value that sets the DF bit always. */
  public static final int MTU_DISCOVER = 10;

  public static final int MTU_DISCOVER_DO = 2;
  static final IntegerUnixChannelOption MTU_DISCOVER_OPTION =
      new IntegerUnixChannelOption("IP_MTU_DISCOVER", 0, MTU_DISCOVER);

  /** Linux's SO_REUSEPORT at SOL_SOCKET, which Netty names for listeners only. */
  private static final IntegerUnixChannelOption REUSEPORT =
      new IntegerUnixChannelOption("SO_REUSEPORT", 1, 15);

  /** What the sockets run on. */
  public enum Engine {
    EPOLL,
    NIO,
    IO_URING,
    /** Epoll, with the datagrams by a {@link DatagramEngine}. */
    LINUX
  }

  private final Engine engine;
  private final @Nullable DatagramEngine datagrams;

  private Sockets(Engine engine) {
    this(engine, null);
  }

  private Sockets(Engine engine, @Nullable DatagramEngine datagrams) {
    this.engine = engine;
    this.datagrams = datagrams;
  }

  /**
   * The sockets of one engine.
   *
   * @throws IllegalStateException when this host does not have it
   */
  public static Sockets of(Engine wanted) {
    Throwable missing = switch (wanted) {
      case EPOLL, LINUX -> Epoll.isAvailable() ? null : Epoll.unavailabilityCause();
      case IO_URING -> IoUring.isAvailable() ? null : IoUring.unavailabilityCause();
      case NIO -> null;
    };
    if (missing != null) {
      throw new IllegalStateException("transport " + wanted + ": is not available here", missing);
    }
    return new Sockets(wanted, wanted == Engine.LINUX ? datagramEngine() : null);
  }

  private static DatagramEngine datagramEngine() {
    DatagramEngine found = findDatagramEngine();
    String obstacle = found == null ? "frazil-linux is not there" : found.obstacle();
    if (found == null || obstacle != null) {
      throw new IllegalStateException("transport LINUX: is not available here: " + obstacle);
    }
    return found;
  }

  private static @Nullable DatagramEngine findDatagramEngine() {
    try {
      return ServiceLoader.load(DatagramEngine.class, Sockets.class.getClassLoader())
          .findFirst()
          .orElse(null);
    } catch (ServiceConfigurationError | LinkageError e) { // made for a newer JVM than this one
      LOGGER.log(Level.DEBUG, "no engine for datagrams", e);
      return null;
    }
  }

  /** The best that is here, which is logged: a {@link DatagramEngine} on epoll, epoll, NIO. */
  public static Sockets automatic() {
    if (!Epoll.isAvailable()) {
      return automatic(Epoll.unavailabilityCause());
    }
    DatagramEngine found = findDatagramEngine();
    String obstacle = found == null ? null : found.obstacle();
    if (found == null || obstacle != null) {
      LOGGER.log(
          Level.DEBUG,
          () -> "datagrams by epoll" + (obstacle == null ? "" : ", because " + obstacle));
      return automatic(null);
    }
    LOGGER.log(Level.DEBUG, "datagrams by system calls from Java, all else by epoll");
    return new Sockets(Engine.LINUX, found);
  }

  /** Epoll, or NIO when there is a cause for not having epoll. */
  public static Sockets automatic(@Nullable Throwable missing) {
    if (missing == null) {
      return new Sockets(Engine.EPOLL);
    }
    LOGGER.log(Level.INFO, () -> "epoll is not available, the JDK's sockets are used: " + missing);
    return new Sockets(Engine.NIO);
  }

  public Engine engine() {
    return engine;
  }

  /** What opens the datagram ports of an event loop. */
  DatagramPorts ports(Driver driver) {
    return datagrams == null ? ChannelPort.on(driver) : datagrams.on(driver);
  }

  /** Whether nothing else happens on an event loop until all datagrams that one read brought are handled. */
  public boolean readsInBatches() {
    return engine != Engine.IO_URING;
  }

  public IoHandlerFactory handlers() {
    return switch (engine) {
      case EPOLL, LINUX -> MendedEpoll.newFactory();
      case IO_URING -> IoUringIoHandler.newFactory();
      default -> NioIoHandler.newFactory();
    };
  }

  /** A channel that takes datagrams of both families where the host has both; for name servers. */
  public DatagramChannel datagramChannel() {
    return switch (engine) {
      case EPOLL, LINUX -> new EpollDatagramChannel();
      case IO_URING -> new IoUringDatagramChannel();
      default -> new NioDatagramChannel();
    };
  }

  /** Whether single datagrams can be sent with IPv4's DF bit. */
  public boolean setsDontFragment() {
    return engine == Engine.EPOLL || engine == Engine.LINUX;
  }

  /** A channel for one family that receives datagrams into this room, in batches where the engine can. */
  DatagramChannel datagramChannel(SocketProtocolFamily family, BatchAllocator room) {
    DatagramChannel channel = switch (engine) {
      case EPOLL, LINUX -> new EpollDatagramChannel(family);
      case IO_URING -> new IoUringDatagramChannel(family);
      default -> EmptyDatagrams.jdkChannel(family);
    };
    if (channel instanceof EpollDatagramChannel) {
      set(channel, EpollChannelOption.MAX_DATAGRAM_PAYLOAD_SIZE, room.slot());
      set(channel, ChannelOption.RECVBUF_ALLOCATOR, room);
    } else {
      set(channel, ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(room.slot()));
    }
    return channel;
  }

  /** A channel that others can connect to by TCP. */
  public ServerSocketChannel listenerChannel() {
    return switch (engine) {
      case EPOLL, LINUX -> new EpollServerSocketChannel();
      case IO_URING -> new IoUringServerSocketChannel();
      default -> new NioServerSocketChannel();
    };
  }

  /** A channel that can connect to a server by TCP. */
  public SocketChannel streamChannel() {
    return switch (engine) {
      case EPOLL, LINUX -> new EpollSocketChannel();
      case IO_URING -> new IoUringSocketChannel();
      default -> new NioSocketChannel();
    };
  }

  /** Lets several sockets of this user be bound to what the channel is bound to (SO_REUSEPORT), where there is such. */
  public void sharePort(Channel channel) {
    if (engine == Engine.NIO) {
      set(channel, NioChannelOption.of(StandardSocketOptions.SO_REUSEPORT), true);
    } else {
      set(channel, REUSEPORT, 1);
    }
  }

  private static <T> void set(Channel channel, ChannelOption<T> option, T value) {
    channel.config().setOption(option, value);
  }

  /**
   * Netty's epoll, mended: 4.2.18 takes a socket that waits for nothing out of the kernel's list and cannot put it back, so
   * that a stream which the other side has half closed breaks when it is next paused or full. Here such a socket waits for
   * errors, which the kernel tells in any case.
   */
  private static final class MendedEpoll implements IoHandler {
    private final IoHandler handler;

    private MendedEpoll(IoHandler handler) {
      this.handler = handler;
    }

    static IoHandlerFactory newFactory() {
      IoHandlerFactory factory = EpollIoHandler.newFactory();
      return new IoHandlerFactory() {
        @Override
        public IoHandler newHandler(ThreadAwareExecutor executor) {
          return new MendedEpoll(factory.newHandler(executor));
        }

        @Override
        public boolean isChangingThreadSupported() {
          return factory.isChangingThreadSupported();
        }
      };
    }

    private record Registration(IoRegistration registration) implements IoRegistration {
      @Override
      @SuppressWarnings("TypeParameterUnusedInFormals") // Netty's
      public <T> T attachment() {
        return registration.attachment();
      }

      @Override
      public long submit(IoOps ops) {
        return registration.submit(EpollIoOps.NONE.equals(ops) ? EpollIoOps.EPOLLERR : ops);
      }

      @Override
      public boolean isValid() {
        return registration.isValid();
      }

      @Override
      public boolean cancel() {
        return registration.cancel();
      }
    }

    @Override
    public IoRegistration register(IoHandle handle) throws Exception {
      return new Registration(handler.register(handle));
    }

    @Override
    public void initialize() {
      handler.initialize();
    }

    @Override
    public int run(IoHandlerContext context) {
      return handler.run(context);
    }

    @Override
    public void prepareToDestroy() {
      handler.prepareToDestroy();
    }

    @Override
    public void destroy() {
      handler.destroy();
    }

    @Override
    public void wakeup() {
      handler.wakeup();
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> type) {
      return handler.isCompatible(type);
    }
  }
}

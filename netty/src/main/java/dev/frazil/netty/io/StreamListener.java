package dev.frazil.netty.io;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.IpPrefix;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.StreamPort.End;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.haproxy.HAProxyCommand;
import io.netty.handler.codec.haproxy.HAProxyMessage;
import io.netty.handler.codec.haproxy.HAProxyMessageDecoder;
import io.netty.handler.codec.haproxy.HAProxyProtocolException;
import io.netty.handler.codec.haproxy.HAProxyProxiedProtocol;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A TCP socket that others connect to. Used on its event loop only. */
public final class StreamListener extends ChannelInboundHandlerAdapter {
  private static final System.Logger LOGGER = System.getLogger(StreamListener.class.getName());

  /** What waits for being accepted in a burst; the system takes what it allows of this. */
  private static final int BACKLOG = 4096;

  /** How long nothing is accepted when the process has no file descriptor left. */
  private static final long PAUSE_MILLIS = 1000;

  /** How many connections from proxies may wait for what these say, and what that may have beside addresses, in bytes. */
  private static final int MOST_AWAITED = 4096;

  private static final int LONGEST_EXTENSIONS = 4096;
  private static final IpPrefix MAPPED = IpPrefix.parse("::ffff:0:0/96");

  /** Who a listener works for. */
  public interface Owner {
    /** Somebody connected. Nothing is read before the owner says what to do with it. */
    void handleAccepted(StreamPort stream);

    /** A connection was closed before there was a stream: a proxy did not say whom it is from. */
    default void handleRefused(End reason) {}

    /** The listener broke: its owner did not close it. */
    void handleBroken(StreamListener listener, String reason);
  }

  /**
   * Who is believed when saying, by the PROXY protocol, whom a connection is from; and has to say it.
   *
   * @param ranges of their addresses
   * @param patience how long that may take
   */
  public record Proxies(List<IpPrefix> ranges, Duration patience) {
    private static final Duration LONGEST_PATIENCE = Duration.ofSeconds(5);
    static final Proxies NONE = new Proxies(List.of(), LONGEST_PATIENCE);

    /** These, with the patience that streams are met with, but five seconds at most. */
    public static Proxies of(Collection<IpPrefix> ranges, Duration patience) {
      return new Proxies(
          List.copyOf(ranges),
          patience.compareTo(LONGEST_PATIENCE) < 0 ? patience : LONGEST_PATIENCE);
    }

    boolean include(InetSocketAddress remote) {
      if (ranges.isEmpty()) {
        return false;
      }
      IpAddress ip = SocketAddresses.toIp(remote.getAddress());
      return ranges.stream().anyMatch(range -> range.contains(ip));
    }
  }

  private final Driver driver;
  private final Owner owner;
  private final Proxies proxies;
  private final Set<Proxied> awaited = new HashSet<>();
  private final ServerSocketChannel channel;
  private TransportAddress local;
  private boolean closed;

  private StreamListener(Driver driver, TransportAddress local, Proxies proxies, Owner owner) {
    this.driver = driver;
    this.local = local;
    this.proxies = proxies;
    this.owner = owner;
    channel = driver.sockets().listenerChannel();
    channel.config().setOption(ChannelOption.SO_REUSEADDR, true);
    channel.config().setOption(ChannelOption.SO_BACKLOG, BACKLOG);
    channel.pipeline().addLast(this);
  }

  /**
   * Listens on an address before it returns, on the driver's event loop: a transport does nothing there that it would
   * have to wait for.
   *
   * @param shared whether others of this user may listen there, too, as the shards of a server do
   * @throws IOException when the address is taken or not there
   */
  public static StreamListener bind(
      Driver driver, TransportAddress address, boolean shared, Owner owner) throws IOException {
    return bind(driver, address, shared, Proxies.NONE, owner);
  }

  /** The same, for those that proxies pass on, too. */
  public static StreamListener bind(
      Driver driver, TransportAddress address, boolean shared, Proxies proxies, Owner owner)
      throws IOException {
    StreamListener listener;
    try {
      listener = new StreamListener(driver, address, proxies, owner);
    } catch (RuntimeException e) { // no file descriptor left
      throw new IOException(e.getMessage(), e);
    }
    listener.open(address, shared);
    return listener;
  }

  private void open(TransportAddress address, boolean shared) throws IOException {
    Throwable cause;
    try {
      if (shared) {
        sharePort();
      }
      ChannelFuture done = driver.eventLoop().register(channel);
      if (done.isSuccess()) {
        done = channel.bind(SocketAddresses.toSocketAddress(address, 0));
      }
      if (done.isSuccess()) {
        InetSocketAddress bound = channel.localAddress();
        local = SocketAddresses.toTransport(bound, address.ip().scopeId(), Transport.TCP);
        return;
      }
      cause = done.cause();
    } catch (RuntimeException e) {
      cause = e;
    }
    close();
    throw new IOException(cause == null ? "did not bind" : cause.getMessage(), cause);
  }

  /** The address that is listened on. */
  public TransportAddress local() {
    return local;
  }

  /** Lets connections leave from the address, too; they have to share the port in their turn. */
  public void sharePort() {
    driver.sockets().sharePort(channel);
  }

  /** Closes the socket; streams that were accepted stay. */
  public void close() {
    closed = true;
    close(channel);
    List.copyOf(awaited).forEach(each -> each.refuse(End.CLOSED));
  }

  static void close(Channel channel) {
    if (channel.isRegistered()) {
      channel.close();
    } else {
      channel.unsafe().closeForcibly();
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    SocketChannel accepted = (SocketChannel) message;
    InetSocketAddress remote = accepted.remoteAddress();
    if (closed || remote == null) { // it is gone already
      accepted.unsafe().closeForcibly();
    } else if (proxies.include(remote)) {
      new Proxied(accepted, remote).open();
    } else {
      owner.handleAccepted(new StreamPort(driver, accepted, local, remote));
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    LOGGER.log(Level.WARNING, () -> "no stream is accepted on port " + local.port() + ": " + cause);
    Channel listening = context.channel();
    if (listening.config().isAutoRead()) {
      listening.config().setAutoRead(false);
      driver
          .eventLoop()
          .schedule(
              () -> listening.config().setAutoRead(true), PAUSE_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    if (!closed) {
      closed = true;
      owner.handleBroken(this, "the socket was closed");
    }
  }

  /** A connection from a proxy, which has not said yet whom it is from: that comes before all else, before TLS too. */
  private final class Proxied extends ChannelInboundHandlerAdapter {
    private final SocketChannel accepted;
    private final InetSocketAddress proxy;
    private @Nullable Future<?> end;

    Proxied(SocketChannel accepted, InetSocketAddress proxy) {
      this.accepted = accepted;
      this.proxy = proxy;
    }

    void open() {
      awaited.add(this);
      if (awaited.size() > MOST_AWAITED) {
        refuse(End.TOO_MANY);
        return;
      }
      end = driver
          .eventLoop()
          .schedule(
              () -> refuse(End.BAD_PROXY_HEADER),
              proxies.patience().toMillis(),
              TimeUnit.MILLISECONDS);
      accepted.pipeline().addLast(new HAProxyMessageDecoder(LONGEST_EXTENSIONS), this);
      driver.eventLoop().register(accepted).addListener(registered -> {
        if (!registered.isSuccess()) {
          refuse(End.FAILED);
        }
      });
    }

    /** Whether it is still to be decided about; it is not from now on. */
    private boolean settle() {
      if (end != null) {
        end.cancel(false);
      }
      return awaited.remove(this);
    }

    private void refuse(End reason) {
      if (settle()) {
        close(accepted);
        owner.handleRefused(reason);
      }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      TransportAddress client = message instanceof HAProxyMessage header ? client(header) : null;
      ReferenceCountUtil.release(message);
      if (client == null) {
        refuse(End.BAD_PROXY_HEADER);
      } else if (settle()) {
        context.pipeline().remove(this);
        // what is behind the header reaches the stream once the decoder is gone
        owner.handleAccepted(new StreamPort(driver, accepted, new FiveTuple(local, client)));
      }
    }

    /** Whom it is from; null when that can't be. */
    private @Nullable TransportAddress client(HAProxyMessage header) {
      HAProxyProxiedProtocol protocol = header.proxiedProtocol();
      if (header.command() == HAProxyCommand.LOCAL || protocol == HAProxyProxiedProtocol.UNKNOWN) {
        return SocketAddresses.toTransport(proxy, 0, Transport.TCP); // the proxy's own
      }
      boolean isTcp =
          protocol == HAProxyProxiedProtocol.TCP4 || protocol == HAProxyProxiedProtocol.TCP6;
      if (!isTcp || header.sourcePort() == 0) {
        return null;
      }
      IpAddress ip;
      try {
        ip = IpAddress.parse(header.sourceAddress());
      } catch (IllegalArgumentException e) {
        return null;
      }
      if (MAPPED.contains(ip)) { // as the system tells it of connections without a proxy
        ip = IpAddress.ofIpv4((int) ip.low());
      }
      return ip.isUnspecified() || ip.isMulticast() || ip.scopeId() != 0
          ? null
          : new TransportAddress(ip, header.sourcePort(), Transport.TCP);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      refuse(End.CLOSED); // as those do that only look whether somebody is there
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      LOGGER.log( // its message may have an address
          Level.DEBUG, () -> "a proxy's header on port " + local.port() + ": " + cause.getClass());
      refuse(cause instanceof HAProxyProtocolException ? End.BAD_PROXY_HEADER : End.FAILED);
    }
  }
}

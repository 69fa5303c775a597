package dev.frazil.netty.io;

import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/** A TCP socket that others connect to. Used on its event loop only. */
public final class StreamListener extends ChannelInboundHandlerAdapter {
  private static final System.Logger LOGGER = System.getLogger(StreamListener.class.getName());

  /** What waits for being accepted in a burst; the system takes what it allows of this. */
  private static final int BACKLOG = 4096;

  /** How long nothing is accepted when the process has no file descriptor left. */
  private static final long PAUSE_MILLIS = 1000;

  /** Who a listener works for. */
  public interface Owner {
    /** Somebody connected. Nothing is read before the owner says what to do with it. */
    void handleAccepted(StreamPort stream);

    /** The listener broke: its owner did not close it. */
    void handleBroken(StreamListener listener, String reason);
  }

  private final Driver driver;
  private final Owner owner;
  private final ServerSocketChannel channel;
  private TransportAddress local;
  private boolean closed;

  private StreamListener(Driver driver, TransportAddress local, Owner owner) {
    this.driver = driver;
    this.local = local;
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
    StreamListener listener;
    try {
      listener = new StreamListener(driver, address, owner);
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
}

package dev.frazil.netty.io;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.StreamFramer;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.proxy.ProxyConnectionEvent;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A connection by TCP, and TLS where it is secure, through a proxy where one is set. */
final class StreamConnection extends ServerConnection implements Outlet {
  /** Above this data is dropped, as a full socket of UDP does; below the lower mark it goes on. */
  private static final WriteBufferWaterMark WATER_MARK =
      new WriteBufferWaterMark(64 * 1024, 256 * 1024);

  /** RFC 8489 5: the class bits of a message type; none is set in a request. */
  private static final int CLASS_BITS = 0x0110;

  private enum State {
    NEW,
    CONNECTING,
    CONNECTED,
    CLOSED
  }

  private final Driver driver;
  private final ServerAddress where;
  private final ConnectionSettings settings;
  private final Owner owner;
  private final StreamFramer framer = new StreamFramer(StreamFramer.Framing.STUN);
  private State state = State.NEW;
  private @Nullable SocketChannel channel;
  private @Nullable FiveTuple path;
  private @Nullable ByteOwner byteOwner;
  private @Nullable Future<?> limit;
  private @Nullable X509Certificate certificate;
  private boolean unflushed;

  StreamConnection(Driver driver, ServerAddress where, ConnectionSettings settings, Owner owner) {
    this.driver = driver;
    this.where = where;
    this.settings = settings;
    this.owner = owner;
  }

  void begin() {
    if (state != State.NEW) {
      return;
    }
    state = State.CONNECTING;
    try {
      channel = driver.sockets().streamChannel();
    } catch (RuntimeException e) { // no file descriptor left
      fail(PlainWords.of(e));
      return;
    }
    channel.config().setOption(ChannelOption.TCP_NODELAY, true);
    channel.config().setOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, 0); // ours says more
    channel.config().setWriteBufferWaterMark(WATER_MARK);
    within(settings.connectTimeout(), "no answer");
    driver.eventLoop().register(channel).addListener((ChannelFuture registered) -> {
      if (!registered.isSuccess()) {
        fail(PlainWords.of(registered.cause()));
      } else if (where.secure()) {
        StreamTls.context(settings.trust(), where.host(), this::seen)
            .whenComplete((context, e) -> driver.executeLater(() -> connect(context, e)));
      } else {
        connect(null, null);
      }
    });
  }

  private void seen(X509Certificate shown) {
    certificate = shown;
  }

  private void connect(@Nullable SslContext context, @Nullable Throwable problem) {
    if (channel == null || state != State.CONNECTING) {
      return;
    }
    if (problem != null) {
      fail("no TLS here: " + problem.getMessage());
      return;
    }
    if (settings.proxy() != null) {
      channel.pipeline().addLast(settings.proxy().handler());
    }
    if (context != null) {
      int port = where.server().port();
      channel.pipeline().addLast(StreamTls.handler(context, channel.alloc(), where.host(), port));
    }
    channel.pipeline().addLast(new Messages());
    InetSocketAddress from = where.from() == null
        ? null
        : new InetSocketAddress(SocketAddresses.toInetAddress(where.from()), 0);
    channel
        .connect(SocketAddresses.toSocketAddress(where.server(), where.scopeId()), from)
        .addListener((ChannelFuture connected) -> {
          if (!connected.isSuccess()) {
            fail(PlainWords.of(connected.cause()));
          }
        });
  }

  private void within(Duration wait, String otherwise) {
    stopWaiting();
    String reason = otherwise + " in " + seconds(wait);
    limit = driver.eventLoop().schedule(() -> fail(reason), wait.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** TCP connects; what else is to come? */
  private void handleActive(SocketChannel open) {
    if (settings.proxy() != null) {
      within(settings.handshakeTimeout(), "no answer of the proxy");
    } else if (where.secure()) {
      within(settings.handshakeTimeout(), "no TLS handshake");
    } else {
      connected(open);
    }
  }

  private void handleEvent(SocketChannel open, Object event) {
    if (event instanceof ProxyConnectionEvent) {
      if (where.secure()) {
        within(settings.handshakeTimeout(), "no TLS handshake");
      } else {
        connected(open);
      }
    } else if (event instanceof SslHandshakeCompletionEvent done) {
      if (done.isSuccess()) {
        connected(open);
      } else {
        fail(StreamTls.words(done.cause()));
      }
    }
  }

  private static String seconds(Duration wait) {
    return String.valueOf(wait.toMillis() / 1e3).replaceAll("\\.0$", "") + " s";
  }

  private void stopWaiting() {
    if (limit != null) {
      limit.cancel(false);
      limit = null;
    }
  }

  private void connected(SocketChannel open) {
    stopWaiting();
    TransportAddress local =
        SocketAddresses.toTransport(open.localAddress(), where.scopeId(), Transport.TCP);
    path = new FiveTuple(local, where.server());
    state = State.CONNECTED;
    owner.handleConnected(this);
  }

  /** Ends a connection that the owner has not closed. */
  private void fail(String reason) {
    State former = state;
    if (former == State.CLOSED) {
      return;
    }
    discard();
    if (former == State.CONNECTED) {
      owner.handleClosed(this, reason);
    } else {
      owner.handleConnectFailed(reason);
    }
  }

  private void discard() {
    state = State.CLOSED;
    stopWaiting();
    if (channel == null) {
      return;
    }
    if (channel.isRegistered()) {
      channel.flush();
      channel.close();
    } else {
      channel.unsafe().closeForcibly();
    }
  }

  @Override
  public FiveTuple path() {
    if (path == null) {
      throw new IllegalStateException("not connected");
    }
    return path;
  }

  @Override
  public boolean transmit(ByteBuffer header, ByteBuffer payload) {
    if (state != State.CONNECTED || channel == null) {
      return false;
    }
    if (!channel.isWritable() && !hasRoomNow(channel) && !isRequest(header)) {
      return false;
    }
    ByteBuf message = channel.alloc().directBuffer(header.remaining() + payload.remaining());
    append(message, header);
    append(message, payload);
    ChannelPromise promise = channel.voidPromise();
    channel.write(message, promise);
    if (!unflushed) {
      unflushed = true;
      driver.flushLater(this);
    }
    return true;
  }

  /** Perhaps only this turn filled it. */
  private boolean hasRoomNow(SocketChannel open) {
    flush();
    return open.isWritable();
  }

  private boolean isRequest(ByteBuffer header) {
    return byteOwner == null
        && header.remaining() >= 2
        && (header.getShort(header.position()) & (0xC000 | CLASS_BITS)) == 0;
  }

  private static void append(ByteBuf message, ByteBuffer part) {
    int position = part.position();
    message.writeBytes(part);
    part.position(position); // it is borrowed
  }

  @Override
  public void flush() {
    unflushed = false;
    if (channel != null) {
      channel.flush();
    }
  }

  @Override
  public void carryBytes(ByteOwner value) {
    byteOwner = value;
  }

  @Override
  public void read(boolean value) {
    if (channel != null) {
      channel.config().setAutoRead(value);
    }
  }

  @Override
  public @Nullable X509Certificate certificate() {
    return certificate;
  }

  @Override
  public void close() {
    if (state != State.CLOSED) {
      discard();
    }
  }

  private void handleInput(ByteBuffer input) {
    FiveTuple from = path();
    while (byteOwner == null && state == State.CONNECTED) {
      ByteBuffer message = framer.next(input);
      if (message == null) {
        break;
      }
      owner.handleDatagram(from, message);
    }
    if (byteOwner != null && state == State.CONNECTED && input.hasRemaining()) {
      byteOwner.handleBytes(input);
    } else if (framer.isBroken()) {
      fail("what came is neither STUN nor ChannelData");
    }
  }

  /** The end of the channel's pipeline. */
  private final class Messages extends ChannelInboundHandlerAdapter {
    @Override
    public void channelActive(ChannelHandlerContext context) {
      if (state == State.CONNECTING && channel != null) {
        handleActive(channel);
      }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
      if (state == State.CONNECTING && channel != null) {
        handleEvent(channel, event);
      }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      ByteBuf bytes = (ByteBuf) message;
      driver.beginTurn();
      try {
        if (state == State.CONNECTED) {
          handleInput(bytes.nioBuffer());
        }
      } finally {
        bytes.release();
        driver.endTurn();
      }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
      if (byteOwner != null && state == State.CONNECTED && context.channel().isWritable()) {
        driver.beginTurn();
        try {
          byteOwner.handleWritable();
        } finally {
          driver.endTurn();
        }
      }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      fail("the other side closed the connection");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      fail(PlainWords.of(cause));
    }
  }
}

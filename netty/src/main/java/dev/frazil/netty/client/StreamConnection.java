package dev.frazil.netty.client;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.StreamFramer;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.Outlet;
import dev.frazil.netty.io.PlainWords;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.netty.io.StreamTls;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.proxy.ProxyConnectionEvent;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A connection by TCP, and TLS where it is secure, through a proxy where one is set. */
final class StreamConnection extends ServerConnection implements Outlet {
  /** Above this data is dropped, as a full socket of UDP does; below the lower mark it goes on. */
  private static final WriteBufferWaterMark WATER_MARK =
      new WriteBufferWaterMark(64 * 1024, 256 * 1024);

  /** RFC 8489 5: the class bits of a message type; none is set in a request. */
  private static final int CLASS_BITS = 0x0110;

  private static final String CLOSED = "the other side closed the connection";

  private final StreamFramer framer = new StreamFramer(StreamFramer.Framing.STUN);
  private @Nullable SocketChannel channel;
  private @Nullable ByteOwner byteOwner;
  private boolean unflushed;

  StreamConnection(Driver driver, ServerAddress where, ConnectionSettings settings, Owner owner) {
    super(driver, where, settings, owner);
  }

  @Override
  void connect() {
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

  private void connect(@Nullable SslContext context, @Nullable Throwable problem) {
    if (channel == null || !isConnecting()) {
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

  /** TCP connects; what else is to come? */
  private void handleActive(SocketChannel open) {
    if (settings.proxy() != null) {
      within(settings.handshakeTimeout(), "no answer of the proxy");
    } else if (where.secure()) {
      within(settings.handshakeTimeout(), "no TLS handshake");
    } else {
      connected(open.localAddress());
    }
  }

  private void handleEvent(SocketChannel open, Object event) {
    if (event instanceof ProxyConnectionEvent) {
      if (where.secure()) {
        within(settings.handshakeTimeout(), "no TLS handshake");
      } else {
        connected(open.localAddress());
      }
    } else if (event instanceof SslHandshakeCompletionEvent done) {
      if (done.isSuccess()) {
        connected(open.localAddress());
      } else {
        fail(StreamTls.words(done.cause()));
      }
    }
  }

  @Override
  void discard() {
    if (channel != null) {
      discard(channel);
    }
  }

  @Override
  public boolean transmit(ByteBuffer header, ByteBuffer payload) {
    if (!isConnected() || channel == null) {
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

  private void handleInput(ByteBuffer input) {
    FiveTuple from = path();
    while (byteOwner == null && isConnected()) {
      ByteBuffer message = framer.next(input);
      if (message == null) {
        break;
      }
      owner.handleDatagram(from, message);
    }
    if (byteOwner != null && isConnected() && input.hasRemaining()) {
      byteOwner.handleBytes(input);
    } else if (framer.isBroken()) {
      fail("what came is neither STUN nor ChannelData");
    }
  }

  /** The end of the channel's pipeline. */
  private final class Messages extends ChannelInboundHandlerAdapter {
    @Override
    public void channelActive(ChannelHandlerContext context) {
      if (isConnecting() && channel != null) {
        handleActive(channel);
      }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
      if (isConnecting() && channel != null) {
        handleEvent(channel, event);
      } else if (event instanceof SslCloseCompletionEvent) { // TCP may stay open behind it
        fail(CLOSED);
      }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      ByteBuf bytes = (ByteBuf) message;
      driver.beginTurn();
      try {
        if (isConnected()) {
          handleInput(bytes.nioBuffer());
        }
      } finally {
        bytes.release();
        driver.endTurn();
      }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
      if (byteOwner != null && isConnected() && context.channel().isWritable()) {
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
      fail(CLOSED);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      fail(PlainWords.of(cause));
    }
  }
}

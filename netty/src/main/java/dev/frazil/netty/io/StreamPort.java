package dev.frazil.netty.io;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.StreamFramer;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A TCP connection of a server, with a client or with a peer: cut into STUN messages and ChannelData (RFC 8656 5), held
 * unread, or joined with another to a pipe (RFC 6062 5.4). Used on its event loop only.
 */
public final class StreamPort extends ChannelInboundHandlerAdapter implements Outlet {
  private static final System.Logger LOGGER = System.getLogger(StreamPort.class.getName());

  /** The longest ChannelData and STUN messages there can be, headers counted. */
  private static final int LONGEST_MESSAGE = 65_555;

  /** While so many bytes wait for the other side to read, relayed data is dropped; until fewer than the second. */
  private static final int FULL = 64 * 1024;

  private static final int NO_LONGER_FULL = 32 * 1024;

  /** When so many bytes wait beyond that, the other side sends requests and reads no answers. */
  private static final int OVERFULL = 192 * 1024;

  /** RFC 8656 17: a Data indication. */
  private static final short DATA_INDICATION = 0x0017;

  /** What may come in with the end of a stream that nothing is read from yet. */
  private static final int MOST_HELD = 256 * 1024;

  /** How long what was written may take to leave after the end. */
  private static final long LINGER_SECONDS = 5;

  /** Why a stream of a client ended, or was not taken. */
  public enum End {
    /** The client closed it. */
    CLOSED,
    /** The network or the system broke it. */
    FAILED,
    /** There are as many streams as there may be. */
    TOO_MANY,
    /** As many of its source show no credentials. */
    TOO_MANY_OF_SOURCE,
    /** It had neither an allocation nor a connection with a peer for too long. */
    UNUSED,
    /** TLS did not come about. */
    HANDSHAKE_FAILED,
    /** What came in is neither STUN nor ChannelData. */
    BAD_FRAMING,
    /** The client sent requests and did not read the answers. */
    NOT_READING,
    /** A proxy did not say, or not well, whom it is from. */
    BAD_PROXY_HEADER,
    /** There is one of the same addresses, as proxies tell them. */
    SAME_ADDRESS
  }

  /** Who a stream works for. */
  public interface Owner {
    /**
     * A message came in, in a turn that has begun already.
     *
     * @param message borrowed for the call
     */
    void handleMessage(StreamPort stream, ByteBuffer message);

    /** The stream is closed, and not by its owner. */
    void handleClosed(StreamPort stream, End reason);
  }

  private Driver driver;
  private final SocketChannel channel;
  private final ChannelPromise noPromise;
  private final FiveTuple path;
  private final StreamFramer framer = new StreamFramer(StreamFramer.Framing.STUN, LONGEST_MESSAGE);
  private @Nullable Owner owner;
  private End cause = End.CLOSED;
  private boolean reading;
  private boolean unflushed;
  private boolean closed;

  private @Nullable SslHandler secured;
  private boolean shakingHands;

  /** The other end of the pipe. */
  private @Nullable StreamPort partner;
  /** What came in before there is another end; null while bytes are cut into messages. */
  private @Nullable CompositeByteBuf held;

  /** What waits for another event loop to take the stream over. */
  private @Nullable CompositeByteBuf carried;

  private boolean moved;
  private boolean inputEnded;
  private boolean outputEnded;

  StreamPort(
      Driver driver, SocketChannel channel, TransportAddress local, InetSocketAddress remote) {
    this(
        driver,
        channel,
        new FiveTuple(local, SocketAddresses.toTransport(remote, 0, Transport.TCP)));
  }

  StreamPort(Driver driver, SocketChannel channel, FiveTuple path) {
    this.driver = driver;
    this.channel = channel;
    this.path = path;
    noPromise = channel.voidPromise();
    channel.config().setOption(ChannelOption.TCP_NODELAY, true);
    channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
    channel.config().setWriteBufferWaterMark(new WriteBufferWaterMark(NO_LONGER_FULL, FULL));
  }

  /** Speaks TLS, before anything is read. */
  public void secure(ServerTls tls) {
    secured = tls.handler(channel.alloc());
    channel.pipeline().addLast(secured);
    shakingHands = true;
  }

  /** Begins to hand messages to an owner. */
  public void open(Owner to) {
    owner = to;
    channel.pipeline().addLast(this);
    if (channel.isRegistered()) { // a proxy was heard on it
      return;
    }
    driver.eventLoop().register(channel).addListener(registered -> {
      if (!registered.isSuccess()) {
        end(End.FAILED);
      }
    });
  }

  /** Reads nothing until the stream is joined to another: what comes waits in the kernel, whose window bounds it. */
  public void hold(Owner to) {
    held = channel.alloc().compositeBuffer(Integer.MAX_VALUE);
    channel.config().setAutoRead(false);
    open(to);
  }

  /**
   * Makes this stream, whose last message was just handed out, and one that is held a pipe: bytes go both ways as they
   * come, each side is read as fast as the other one takes, and the end of one direction is passed on. When both have
   * ended, or one side breaks, the owners of both hear of it.
   */
  public void join(StreamPort other) {
    partner = other;
    other.partner = this;
    CompositeByteBuf waiting = other.held;
    other.held = null;
    if (waiting != null) {
      other.forward(waiting);
      flush();
    }
    if (other.inputEnded) {
      endOutput();
    }
    other.channel.config().setAutoRead(channel.isWritable());
  }

  /** Closes what nobody wants. */
  public void refuse() {
    closed = true;
    StreamListener.close(channel);
  }

  /** Whether it was moved once, which is all that it may be. */
  public boolean hasMoved() {
    return moved;
  }

  /**
   * Goes over to another event loop, with a message that was just handed out and all behind it.
   *
   * @param to whose the stream is from then on
   * @param arrived run there, before the message is handed out once more
   */
  public void move(Driver there, Owner to, ByteBuffer message, Runnable arrived) {
    moved = true;
    CompositeByteBuf waiting = channel.alloc().compositeBuffer(Integer.MAX_VALUE);
    carried = waiting;
    waiting.addComponent(true, Unpooled.copiedBuffer(message));
    channel.config().setAutoRead(false);
    driver.executeLater(() -> channel.deregister().addListener(left -> {
      owner = to;
      driver = there;
      boolean taken = there.executeLater(() ->
          there.eventLoop().register(channel).addListener(registered -> arrive(arrived, waiting)));
      if (!taken) {
        waiting.release();
      }
    }));
  }

  private void arrive(Runnable arrived, CompositeByteBuf waiting) {
    carried = null;
    arrived.run();
    driver.beginTurn();
    try {
      read(waiting);
    } finally {
      waiting.release();
      driver.endTurn();
    }
    if (!closed && partner == null) {
      channel.config().setAutoRead(true);
    } else if (partner != null) {
      channel.config().setAutoRead(partner.channel.isWritable());
    }
  }

  /** The addresses of both ends. */
  public FiveTuple path() {
    return path;
  }

  /**
   * Sends a message at the end of the turn. The parts are copied once, into a buffer that the kernel can read.
   *
   * @return false when it was dropped: it is relayed data and the other side reads too slowly, or the stream is closed
   */
  public boolean transmit(ByteBuffer header, ByteBuffer payload) {
    if (closed
        || partner != null
        || !channel.isActive()
        || !channel.isWritable() && isFull(header)) {
      return false;
    }
    ByteBuf message = channel.alloc().directBuffer(header.remaining() + payload.remaining());
    append(message, header);
    append(message, payload);
    channel.write(message, noPromise);
    if (!unflushed) {
      unflushed = true;
      driver.flushLater(this);
    }
    return true;
  }

  /** Data waits for nobody. An answer does, but not for those who read none. */
  private boolean isFull(ByteBuffer message) {
    flush(); // perhaps only this turn filled it
    if (channel.isWritable()) {
      return false;
    } else if (channel.bytesBeforeWritable() > OVERFULL) {
      cut(End.NOT_READING);
      return true;
    }
    return isData(message);
  }

  private static boolean isData(ByteBuffer message) {
    int first = message.get(message.position());
    return first >> 6 == 1 || message.getShort(message.position()) == DATA_INDICATION;
  }

  private static void append(ByteBuf message, ByteBuffer part) {
    int position = part.position();
    message.writeBytes(part);
    part.position(position); // it is borrowed
  }

  @Override
  public void flush() {
    unflushed = false;
    channel.flush();
  }

  /** Closes the stream; what was written is sent first. */
  public void close() {
    if (!closed) {
      closed = true;
      releaseHeld();
      channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
      if (channel.isOpen()) {
        var cut =
            driver.eventLoop().schedule(() -> channel.close(), LINGER_SECONDS, TimeUnit.SECONDS);
        channel.closeFuture().addListener(done -> cut.cancel(false));
      }
    }
  }

  /** Ends the stream at once. The owner hears of it later: it may be in the middle of a call. */
  private void cut(End reason) {
    cause = cause == End.CLOSED ? reason : cause; // what it leads to is no cause
    channel.close();
  }

  private void end(End reason) {
    if (!closed) {
      close();
      if (owner != null) {
        boolean early = shakingHands && reason == End.CLOSED;
        owner.handleClosed(this, early ? End.HANDSHAKE_FAILED : reason);
      }
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf bytes = (ByteBuf) message;
    if (!reading) {
      reading = true; // what a batch of messages is answered with leaves together, too
      driver.beginTurn();
    }
    try {
      read(bytes);
    } finally {
      bytes.release();
    }
  }

  private void read(ByteBuf bytes) {
    if (held != null) {
      hold(held, bytes);
      return;
    }
    if (partner == null && carried == null) {
      readMessages(bytes);
    }
    if (carried != null) {
      carried.addComponent(true, bytes.retain());
    } else if (partner != null && bytes.isReadable()) {
      forward(bytes.retain());
    }
  }

  /** Takes from the input what belongs to messages: what is behind a ConnectionBind request does not. */
  private void readMessages(ByteBuf bytes) {
    ByteBuffer input = bytes.nioBuffer();
    int start = input.position();
    ByteBuffer message;
    while (!closed
        && partner == null
        && carried == null
        && owner != null
        && (message = framer.next(input)) != null) {
      owner.handleMessage(this, message);
    }
    bytes.skipBytes(input.position() - start);
    if (framer.isBroken()) {
      end(End.BAD_FRAMING);
    }
  }

  private void hold(CompositeByteBuf kept, ByteBuf bytes) {
    kept.addComponent(true, bytes.retain());
    if (kept.readableBytes() > MOST_HELD) {
      cut(End.FAILED);
    }
  }

  private void releaseHeld() {
    if (held != null) {
      held.release();
      held = null;
    }
  }

  /** Hands bytes, which it takes over, to the other end, and reads no more while that one is full. */
  private void forward(ByteBuf bytes) {
    if (partner == null || partner.closed) {
      bytes.release();
      return;
    }
    partner.channel.write(bytes, partner.noPromise);
    if (!partner.channel.isWritable()) {
      channel.config().setAutoRead(false);
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (partner != null && !partner.closed) {
      partner.channel.config().setAutoRead(channel.isWritable());
    }
  }

  /** Nothing more comes in from here. */
  private void endInput() {
    if (inputEnded) {
      return;
    }
    inputEnded = true;
    if (partner != null) {
      partner.endOutput();
      closeWhenDone();
    } else if (held == null) {
      end(End.CLOSED);
    }
  }

  /** Passes the end on behind all that was written; both directions ended are the end of the pipe. */
  private void endOutput() {
    channel
        .writeAndFlush(Unpooled.EMPTY_BUFFER)
        .addListener(
            written -> driver.executeLater(this::shutdownOutput)); // it fails what it finds
  }

  private void shutdownOutput() {
    if (secured != null) {
      secured.closeOutbound();
    } else {
      channel.shutdownOutput();
    }
    outputEnded = true;
    closeWhenDone();
    if (partner != null && partner.outputEnded) {
      end(End.CLOSED);
    }
  }

  /** One whose both directions have ended may go before the other end. */
  private void closeWhenDone() {
    if (isDone()) {
      channel.close();
    }
  }

  private boolean isDone() {
    return inputEnded && outputEnded;
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    endReading();
    if (partner != null) {
      partner.flush();
    }
  }

  private void endReading() {
    if (reading) {
      reading = false;
      driver.endTurn();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof ChannelInputShutdownEvent || event instanceof SslCloseCompletionEvent) {
      endReading();
      endInput();
    } else if (event instanceof SslHandshakeCompletionEvent handshake && handshake.isSuccess()) {
      shakingHands = false;
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    endReading();
    releaseHeld();
    if (partner == null || !isDone()) {
      end(cause);
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable error) {
    LOGGER.log(Level.DEBUG, () -> path.local() + ": " + error);
    cut(shakingHands ? End.HANDSHAKE_FAILED : End.FAILED);
  }
}

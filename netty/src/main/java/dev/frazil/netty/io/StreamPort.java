package dev.frazil.netty.io;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.StreamFramer;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.SocketChannel;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A TCP connection that somebody made to this host, cut into STUN messages and ChannelData (RFC 8656 5). Used on its
 * event loop only.
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

  /** How long what was written may take to leave after the end. */
  private static final long LINGER_SECONDS = 5;

  /** Who a stream works for. */
  public interface Owner {
    /**
     * A message came in, in a turn that has begun already.
     *
     * @param message borrowed for the call
     */
    void handleMessage(StreamPort stream, ByteBuffer message);

    /** The stream is closed, and not by its owner. */
    void handleClosed(StreamPort stream, StreamEnd reason);
  }

  private final Driver driver;
  private final SocketChannel channel;
  private final ChannelPromise noPromise;
  private final FiveTuple path;
  private final StreamFramer framer = new StreamFramer(StreamFramer.Framing.STUN, LONGEST_MESSAGE);
  private @Nullable Owner owner;
  private StreamEnd cause = StreamEnd.CLOSED;
  private boolean reading;
  private boolean unflushed;
  private boolean closed;

  StreamPort(
      Driver driver, SocketChannel channel, TransportAddress local, InetSocketAddress remote) {
    this.driver = driver;
    this.channel = channel;
    path = new FiveTuple(local, SocketAddresses.toTransport(remote, 0, Transport.TCP));
    noPromise = channel.voidPromise();
    channel.config().setOption(ChannelOption.TCP_NODELAY, true);
    channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
    channel.config().setWriteBufferWaterMark(new WriteBufferWaterMark(NO_LONGER_FULL, FULL));
  }

  /** Begins to hand messages to an owner. */
  public void open(Owner to) {
    owner = to;
    channel.pipeline().addLast(this);
    driver.eventLoop().register(channel).addListener(registered -> {
      if (!registered.isSuccess()) {
        end(StreamEnd.FAILED);
      }
    });
  }

  /** Closes what nobody wants. */
  public void refuse() {
    closed = true;
    channel.unsafe().closeForcibly();
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
    if (closed || !channel.isActive() || !channel.isWritable() && isFull(header)) {
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
      cut(StreamEnd.NOT_READING);
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
      channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
      if (channel.isOpen()) {
        var cut =
            driver.eventLoop().schedule(() -> channel.close(), LINGER_SECONDS, TimeUnit.SECONDS);
        channel.closeFuture().addListener(done -> cut.cancel(false));
      }
    }
  }

  /** Ends the stream at once. The owner hears of it later: it may be in the middle of a call. */
  private void cut(StreamEnd reason) {
    cause = cause == StreamEnd.CLOSED ? reason : cause; // what it leads to is no cause
    channel.close();
  }

  private void end(StreamEnd reason) {
    if (!closed) {
      close();
      if (owner != null) {
        owner.handleClosed(this, reason);
      }
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf bytes = (ByteBuf) message;
    if (!reading) {
      reading = true;
      driver.beginTurn();
    }
    try {
      read(bytes.nioBuffer());
    } finally {
      bytes.release();
    }
  }

  private void read(ByteBuffer input) {
    ByteBuffer message;
    while (!closed && owner != null && (message = framer.next(input)) != null) {
      owner.handleMessage(this, message);
    }
    if (framer.isBroken()) {
      end(StreamEnd.BAD_FRAMING);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    endReading();
  }

  private void endReading() {
    if (reading) {
      reading = false;
      driver.endTurn();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof ChannelInputShutdownEvent) {
      endReading();
      end(StreamEnd.CLOSED);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    endReading();
    end(cause);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable error) {
    LOGGER.log(Level.DEBUG, () -> path.local() + ": " + error);
    cut(StreamEnd.FAILED);
  }
}

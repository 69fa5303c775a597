package dev.frazil.netty.io;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.SocketProtocolFamily;
import java.lang.System.Logger.Level;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A UDP socket bound to one address of the host: a small door to the kernel. Used on its event loop only. */
public final class DatagramPort extends ChannelInboundHandlerAdapter implements Outlet {
  private static final System.Logger LOGGER = System.getLogger(DatagramPort.class.getName());

  /** What UDP over IPv4 carries. Netty's io_uring does not recover from the error that a longer one brings. */
  public static final int LONGEST = 65_507;

  /** Who a port works for. */
  public interface Owner {
    /** The port is bound. */
    void handleBound(DatagramPort port);

    /** No port could be bound. */
    void handleBindFailed(String reason);

    /**
     * A datagram came in, in a turn that has begun already.
     *
     * @param datagram borrowed for the call
     */
    void handleDatagram(FiveTuple path, ByteBuffer datagram);

    /** A datagram came in that was longer than the longest. */
    void handleTooLong(FiveTuple path);

    /** The port broke: its owner did not close it. */
    void handleBroken(DatagramPort port, String reason);
  }

  private final Driver driver;
  private final Owner owner;
  private final IpAddress ip;
  private final int maxDatagram;
  private final boolean batches;
  private final Channel channel;
  private final ChannelPromise noPromise;
  private TransportAddress local;
  private boolean reading;
  private boolean unflushed;
  private boolean closed;

  // Most datagrams come from where the last one came from, and go where the last one went.
  private @Nullable InetSocketAddress lastSender;
  private @Nullable FiveTuple lastPath;
  private @Nullable TransportAddress lastRemote;
  private @Nullable InetSocketAddress lastRecipient;

  private DatagramPort(Driver driver, IpAddress ip, SocketSettings settings, Owner owner) {
    this.driver = driver;
    this.owner = owner;
    this.ip = ip;
    this.local = TransportAddress.udp(ip, 0);
    this.maxDatagram = settings.maxDatagram();
    SocketProtocolFamily family =
        ip.isIpv4() ? SocketProtocolFamily.INET : SocketProtocolFamily.INET6;
    // One byte more than the longest shows that a datagram was longer.
    channel = driver.sockets().datagramChannel(family, maxDatagram + 1);
    batches = driver.sockets().readsInBatches();
    noPromise = channel.voidPromise();
    channel.pipeline().addLast(this);
  }

  /**
   * Binds to an address, on a port of the range. The search starts anywhere in it, so that agents that share a range
   * seldom meet. The owner hears of the outcome, perhaps before this method returns.
   */
  public static void bind(
      Driver driver, IpAddress ip, SocketSettings settings, RandomGenerator random, Owner owner) {
    DatagramPort port;
    try {
      port = new DatagramPort(driver, ip, settings, owner);
    } catch (RuntimeException e) { // no file descriptor left
      owner.handleBindFailed(reason(e));
      return;
    }
    port.open(settings, random);
  }

  /**
   * Binds to one address before it returns, on the driver's event loop: a transport does nothing there that it would have
   * to wait for. The owner hears of datagrams and of a port that breaks only.
   *
   * @param address with a port other than 0
   * @return null when the address is taken or not there
   */
  public static @Nullable DatagramPort bindNow(
      Driver driver, TransportAddress address, SocketSettings settings, Owner owner) {
    DatagramPort port;
    try {
      port = new DatagramPort(driver, address.ip(), settings, owner);
    } catch (RuntimeException e) { // no file descriptor left
      LOGGER.log(Level.WARNING, () -> "no socket for port " + address.port() + ": " + reason(e));
      return null;
    }
    return port.openNow(address, settings) ? port : null;
  }

  private boolean openNow(TransportAddress address, SocketSettings settings) {
    try {
      setBuffers(settings);
      if (driver.eventLoop().register(channel).isSuccess()
          && channel.bind(SocketAddresses.toSocketAddress(address, 0)).isSuccess()) {
        local = address;
        return true;
      }
    } catch (RuntimeException e) {
      LOGGER.log(Level.WARNING, () -> "no socket for port " + address.port() + ": " + reason(e));
    }
    discard();
    return false;
  }

  private void open(SocketSettings settings, RandomGenerator random) {
    try {
      setBuffers(settings);
    } catch (RuntimeException e) {
      giveUp(e);
      return;
    }
    PortRange ports = settings.ports();
    int start = ports.size() == 1 ? 0 : random.nextInt(ports.size());
    driver.eventLoop().register(channel).addListener((ChannelFuture registered) -> {
      if (registered.isSuccess()) {
        tryPort(ports, start, 0);
      } else {
        giveUp(registered.cause());
      }
    });
  }

  private void setBuffers(SocketSettings settings) {
    if (settings.receiveBuffer() > 0) {
      channel.config().setOption(ChannelOption.SO_RCVBUF, settings.receiveBuffer());
    }
    if (settings.sendBuffer() > 0) {
      channel.config().setOption(ChannelOption.SO_SNDBUF, settings.sendBuffer());
    }
  }

  private void tryPort(PortRange ports, int start, int attempt) {
    InetSocketAddress address =
        new InetSocketAddress(SocketAddresses.toInetAddress(ip), ports.port(start, attempt));
    channel.bind(address).addListener((ChannelFuture bound) -> {
      if (bound.isSuccess()) {
        local = SocketAddresses.toUdp((InetSocketAddress) channel.localAddress(), ip.scopeId());
        owner.handleBound(this);
      } else if (attempt + 1 < ports.size() && (attempt > 0 || isHere(address.getAddress()))) {
        tryPort(ports, start, attempt + 1);
      } else if (attempt > 0) {
        giveUp(new SocketException("no port of " + ports.min() + "-" + ports.max()
            + " is free, the last one said: " + reason(bound.cause())));
      } else {
        giveUp(bound.cause());
      }
    });
  }

  /** Whether the host has the address: if not, no other port can be bound there either. */
  private static boolean isHere(InetAddress address) {
    try {
      return NetworkInterface.getByInetAddress(address) != null;
    } catch (SocketException e) {
      return false;
    }
  }

  private void giveUp(Throwable cause) {
    discard();
    owner.handleBindFailed(reason(cause));
  }

  private void discard() {
    closed = true;
    if (channel.isRegistered()) {
      channel.close();
    } else {
      channel.unsafe().closeForcibly();
    }
  }

  private static String reason(Throwable cause) {
    String message = cause.getMessage();
    return message == null ? cause.toString() : message;
  }

  /** The socket's options, as the system took them. */
  public ChannelConfig config() {
    return channel.config();
  }

  /** The address that is bound. */
  public TransportAddress local() {
    return local;
  }

  /**
   * Sends a datagram at the end of the turn. The parts are copied once, into a buffer that the kernel can read, which
   * costs less than objects that would wrap them and gives them back to the caller at once.
   *
   * @return false when the datagram was dropped: the way out is full, or it is longer than UDP over IPv4 carries
   */
  public boolean transmit(TransportAddress remote, ByteBuffer header, ByteBuffer payload) {
    int length = header.remaining() + payload.remaining();
    if (length > LONGEST || isFull()) {
      return false;
    }
    ByteBuf datagram = channel.alloc().directBuffer(length);
    append(datagram, header);
    append(datagram, payload);
    write(remote, datagram);
    return true;
  }

  /** Sends a datagram that the port takes over; released in any case. */
  public boolean transmit(TransportAddress remote, ByteBuf datagram) {
    if (datagram.readableBytes() > LONGEST || isFull()) {
      datagram.release();
      return false;
    }
    write(remote, datagram);
    return true;
  }

  private static void append(ByteBuf datagram, ByteBuffer part) {
    int position = part.position();
    datagram.writeBytes(part);
    part.position(position); // it is borrowed
  }

  private boolean isFull() {
    if (!closed && !channel.isWritable()) {
      flush(); // perhaps only this turn filled it
    }
    return closed || !channel.isWritable();
  }

  private void write(TransportAddress remote, ByteBuf datagram) {
    channel.write(new DatagramPacket(datagram, recipient(remote)), noPromise);
    if (!unflushed) {
      unflushed = true;
      driver.flushLater(this);
    }
  }

  @Override
  public void flush() {
    unflushed = false;
    channel.flush();
  }

  /** Closes the socket; what was written is sent first. */
  public void close() {
    if (!closed) {
      closed = true;
      flush();
      channel.close();
    }
  }

  /** Done when the socket is closed. */
  public ChannelFuture closed() {
    return channel.closeFuture();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (!reading) {
      reading = true; // what a batch of datagrams is answered with leaves together, too
      driver.beginTurn();
    }
    DatagramPacket packet = (DatagramPacket) message;
    try {
      if (!closed) {
        FiveTuple path = path(packet.sender());
        ByteBuf content = packet.content();
        if (content.readableBytes() > maxDatagram) {
          owner.handleTooLong(path);
        } else {
          owner.handleDatagram(path, content.nioBuffer());
        }
      }
    } finally {
      packet.release();
      if (!batches) {
        endReading();
      }
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
  public void channelInactive(ChannelHandlerContext context) {
    endReading();
    if (!closed) {
      closed = true;
      owner.handleBroken(this, "the socket was closed");
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    // A datagram that could not be sent or received is a lost one: ICE finds out what that means.
    LOGGER.log(Level.DEBUG, () -> local + ": " + cause);
  }

  private FiveTuple path(InetSocketAddress sender) {
    if (lastPath == null || !sender.equals(lastSender)) {
      lastPath = new FiveTuple(local, SocketAddresses.toUdp(sender, 0));
      lastSender = sender;
    }
    return lastPath;
  }

  private InetSocketAddress recipient(TransportAddress remote) {
    if (lastRecipient == null || !remote.equals(lastRemote)) {
      lastRecipient = SocketAddresses.toSocketAddress(remote, ip.scopeId());
      lastRemote = remote;
    }
    return lastRecipient;
  }
}

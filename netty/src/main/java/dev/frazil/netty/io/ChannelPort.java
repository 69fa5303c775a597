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
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A {@link DatagramPort} on a channel of Netty's. */
final class ChannelPort extends ChannelInboundHandlerAdapter implements DatagramPort {
  private static final System.Logger LOGGER = System.getLogger(ChannelPort.class.getName());

  /** How many senders and recipients the ports of an event loop remember beside the last of each. */
  private static final int MOST_KNOWN = 131_072;

  /** Opens such ports. */
  static DatagramPorts on(Driver driver) {
    return new Ports(driver);
  }

  private static final class Ports implements DatagramPorts {
    private final Driver driver;
    private final Known.Room room = new Known.Room(MOST_KNOWN);

    Ports(Driver driver) {
      this.driver = driver;
    }

    @Override
    public void bind(IpAddress ip, SocketSettings settings, RandomGenerator random, Owner owner) {
      ChannelPort port;
      try {
        port = new ChannelPort(this, ip, settings, owner);
      } catch (RuntimeException e) { // no file descriptor left
        owner.handleBindFailed(reason(e));
        return;
      }
      port.open(settings, random);
    }

    @Override
    public @Nullable DatagramPort bindNow(
        TransportAddress address, SocketSettings settings, Owner owner) {
      ChannelPort port;
      try {
        port = new ChannelPort(this, address.ip(), settings, owner);
      } catch (RuntimeException e) { // no file descriptor left
        LOGGER.log(Level.WARNING, () -> "no socket for port " + address.port() + ": " + reason(e));
        return null;
      }
      return port.openNow(address, settings) ? port : null;
    }
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

  private final Known<InetSocketAddress, FiveTuple> paths;
  private final Known<TransportAddress, InetSocketAddress> recipients;

  private ChannelPort(Ports ports, IpAddress ip, SocketSettings settings, Owner owner) {
    this.driver = ports.driver;
    this.owner = owner;
    this.ip = ip;
    this.local = TransportAddress.udp(ip, 0);
    this.maxDatagram = settings.maxDatagram();
    SocketProtocolFamily family =
        ip.isIpv4() ? SocketProtocolFamily.INET : SocketProtocolFamily.INET6;
    channel = driver.datagramChannel(family, maxDatagram);
    batches = driver.sockets().readsInBatches();
    noPromise = channel.voidPromise();
    paths =
        new Known<>(ports.room, sender -> new FiveTuple(local, SocketAddresses.toUdp(sender, 0)));
    recipients =
        new Known<>(ports.room, remote -> SocketAddresses.toSocketAddress(remote, ip.scopeId()));
    channel.pipeline().addLast(this);
  }

  private boolean openNow(TransportAddress address, SocketSettings settings) {
    try {
      setOptions(settings);
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
      setOptions(settings);
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

  private void setOptions(SocketSettings settings) {
    if (settings.sharedPort()) {
      driver.sockets().sharePort(channel);
    }
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
      } else if (attempt + 1 < ports.size()
          && (attempt > 0 || SocketAddresses.isHere(address.getAddress()))) {
        tryPort(ports, start, attempt + 1);
      } else if (attempt > 0) {
        giveUp(new SocketException("no port of " + ports.min() + "-" + ports.max()
            + " is free, the last one said: " + reason(bound.cause())));
      } else {
        giveUp(bound.cause());
      }
    });
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

  @Override
  public void sharePort() {
    driver.sockets().sharePort(channel);
  }

  @Override
  public int sendBuffer() {
    return channel.config().getOption(ChannelOption.SO_SNDBUF);
  }

  @Override
  public TransportAddress local() {
    return local;
  }

  @Override
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

  @Override
  public boolean transmit(TransportAddress remote, ByteBuf datagram) {
    if (datagram.readableBytes() > LONGEST || isFull()) {
      datagram.release();
      return false;
    }
    write(remote, datagram);
    return true;
  }

  @Override
  public boolean transmitUnfragmented(TransportAddress remote, ByteBuffer payload) {
    if (!driver.sockets().setsDontFragment()) {
      return false;
    }
    flush(); // what waits may be fragmented
    ChannelConfig config = channel.config();
    Integer usual = config.getOption(Sockets.MTU_DISCOVER_OPTION);
    config.setOption(Sockets.MTU_DISCOVER_OPTION, Sockets.MTU_DISCOVER_DO);
    boolean sent = transmit(remote, NOTHING, payload);
    flush();
    config.setOption(Sockets.MTU_DISCOVER_OPTION, usual);
    return sent;
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
    if (!datagram.isReadable()) {
      datagram.release();
      sendEmpty(remote);
      return;
    }
    channel.write(new DatagramPacket(datagram, recipients.value(remote)), noPromise);
    if (!unflushed) {
      unflushed = true;
      driver.flushLater(this);
    }
  }

  private void sendEmpty(TransportAddress remote) {
    flush(); // what came before goes before
    try {
      EmptyDatagrams.send(channel, recipients.value(remote));
    } catch (IOException e) {
      LOGGER.log(Level.DEBUG, () -> local + ": " + e);
    }
  }

  @Override
  public void flush() {
    unflushed = false;
    channel.flush();
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      flush();
      channel.close();
    }
  }

  @Override
  public Future<Void> closed() {
    return channel.closeFuture();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (!reading) {
      reading = true; // what a batch of datagrams is answered with leaves together, too
      driver.beginTurn();
    }
    driver.received();
    DatagramPacket packet = (DatagramPacket) message;
    try {
      if (!closed) {
        FiveTuple path = paths.value(packet.sender());
        ByteBuf content = packet.content();
        if (content.readableBytes() > maxDatagram) {
          owner.handleTooLong(path);
        } else {
          owner.handleDatagram(path, view(content));
        }
      }
    } finally {
      packet.release();
      if (!batches) {
        endReading();
      }
    }
  }

  /** The buffer's own view, which costs no object, as an owner of another datagram may have left it. */
  private static ByteBuffer view(ByteBuf content) {
    return content
        .internalNioBuffer(content.readerIndex(), content.readableBytes())
        .order(ByteOrder.BIG_ENDIAN);
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
    paths.clear();
    recipients.clear();
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
}

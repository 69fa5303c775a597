package dev.frazil.netty.client;

import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.DtlsSession;
import dev.frazil.netty.io.Outlet;
import dev.frazil.netty.io.PlainWords;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.netty.io.SocketSettings;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.SocketProtocolFamily;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import org.bouncycastle.tls.DTLSClientProtocol;
import org.jspecify.annotations.Nullable;

/**
 * A connection by a UDP socket of its own, and DTLS where it is secure. The socket is connected, so that the system takes
 * datagrams of the server alone and tells when nobody listens there.
 */
final class DatagramConnection extends ServerConnection implements Outlet, DtlsSession.Owner {
  private @Nullable DatagramChannel channel;
  private @Nullable DtlsSession session;
  private boolean unflushed;

  DatagramConnection(Driver driver, ServerAddress where, ConnectionSettings settings, Owner owner) {
    super(driver, where, settings, owner);
  }

  @Override
  void connect() {
    SocketProtocolFamily family =
        where.server().ip().isIpv4() ? SocketProtocolFamily.INET : SocketProtocolFamily.INET6;
    DatagramChannel socket;
    try {
      socket = driver.datagramChannel(family, SocketSettings.DEFAULT_MAX_DATAGRAM);
    } catch (RuntimeException e) { // no file descriptor left
      fail(PlainWords.of(e));
      return;
    }
    channel = socket;
    socket.pipeline().addLast(new Datagrams());
    within(settings.connectTimeout(), "no answer");
    driver.eventLoop().register(socket).addListener((ChannelFuture registered) -> {
      if (registered.isSuccess()) {
        connect(socket);
      } else {
        fail(PlainWords.of(registered.cause()));
      }
    });
  }

  private void connect(DatagramChannel socket) {
    SocketAddress from = where.from() == null
        ? null
        : new InetSocketAddress(SocketAddresses.toInetAddress(where.from()), 0);
    socket
        .connect(SocketAddresses.toSocketAddress(where.server(), where.scopeId()), from)
        .addListener((ChannelFuture done) -> {
          if (!isConnecting()) {
            return;
          }
          if (!done.isSuccess()) {
            fail(PlainWords.of(done.cause()));
          } else if (where.secure()) {
            shakeHands();
          } else {
            connected(socket.localAddress());
          }
        });
  }

  private void shakeHands() {
    within(settings.handshakeTimeout(), "no DTLS handshake");
    // the limit above speaks first
    int millis = (int) settings.handshakeTimeout().toMillis() + 1000;
    DtlsClient client = new DtlsClient(settings.trust(), where.host(), millis, this::seen);
    DtlsSession begun = new DtlsSession(driver, this);
    session = begun;
    begun.start(below -> new DTLSClientProtocol().connect(client, below));
  }

  @Override
  public void send(DtlsSession from, byte[] bytes, int offset, int length) {
    if (channel != null && channel.isActive()) {
      write(channel, channel.alloc().directBuffer(length).writeBytes(bytes, offset, length));
    }
  }

  @Override
  public void handleOpen(DtlsSession opened) {
    if (channel != null) {
      connected(channel.localAddress());
    }
  }

  @Override
  public void handlePlain(DtlsSession from, ByteBuffer plain) {
    if (isConnected()) {
      owner.handleDatagram(path(), plain);
    }
  }

  @Override
  public void handleEnd(DtlsSession ended, String reason) {
    fail(reason);
  }

  @Override
  void discard() {
    if (session != null) {
      session.close();
    }
    if (channel != null) {
      discard(channel);
    }
  }

  @Override
  public boolean transmit(ByteBuffer header, ByteBuffer payload) {
    if (!isConnected() || channel == null) {
      return false;
    }
    if (!channel.isWritable()) {
      flush(); // perhaps only this turn filled it
    }
    int length = header.remaining() + payload.remaining();
    if (!channel.isWritable() || length > DatagramPort.LONGEST) {
      return false;
    }
    if (session != null) {
      return session.transmit(header, payload);
    }
    ByteBuf datagram = channel.alloc().directBuffer(length);
    append(datagram, header);
    append(datagram, payload);
    write(channel, datagram);
    return true;
  }

  private void write(DatagramChannel open, ByteBuf datagram) {
    open.write(datagram, open.voidPromise());
    if (!unflushed) {
      unflushed = true;
      driver.flushLater(this);
    }
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
    throw new IllegalStateException("a connection by UDP carries messages only");
  }

  @Override
  public void read(boolean value) {
    if (channel != null) {
      channel.config().setAutoRead(value);
    }
  }

  private final class Datagrams extends ChannelInboundHandlerAdapter {
    private boolean reading;

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      if (!reading) {
        reading = true; // what a batch is answered with leaves together
        driver.beginTurn();
      }
      DatagramPacket packet = (DatagramPacket) message;
      try {
        ByteBuffer datagram = packet.content().nioBuffer();
        if (session != null) {
          session.handleDatagram(datagram);
        } else if (isConnected()) {
          owner.handleDatagram(path(), datagram);
        }
      } finally {
        packet.release();
        if (!driver.sockets().readsInBatches()) {
          endReading();
        }
      }
    }

    private void endReading() {
      if (reading) {
        reading = false;
        driver.endTurn();
      }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
      endReading();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      endReading();
      fail("the socket was closed");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      if (!isConnected()) {
        fail(PlainWords.of(cause));
      } else if (session == null) {
        owner.handleUnreachable(DatagramConnection.this, PlainWords.of(cause));
      }
    }
  }
}

package dev.frazil.lab;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.PortRange;
import dev.frazil.netty.io.SocketSettings;
import dev.frazil.netty.io.Sockets;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * What an engine can do at best: the least that a relay has to do, on the engine's ports. Not a TURN server: it asks nobody
 * who he is, checks nothing and forgets nothing.
 *
 * <p>{@code lab/run BareRelay PORT [EPOLL|LINUX|NIO [NAP]]}, on 127.0.0.1, with the nap in microseconds; a load generator is
 * {@code lab/src/main/turn/turnload.c}.
 */
public final class BareRelay {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final IpAddress LOOPBACK = IpAddress.parse("127.0.0.1");
  private static final SocketSettings LARGE =
      SocketSettings.DEFAULT.withReceiveBuffer(4 << 20).withSendBuffer(4 << 20);

  /** A client and its only peer. */
  private static final class Line {
    private final FiveTuple client;
    private @Nullable DatagramPort relayed;
    private @Nullable TransportAddress peer;
    private int channel;

    Line(FiveTuple client) {
      this.client = client;
    }
  }

  private final Driver driver;
  private final Random random = new Random();
  private final Map<FiveTuple, Line> clients = new HashMap<>();
  private final Map<TransportAddress, Line> relays = new HashMap<>();
  private final ByteBuffer header = ByteBuffer.allocate(4);
  private final ByteBuffer answer = ByteBuffer.allocate(200);
  private @Nullable DatagramPort listening;

  private BareRelay(Driver driver) {
    this.driver = driver;
  }

  /** Runs until it is killed. */
  public static void main(String... arguments) throws Exception {
    int port = Integer.parseInt(arguments[0]);
    Sockets sockets = arguments.length > 1
        ? Sockets.of(Sockets.Engine.valueOf(arguments[1]))
        : Sockets.automatic();
    Duration nap = arguments.length > 2
        ? Duration.ofNanos(Long.parseLong(arguments[2]) * 1000)
        : Duration.ZERO;
    MultiThreadIoEventLoopGroup group = new MultiThreadIoEventLoopGroup(1, sockets.handlers());
    Driver driver = new Driver((EventLoop) group.iterator().next(), sockets, nap);
    BareRelay relay = new BareRelay(driver);
    driver.execute(() -> DatagramPort.bind(
        driver,
        LOOPBACK,
        LARGE.withPorts(new PortRange(port, port)),
        relay.random,
        relay.new Owner(null)));
    System.out.println(sockets.engine() + " at port " + port);
    Thread.sleep(Long.MAX_VALUE);
  }

  private void fromClient(FiveTuple path, ByteBuffer datagram) {
    Line line = clients.get(path);
    if (datagram.get(0) >> 6 != 1) {
      request(path, line, StunMessage.tryParse(datagram));
    } else if (line != null && line.relayed != null && line.peer != null) {
      int length = datagram.getShort(2) & 0xFFFF;
      line.relayed.transmit(line.peer, NOTHING, datagram.limit(4 + length).position(4));
    }
  }

  private void fromPeer(Line line, ByteBuffer datagram) {
    header
        .clear()
        .putShort((short) line.channel)
        .putShort((short) datagram.remaining())
        .flip();
    send(line.client, header, datagram);
  }

  private void send(FiveTuple path, ByteBuffer head, ByteBuffer rest) {
    if (listening != null) {
      listening.transmit(path.remote(), head, rest);
    }
  }

  private void request(FiveTuple path, @Nullable Line known, @Nullable StunMessage request) {
    if (request == null || request.messageClass() != MessageClass.REQUEST) {
      return;
    }
    Line line = known == null ? new Line(path) : known;
    StunBuilder success =
        StunBuilder.success(request.method(), request.transactionId(), answer.clear());
    switch (request.method()) {
      case Method.BINDING -> success.put(AttributeType.XOR_MAPPED_ADDRESS, path.remote());
      case Method.ALLOCATE -> {
        clients.put(path, line);
        if (line.relayed == null) {
          DatagramPort.bind(driver, LOOPBACK, LARGE, random, new Owner(line)); // binds at once
        }
        if (line.relayed != null) {
          success.put(AttributeType.XOR_RELAYED_ADDRESS, line.relayed.local());
        }
        success
            .put(AttributeType.XOR_MAPPED_ADDRESS, path.remote())
            .put(AttributeType.LIFETIME, 600);
      }
      case Method.CHANNEL_BIND -> {
        line.peer = request.get(AttributeType.XOR_PEER_ADDRESS);
        line.channel = request.intValue(AttributeType.CHANNEL_NUMBER, 0);
      }
      case Method.REFRESH -> {
        if (request.intValue(AttributeType.LIFETIME, 600) == 0) {
          forget(line);
        }
      }
      default -> {}
    }
    send(path, success.finish(), NOTHING);
  }

  private void forget(Line line) {
    clients.remove(line.client);
    if (line.relayed != null) {
      relays.remove(line.relayed.local());
      line.relayed.close();
    }
  }

  /** Of the listening port when there is no line, else of the line's relayed one. */
  private final class Owner implements DatagramPort.Owner {
    private final @Nullable Line line;

    Owner(@Nullable Line line) {
      this.line = line;
    }

    @Override
    public void handleBound(DatagramPort port) {
      if (line == null) {
        listening = port;
      } else {
        line.relayed = port;
        relays.put(port.local(), line);
      }
    }

    @Override
    public void handleBindFailed(String reason) {
      System.err.println(reason);
    }

    @Override
    public void handleDatagram(FiveTuple path, ByteBuffer datagram) {
      if (line == null) {
        fromClient(path, datagram);
      } else {
        fromPeer(line, datagram);
      }
    }

    @Override
    public void handleTooLong(FiveTuple path) {
      // none is that long
    }

    @Override
    public void handleBroken(DatagramPort port, String reason) {
      System.err.println(reason);
    }
  }
}

package dev.frazil.netty;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.SocketSettings;
import dev.frazil.netty.io.Sockets;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** One event loop with its driver, and ports that keep what they receive. */
final class Ports implements AutoCloseable {
  record Received(FiveTuple path, byte[] datagram, ByteOrder order) {}

  private final MultiThreadIoEventLoopGroup group;
  final Driver driver;
  final BlockingQueue<Received> received = new LinkedBlockingQueue<>();
  final BlockingQueue<FiveTuple> tooLong = new LinkedBlockingQueue<>();
  final BlockingQueue<String> broken = new LinkedBlockingQueue<>();

  Ports(Sockets.Engine engine) {
    this(Sockets.of(engine));
  }

  Ports(Sockets sockets) {
    group = new MultiThreadIoEventLoopGroup(1, sockets.handlers());
    driver = new Driver((EventLoop) group.iterator().next(), sockets);
  }

  /** Binds and waits; throws an {@link AssertionError} with the reason when no port could be bound. */
  DatagramPort bind(String ip, SocketSettings settings) throws Exception {
    return bind(ip, settings, new Random(1));
  }

  DatagramPort bind(String ip, SocketSettings settings, Random random) throws Exception {
    CompletableFuture<DatagramPort> bound = new CompletableFuture<>();
    on(() -> {
      DatagramPort.bind(driver, IpAddress.parse(ip), settings, random, new Owner(bound));
      return null;
    });
    try {
      return Loopback.await(bound);
    } catch (java.util.concurrent.ExecutionException e) {
      throw (AssertionError) e.getCause();
    }
  }

  /** Runs something on the event loop. */
  <T> T on(Callable<T> task) throws Exception {
    return driver.eventLoop().submit(task).get(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  Received next() throws InterruptedException {
    return received.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  @Override
  public void close() throws Exception {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
  }

  private final class Owner implements DatagramPort.Owner {
    private final CompletableFuture<DatagramPort> bound;

    Owner(CompletableFuture<DatagramPort> bound) {
      this.bound = bound;
    }

    @Override
    public void handleBound(DatagramPort port) {
      bound.complete(port);
    }

    @Override
    public void handleBindFailed(String reason) {
      bound.completeExceptionally(new AssertionError(reason));
    }

    @Override
    public void handleDatagram(FiveTuple path, ByteBuffer datagram) {
      byte[] copy = new byte[datagram.remaining()];
      datagram.get(copy);
      received.add(new Received(path, copy, datagram.order()));
      datagram.clear().order(ByteOrder.LITTLE_ENDIAN); // as an application may
    }

    @Override
    public void handleTooLong(FiveTuple path) {
      tooLong.add(path);
    }

    @Override
    public void handleBroken(DatagramPort port, String reason) {
      broken.add(reason);
    }
  }
}

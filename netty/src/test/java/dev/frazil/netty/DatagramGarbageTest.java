package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.SocketSettings;
import dev.frazil.netty.io.Sockets;
import io.netty.channel.epoll.Epoll;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class DatagramGarbageTest {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final int PEERS = 20;
  private static final int ROUNDS = 500;
  private static final long MOST_BYTES = 320;

  /** Sends back what comes, so often. */
  private static final class Echo implements DatagramPort.Owner {
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private @Nullable DatagramPort port;
    private int left;

    DatagramPort port() {
      return Objects.requireNonNull(port);
    }

    @Override
    public void handleBound(DatagramPort bound) {
      port = bound;
    }

    @Override
    public void handleBindFailed(String reason) {
      throw new AssertionError(reason);
    }

    @Override
    public void handleDatagram(FiveTuple path, ByteBuffer datagram) {
      if (left-- > 0) {
        port().transmit(path.remote(), NOTHING, datagram);
      } else {
        done.complete(null);
      }
    }

    @Override
    public void handleTooLong(FiveTuple path) {}

    @Override
    public void handleBroken(DatagramPort broken, String reason) {}
  }

  private static Echo bind(Ports ports, int times) throws Exception {
    return ports.on(() -> {
      Echo echo = new Echo();
      echo.left = times;
      DatagramPort.bind(
          ports.driver, IpAddress.parse("127.0.0.1"), SocketSettings.DEFAULT, new Random(1), echo);
      return echo;
    });
  }

  /** One port hears from many in turn, as a listener does; returns what each datagram cost the event loop. */
  private static long bytesPerDatagram(Ports ports) throws Exception {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Echo listener = bind(ports, Integer.MAX_VALUE);
    List<Echo> peers = new ArrayList<>();
    for (int i = 0; i < PEERS; i++) {
      peers.add(bind(ports, ROUNDS));
    }
    long thread = ports.on(() -> Thread.currentThread().getId());
    long before = threads.getThreadAllocatedBytes(thread);
    ports.on(() -> {
      TransportAddress to = listener.port().local();
      peers.forEach(each -> each.port().transmit(to, NOTHING, ByteBuffer.allocate(160)));
      return null;
    });
    for (Echo peer : peers) {
      Loopback.await(peer.done);
    }
    return (threads.getThreadAllocatedBytes(thread) - before) / (2L * PEERS * ROUNDS);
  }

  @Test
  void aDatagramThatIsReceivedAndSentThroughEpollCostsAtMost320Bytes() throws Exception {
    Assumptions.assumeTrue(Epoll.isAvailable());
    try (Ports ports = new Ports(Sockets.Engine.EPOLL)) {
      bytesPerDatagram(ports); // tables grow, classes load

      assertThat(bytesPerDatagram(ports)).isBetween(1L, MOST_BYTES);
    }
  }
}

package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.Pacer;
import dev.frazil.ice.Role;
import dev.frazil.ice.SendResult;
import dev.frazil.ice.StunServer;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.ResourceLeakDetector;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.UnaryOperator;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What sessions leave behind: nothing. */
class ResourcesTest {
  private static final int SESSIONS = 1000;

  private final ConcurrentLinkedQueue<String> leaks = new ConcurrentLinkedQueue<>();
  private final Logger logger = Logger.getLogger(ResourceLeakDetector.class.getName());
  private final ResourceLeakDetector.Level level = ResourceLeakDetector.getLevel();
  private final Handler handler = new Handler() {
    @Override
    public void publish(LogRecord line) {
      leaks.add(line.getMessage());
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  };

  @BeforeEach
  void watchBuffers() {
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
  }

  @AfterEach
  void stopWatchingBuffers() {
    ResourceLeakDetector.setLevel(level);
    logger.removeHandler(handler);
    logger.setUseParentHandlers(true);
  }

  /** Lets the detector see what the garbage collector found: it looks when a buffer is allocated. */
  private void collect(int rounds) {
    for (int i = 0; i < rounds; i++) {
      System.gc();
      System.runFinalization();
      for (int j = 0; j < 100; j++) {
        ByteBufAllocator.DEFAULT.directBuffer(16).release();
      }
    }
  }

  @Test
  void leakedBufferWouldBeSeen() throws Exception {
    leak();
    Wait.until(() -> {
      collect(1);
      return !leaks.isEmpty();
    });
    assertThat(leaks.peek()).contains("LEAK");
  }

  private static void leak() {
    ByteBuf lost = ByteBufAllocator.DEFAULT.directBuffer(16);
    lost.writeByte(1);
  }

  @Test
  void thousandSessionsLeaveNoThreadDescriptorOrBuffer() throws Exception {
    connectAndClose(2); // what is made once for a process is made by these
    Wait.until(() -> Threads.named("frazil").isEmpty());
    int sockets = Descriptors.sockets().size();
    int descriptors = Descriptors.open().size();
    leaks.clear();

    connectAndClose(SESSIONS / 2);

    Wait.until(() -> Threads.named("frazil").isEmpty());
    Wait.until(() -> Descriptors.sockets().size() <= sockets);
    Wait.until(() -> Descriptors.open().size() <= descriptors);
    collect(5);
    assertThat(leaks).isEmpty();
  }

  /** All at once, in one runtime; some are closed on the way, some by the runtime. */
  private static void connectAndClose(int count) throws Exception {
    try (IceRuntime runtime = IceRuntime.builder().pacer(Pacer.unlimited()).build()) {
      Pair first = new Pair(runtime, UnaryOperator.identity()).connect();
      first.close(); // every event loop has what it keeps
      int sockets = Descriptors.sockets().size();
      int descriptors = Descriptors.open().size();
      List<Pair> pairs = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        pairs.add(new Pair(runtime, UnaryOperator.identity()).start());
      }
      for (int i = 0; i < count; i++) {
        Pair pair = pairs.get(i);
        if (i % 10 != 1) {
          Loopback.await(pair.left.completed());
          Loopback.await(pair.right.completed());
          assertThat(pair.left.send(ByteBuffer.allocate(100))).isEqualTo(SendResult.SENT);
        }
        pair.close();
      }
      nothingIsLeft(runtime, sockets, descriptors);
      for (int i = 0; i < 5; i++) {
        new Pair(runtime, UnaryOperator.identity()).start(); // for the runtime to close
      }
    }
  }

  /** The end of a runtime would hide what its sessions forgot. */
  private static void nothingIsLeft(IceRuntime runtime, int sockets, int descriptors)
      throws Exception {
    Wait.until(() -> runtime.machines() == 0);
    Wait.until(() -> Descriptors.sockets().size() <= sockets);
    Wait.until(() -> Threads.named("frazil-interfaces").isEmpty());
    Wait.until(() -> Descriptors.open().size() <= descriptors);
  }

  @Test
  void failuresLeaveNoDescriptorAndNoBuffer() throws Exception {
    failEverywhere(1);
    Wait.until(() -> Threads.named("frazil").isEmpty());
    int descriptors = Descriptors.open().size();
    leaks.clear();

    failEverywhere(50);

    Wait.until(() -> Descriptors.open().size() <= descriptors);
    collect(5);
    assertThat(leaks).isEmpty();
  }

  /** No address that can be bound, no port free, no STUN server that answers; closed in the middle of it all. */
  private static void failEverywhere(int count) throws Exception {
    try (NameServer nameServer = new NameServer((name, ipv6, asked) -> null);
        DatagramSocket taken = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0));
        IceRuntime runtime = IceRuntime.builder()
            .pacer(Pacer.unlimited())
            .nameServers(nameServer.provider())
            .build()) {
      Pair first = new Pair(runtime, UnaryOperator.identity()).connect();
      first.close();
      int sockets = Descriptors.sockets().size();
      int descriptors = Descriptors.open().size();
      List<IceSession> sessions = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        IceSession session = Loopback.session(runtime, Role.CONTROLLING)
            .interfaces(() -> List.of(
                Loopback.address("127.0.0.1"),
                Loopback.address("127.0.0.2"),
                Loopback.address("198.51.100.77")))
            .portRange(taken.getLocalPort(), taken.getLocalPort())
            .stunServers(List.of(
                new StunServer("127.0.0.1", taken.getLocalPort()),
                new StunServer("nowhere" + i + ".example.org", 3478)))
            .build();
        sessions.add(session);
        session.start();
        if (i % 2 == 0) {
          session.close();
        }
      }
      for (IceSession session : sessions) {
        session.close();
        Loopback.await(session.closed());
      }
      nothingIsLeft(runtime, sockets, descriptors);
    }
  }
}

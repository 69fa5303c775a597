package dev.frazil.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Outbox;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.topology.Topology;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples of the package's documentation, word by word. */
class ExampleTest {
  private static final Path SOURCES = Path.of("src");

  @TempDir
  Path captures;

  /** Sends a byte at every interval. */
  private static final class Heartbeat implements ProtocolMachine {
    private final Outbox outbox;
    private final FiveTuple path;
    private final long interval;
    private long next = NEVER;

    Heartbeat(Outbox outbox, FiveTuple path, Duration interval) {
      this.outbox = outbox;
      this.path = path;
      this.interval = interval.toNanos();
    }

    void start(long now) {
      next = now;
    }

    @Override
    public void handleDatagram(FiveTuple from, ByteBuffer datagram, long now) {}

    @Override
    public void handleTimeout(long now) {
      if (now >= next) {
        next = now + interval;
        outbox.transmit(path, ByteBuffer.wrap(new byte[] {0}), ByteBuffer.allocate(0));
      }
    }

    @Override
    public long nextTimeout() {
      return next;
    }
  }

  @Test
  void packetsCrossANatAndALossyLink() {
    long seed = 7;
    VirtualInternet.verify(seed, captures, net -> {
      Network home = net.network("home");
      net.nat("nat", home, net.internet(), NatBehavior.PORT_RESTRICTED_CONE, "203.0.113.1");
      Host alice = net.host("alice");
      alice.attach(home, "192.168.1.10/24").link(Link.ofMillis(5));
      Host bob = net.host("bob");
      bob.attach(net.internet(), "198.51.100.1").link(Link.ofMillis(20).withLoss(0.3));

      TransportAddress bobsAddress = TransportAddress.udp("198.51.100.1", 7000);
      List<TransportAddress> callers = new ArrayList<>();
      bob.bind(bobsAddress, (path, payload, now) -> callers.add(path.remote()));
      VirtualSocket socket =
          alice.bind(TransportAddress.udp("192.168.1.10", 5000), (path, payload, now) -> {});
      for (int i = 0; i < 100; i++) {
        socket.send(bobsAddress, ByteBuffer.wrap(new byte[] {1, 2, 3}));
        net.runFor(Duration.ofMillis(20));
      }
      assertThat(callers)
          .hasSizeBetween(40, 90)
          .containsOnly(TransportAddress.udp("203.0.113.1", 5000));
    });
  }

  @Test
  void machineRunsOnAHost() {
    VirtualInternet net = new VirtualInternet(1);
    Topology world = Topology.open(net, Link.ofMillis(10));
    Host alice = world.alice();
    Peer bob = new Peer(world.bob(), "198.51.100.2", 7000);
    FiveTuple path = new FiveTuple(TransportAddress.udp("198.51.100.1", 5000), bob.local());

    MachineDriver driver = new MachineDriver(alice);
    Heartbeat heartbeat = new Heartbeat(driver, path, Duration.ofSeconds(15));
    driver.run(heartbeat);
    driver.bind(path.local());
    driver.call(heartbeat::start);
    net.runFor(Duration.ofMinutes(10));

    assertThat(bob.heard).hasSize(40);
  }

  @Test
  void documentationShowsWhatIsTestedHere() throws IOException {
    String tested = withoutSpaces(
        Files.readString(SOURCES.resolve("test/java/dev/frazil/testkit/ExampleTest.java")));
    String documentation =
        Files.readString(SOURCES.resolve("main/java/dev/frazil/testkit/package-info.java"));
    Matcher example =
        Pattern.compile("<pre>\\{@code(.*?)}</pre>", Pattern.DOTALL).matcher(documentation);
    int count = 0;
    while (example.find()) {
      assertThat(tested).contains(withoutSpaces(example.group(1).replaceAll("(?m)^ \\*", "")));
      count++;
    }
    assertThat(count).isEqualTo(2);
  }

  private static String withoutSpaces(String text) {
    return text.replaceAll("\\s+", "");
  }
}

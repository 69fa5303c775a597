package dev.frazil.lab;

import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.DatagramHandler;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.NatBehavior;
import dev.frazil.testkit.Statistics;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.VirtualSocket;
import dev.frazil.testkit.topology.Access;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Prints how many packets the virtual Internet carries in a second of CPU time, on one thread: 100 hosts send to a
 * server, which answers each packet.
 *
 * <p>The one argument, if given, is the number of packets of each run: 2,000,000 unless set.
 */
public final class VirtualInternetBenchmark {
  private static final int HOSTS = 100;
  private static final int PAYLOAD = 100;

  private VirtualInternetBenchmark() {}

  /** Runs all cases, each after a warm-up. */
  public static void main(String... arguments) {
    long packets = arguments.length > 0 ? Long.parseLong(arguments[0]) : 2_000_000;
    Link plain = Link.ofMillis(20);
    Link rough = plain
        .withJitter(Duration.ofMillis(5))
        .withLoss(0.02)
        .withDuplication(0.01)
        .withReordering(0.01, Duration.ofMillis(10))
        .withBandwidth(1_000_000_000, Duration.ofMillis(100));
    Access cone = Access.behindNat(NatBehavior.PORT_RESTRICTED_CONE);
    Access twice = Access.behindCarrierNat(NatBehavior.FULL_CONE, NatBehavior.SYMMETRIC);
    for (int round = 0; round < 2; round++) {
      for (boolean capture : new boolean[] {false, true}) {
        run("open", Access.open(), plain, capture, packets);
        run("port restricted NAT", cone, plain, capture, packets);
        run("port restricted NAT, rough links", cone, rough, capture, packets);
        run("two NATs, rough links", twice, rough, capture, packets);
      }
    }
  }

  private static void run(String name, Access access, Link link, boolean capture, long packets) {
    VirtualInternet net = new VirtualInternet(1);
    if (!capture) {
      net.capture().limit(0);
    }
    Host server = net.host("server");
    server.attach(net.internet(), "192.0.2.1");
    TransportAddress target = TransportAddress.udp("192.0.2.1", 3478);
    VirtualSocket[] echo = new VirtualSocket[1];
    echo[0] = server.bind(target, (path, payload, now) -> echo[0].send(path.remote(), payload));
    List<VirtualSocket> sockets = new ArrayList<>();
    DatagramHandler ignore = (path, payload, now) -> {};
    for (int i = 1; i <= HOSTS; i++) {
      Host host = access.connect(net, "host " + i, i, link);
      sockets.add(host.bind(TransportAddress.udp(host.addresses().get(0), 0), ignore));
    }
    ByteBuffer payload = ByteBuffer.allocate(PAYLOAD);
    long start = cpuTime();
    while (net.statistics().sent() < packets) {
      for (VirtualSocket each : sockets) {
        each.send(target, payload);
      }
      net.runFor(Duration.ofMillis(1));
    }
    net.runFor(Duration.ofSeconds(1));
    long elapsed = cpuTime() - start;
    Statistics statistics = net.statistics();
    System.out.printf(
        "%-34s capture %-3s  %,9d packets sent, %,9d delivered  %,9d a CPU second%n",
        name,
        capture ? "on" : "off",
        statistics.sent(),
        statistics.delivered(),
        statistics.sent() * 1_000_000_000 / elapsed);
  }

  /** What this thread has used: a busy machine does not change it. */
  private static long cpuTime() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}

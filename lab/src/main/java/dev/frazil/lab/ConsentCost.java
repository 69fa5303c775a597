package dev.frazil.lab;

import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceState;
import dev.frazil.ice.Role;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.ice.Signalling;
import dev.frazil.testkit.ice.VirtualAgent;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Prints what consent (RFC 7675) costs: agents that are connected in the virtual Internet and exchange nothing else. The
 * CPU time is that of the agents and of the virtual Internet together, on one thread.
 *
 * <p>The one argument, if given, is the number of agents: 10,000 unless set.
 */
public final class ConsentCost {
  private static final Duration CONNECTING = Duration.ofSeconds(60);
  private static final Duration WARM_UP = Duration.ofSeconds(60);
  private static final int ROUNDS = 3;
  private static final Duration ROUND = Duration.ofSeconds(60);

  private ConsentCost() {}

  /** Connects the agents, and measures minute by minute. */
  public static void main(String... arguments) {
    int agents = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 10_000;
    VirtualInternet net = new VirtualInternet(1);
    net.capture().limit(0);
    List<VirtualAgent> all = new ArrayList<>();
    for (int i = 0; i < agents; i += 2) {
      VirtualAgent left = agent(net, i, Role.CONTROLLING);
      VirtualAgent right = agent(net, i + 1, Role.CONTROLLED);
      Signalling signalling = Signalling.connect(net, left, right, () -> Duration.ZERO);
      left.start(1);
      right.start(1);
      signalling.begin(1);
      all.add(left);
      all.add(right);
    }
    net.runFor(CONNECTING);
    requireConnected(all);
    net.runFor(WARM_UP);
    Table table = new Table(
        "agents", "virtual seconds", "packets an agent and second", "CPU µs an agent and second");
    for (int i = 0; i < ROUNDS; i++) {
      long packets = net.statistics().sent();
      long cpu = cpuTime();
      net.runFor(ROUND);
      double share = (double) all.size() * ROUND.toSeconds();
      table.row(
          all.size(),
          ROUND.toSeconds(),
          String.format("%.2f", (net.statistics().sent() - packets) / share),
          String.format("%.2f", (cpuTime() - cpu) / 1000.0 / share));
    }
    requireConnected(all);
    table.print(System.out);
  }

  private static VirtualAgent agent(VirtualInternet net, int number, Role role) {
    Host host = net.host("host " + number);
    host.attach(net.internet(), "100.0." + (number >> 8) + "." + (number & 0xFF))
        .link(Link.ofMillis(20));
    return new VirtualAgent(
        host, IceConfiguration.builder(role, net.random(host.name())).build());
  }

  private static void requireConnected(List<VirtualAgent> agents) {
    long connected =
        agents.stream().filter(agent -> agent.state() == IceState.COMPLETED).count();
    if (connected != agents.size()) {
      throw new IllegalStateException(connected + " of " + agents.size() + " are connected");
    }
  }

  private static long cpuTime() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}

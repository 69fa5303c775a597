package dev.frazil.cli;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceState;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.testkit.FirewallPolicy;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.NatBehavior;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.ice.Signalling;
import dev.frazil.testkit.ice.VirtualAgent;
import dev.frazil.testkit.topology.Access;
import dev.frazil.testkit.topology.Topology;
import dev.frazil.testkit.turn.VirtualTurnServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Two agents behind two routers in the virtual Internet, with a TURN server that both may use: which kinds let them find
 * each other directly, and how fast.
 */
final class NatMatrix {
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");

  /** How far each host is from the middle of the virtual Internet, where the server is. */
  private static final Duration LATENCY = Duration.ofMillis(10);
  /** From host to host; what they tell each other beside takes as long. */
  private static final Duration ONE_WAY = LATENCY.multipliedBy(2);
  /** The round trip between the hosts. */
  static final Duration ROUND_TRIP = ONE_WAY.multipliedBy(2);
  /** Longer than the longest that RFC 8863 lets an agent wait before it gives up. */
  private static final Duration LIMIT = Duration.ofMinutes(3);

  /** What stands between a host and the Internet. */
  enum Router {
    NONE("no NAT", "the host has a public address of its own"),
    FULL_CONE("full cone", "whoever knows the address may send to it"),
    RESTRICTED("restricted", "hosts that it wrote to may send back"),
    PORT_RESTRICTED("port restricted", "programs that it wrote to may send back"),
    SYMMETRIC("symmetric", "the same, and each of them sees another address of it"),
    BLOCKED("UDP blocked", "a firewall that lets no UDP through");

    private final String label;
    private final String meaning;

    Router(String label, String meaning) {
      this.label = label;
      this.meaning = meaning;
    }

    /** Its name for people. */
    String label() {
      return label;
    }

    /** What it lets in, for somebody who never heard of it. */
    String meaning() {
      return meaning;
    }

    private Access access() {
      return switch (this) {
        case NONE -> Access.open();
        case FULL_CONE -> Access.behindNat(NatBehavior.FULL_CONE);
        case RESTRICTED -> Access.behindNat(NatBehavior.RESTRICTED_CONE);
        case PORT_RESTRICTED -> Access.behindNat(NatBehavior.PORT_RESTRICTED_CONE);
        case SYMMETRIC -> Access.behindNat(NatBehavior.SYMMETRIC);
        case BLOCKED -> Access.behindFirewall(FirewallPolicy.UDP_BLOCKED);
      };
    }
  }

  /**
   * What became of one combination.
   *
   * @param a what stands before the controlling agent
   * @param b what stands before the controlled one
   * @param direct whether the path that they chose is a direct one
   * @param relay how the relay in their path was reached; null when there is none
   * @param connectMillis when both could send, after both had started; null without a path
   * @param payloadMillis when each had the other's first payload; null without a path
   * @param path the path as a's host sees it; null without one
   */
  record Cell(
      Router a,
      Router b,
      boolean direct,
      @Nullable Transport relay,
      @Nullable Double connectMillis,
      @Nullable Double payloadMillis,
      @Nullable FiveTuple path) {}

  /** One side, and when what happened to it, in virtual nanoseconds; −1 for never. */
  private static final class Side {
    final VirtualAgent agent;
    long connectedAt = -1;
    long payloadAt = -1;

    Side(Host host, Role role, String server) {
      VirtualInternet net = host.internet();
      agent = new VirtualAgent(
          host,
          IceConfiguration.builder(role, net.random(host.name()))
              .stunServers(List.of(new StunServer(server, StunServer.DEFAULT_PORT)))
              .turnServers(List.of(relay(server, Transport.UDP), relay(server, Transport.TCP)))
              .build());
      agent.onEvent(event -> {
        if (event instanceof IceEvent.StateChanged changed
            && changed.state() == IceState.CONNECTED
            && connectedAt < 0) {
          connectedAt = net.now();
          agent.later(
              now -> agent.agent().send(0, 1, StandardCharsets.US_ASCII.encode("hello"), now));
        }
      });
      agent.onData(
          (stream, component, payload) -> payloadAt = payloadAt < 0 ? net.now() : payloadAt);
    }

    boolean hasPayload() {
      return payloadAt >= 0;
    }

    private static TurnServer relay(String server, Transport transport) {
      return new TurnServer(server, TurnServer.DEFAULT_PORT, transport, false, USER);
    }

    boolean isDone() {
      return agent.state() == IceState.COMPLETED;
    }

    boolean hasFailed() {
      return agent.state() == IceState.FAILED;
    }

    /** What it chose; null before it did. */
    IceEvent.@Nullable PairSelected selected() {
      return agent.events().stream()
          .filter(IceEvent.PairSelected.class::isInstance)
          .map(IceEvent.PairSelected.class::cast)
          .reduce((first, last) -> last)
          .orElse(null);
    }

    /** How it reaches the relay that gave it an address; null when none did. */
    @Nullable Transport relay(Candidate candidate) {
      return agent.agent().statistics().localCandidates().stream()
          .filter(each -> candidate.type() == CandidateType.RELAYED
              && each.candidate().address().equals(candidate.address()))
          .map(each -> String.valueOf(each.url()).endsWith("=tcp") ? Transport.TCP : Transport.UDP)
          .findFirst()
          .orElse(null);
    }
  }

  private NatMatrix() {}

  private static String turnServer(Host host) {
    new VirtualTurnServer(
        host,
        VirtualTurnServer.configuration(host, host.internet().random("relay"), USER)
            .build());
    return host.addresses().get(0).toString();
  }

  /** Lets two agents try, in virtual time. */
  static Cell run(Router left, Router right, long seed) {
    VirtualInternet net = new VirtualInternet(seed);
    Topology world = Topology.between(net, left.access(), right.access(), Link.ofLatency(LATENCY));
    String server = turnServer(world.server());
    Side a = new Side(world.alice(), Role.CONTROLLING, server);
    Side b = new Side(world.bob(), Role.CONTROLLED, server);
    Signalling signalling = Signalling.connect(net, a.agent, b.agent, () -> ONE_WAY);
    a.agent.start(1);
    b.agent.start(1);
    signalling.begin(1);
    net.runUntil(() -> areDone(a, b) || a.hasFailed() && b.hasFailed(), LIMIT);
    Cell cell = cell(left, right, a, b);
    a.agent.close();
    b.agent.close();
    return cell;
  }

  private static boolean areDone(Side a, Side b) {
    return a.isDone() && b.isDone() && a.hasPayload() && b.hasPayload();
  }

  private static Cell cell(Router left, Router right, Side a, Side b) {
    IceEvent.PairSelected selected = a.selected();
    if (selected == null || !areDone(a, b)) {
      return new Cell(left, right, false, null, null, null, null);
    }
    Transport near = a.relay(selected.local());
    Transport far = b.relay(selected.remote());
    return new Cell(
        left,
        right,
        near == null && far == null,
        near == Transport.TCP || far == Transport.TCP ? Transport.TCP : near == null ? far : near,
        Math.max(a.connectedAt, b.connectedAt) / 1e6,
        Math.max(a.payloadAt, b.payloadAt) / 1e6,
        a.agent.path(0, 1));
  }
}

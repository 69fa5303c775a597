package dev.frazil.lab;

import dev.frazil.ice.AddressHandling;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.BindingServer;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.MachineDriver;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.ice.Signalling;
import dev.frazil.testkit.ice.VirtualAgent;
import dev.frazil.testkit.topology.Access;
import dev.frazil.testkit.topology.Topology;
import java.time.Duration;
import java.util.List;

/**
 * How long two agents took to connect in the virtual Internet: one component, trickling, signalling that takes no time,
 * one STUN server that is as far away as the peer. Times are nanoseconds from the start, or {@link #NEVER}.
 *
 * @param roundTrip between the two, without jitter
 * @param pairsAhead how many pairs stood before the working one, on the list of the side that had more of them
 * @param known when both held each other's working candidate
 * @param valid when the first side had a valid pair
 * @param connected when both had
 * @param delivered when the first payload arrived at either side
 * @param nominated when both had selected their pair
 */
record ConnectTime(
    long roundTrip,
    int pairsAhead,
    long known,
    long valid,
    long connected,
    long delivered,
    long nominated) {
  static final long NEVER = -1;

  /** Ta between two Frazils. */
  private static final long TA = 10_000_000;

  private static final int STUN_PORT = 3478;

  /**
   * Lets two agents meet.
   *
   * @param roundTrip between the two, a multiple of 4 ns
   * @param link what else the links do; its latency is not used
   * @param limit for how long they may try
   */
  static ConnectTime measure(
      Access left, Access right, Duration roundTrip, Link link, long seed, Duration limit) {
    VirtualInternet net = new VirtualInternet(seed);
    net.capture().limit(0);
    Link quarter = link.withLatency(roundTrip.dividedBy(4)); // a round trip crosses four links
    Topology world = Topology.between(net, left, right, quarter);
    world.server().interfaces().get(0).link(quarter);
    serve(world.server());
    Side controlling = new Side(agent(world.alice(), Role.CONTROLLING));
    Side controlled = new Side(agent(world.bob(), Role.CONTROLLED));
    Signalling signalling =
        Signalling.connect(net, controlling.agent, controlled.agent, () -> Duration.ZERO);
    controlling.agent.start(1);
    controlled.agent.start(1);
    signalling.begin(1);
    net.runUntil(() -> controlling.isDone() && controlled.isDone(), limit);
    return of(roundTrip.toNanos(), controlling, controlled);
  }

  private static ConnectTime of(long roundTrip, Side left, Side right) {
    return new ConnectTime(
        roundTrip,
        Math.max(left.pairsAhead, right.pairsAhead),
        Math.max(left.toldOf(right.working), right.toldOf(left.working)),
        first(left.valid, right.valid),
        last(left.valid, right.valid),
        first(left.received, right.received),
        last(left.selected, right.selected));
  }

  private static VirtualAgent agent(Host host, Role role) {
    return new VirtualAgent(
        host,
        IceConfiguration.builder(role, host.internet().random(host.name()))
            .addressHandling(AddressHandling.ALL_INTERFACES)
            .stunServers(List.of(new StunServer("192.0.2.1", STUN_PORT)))
            .build());
  }

  private static void serve(Host host) {
    MachineDriver driver = new MachineDriver(host);
    driver.run(new BindingServer(
        BindingServer.Options.DEFAULT, null, host.internet().random(host.name()), driver));
    driver.bind(TransportAddress.udp("192.0.2.1", STUN_PORT));
  }

  private static long first(long one, long other) {
    return one == NEVER || other == NEVER ? Math.max(one, other) : Math.min(one, other);
  }

  private static long last(long one, long other) {
    return one == NEVER || other == NEVER ? NEVER : Math.max(one, other);
  }

  /** Whether both selected a pair and data got through. */
  boolean isComplete() {
    return nominated != NEVER && delivered != NEVER;
  }

  /** The first valid pair, counted from {@link #known}. */
  long validAfter() {
    return valid - known;
  }

  /** One round trip, and a slot for each pair ahead and for the working one. */
  long validLimit() {
    return roundTrip + (pairsAhead + 1) * TA;
  }

  /** The first payload, counted from {@link #known}. */
  long deliveredAfter() {
    return delivered - known;
  }

  /** Half a round trip more than the valid pair. */
  long deliveredLimit() {
    return roundTrip * 3 / 2 + (pairsAhead + 1) * TA;
  }

  /** Nomination at both ends, counted from the first valid pair. */
  long nominatedAfter() {
    return nominated - valid;
  }

  /** One and a half round trips, and a slot for the triggered check and for the nominating one. */
  long nominatedLimit() {
    return roundTrip * 3 / 2 + 2 * TA;
  }

  /** Whether each figure is within its limit. */
  boolean isWithinLimits() {
    return isComplete()
        && validAfter() <= validLimit()
        && deliveredAfter() <= deliveredLimit()
        && nominatedAfter() <= nominatedLimit();
  }
}

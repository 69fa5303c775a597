package dev.frazil.lab.campaign;

import dev.frazil.ice.AddressHandling;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Sighting;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.VirtualSocket;
import dev.frazil.testkit.ice.Signalling;
import dev.frazil.testkit.turn.VirtualTurnServer;
import dev.frazil.turn.PeerFilter;
import dev.frazil.turn.TurnServerConfiguration;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * One run of the campaign: a random world, two agents, a random schedule of trouble, and the judgement.
 *
 * <p>Loss, duplication and changes end seven seconds after each generation began, so that every transaction has clean
 * sends left. A path that is lost to a change is mended by a restart, as an application would; what counts is where the
 * last generation ends.
 */
public final class Run {
  static final String NO_PAIR = "no candidate pair works";
  private static final Duration TROUBLE = Duration.ofSeconds(7);
  private static final Duration SETTLING = Duration.ofSeconds(160);
  private static final Duration CONSENT = Duration.ofSeconds(45);
  private static final int MAX_RESTARTS = 4;
  private static final List<String> SERVERS = List.of("192.0.2.1", "2001:db8::1");
  /** The same, and how an IPv6-only host sees the first. */
  private static final List<String> SEEN_SERVERS =
      List.of("192.0.2.1", "2001:db8::1", "64:ff9b::192.0.2.1");

  private static final List<Set<Transport>> WAYS_TO_RELAYS =
      List.of(Set.of(Transport.UDP), Set.of(Transport.UDP, Transport.TCP), Set.of(Transport.TCP));

  private static final int PORT = 3478;
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");

  /**
   * How a run ended.
   *
   * @param connected how many streams ended connected
   * @param failed how many ended failed
   * @param violations what went wrong; empty for a good run
   * @param description the world and the schedule
   */
  public record Outcome(
      long seed,
      int connected,
      int failed,
      int packets,
      List<String> violations,
      String description) {
    /** Whether nothing went wrong. */
    public boolean isGood() {
      return violations.isEmpty();
    }
  }

  private final long seed;
  private final VirtualInternet net;
  private final RandomGenerator random;
  private final World world;
  private final int[] components;
  private final Contender left;
  private final Contender right;
  private final Signalling signalling;
  private final boolean strict;
  private final int maxPairs;
  /** Whether the server is a TURN server too. */
  private final boolean relays;

  private final StringBuilder history = new StringBuilder();
  private final List<String> violations = new ArrayList<>();
  private int packets;
  private int connected;
  private int failed;
  private int restarts;
  /** The network changed since the last restart. */
  private boolean changed;

  private @Nullable FiveTuple arrived;

  private Run(long seed, boolean explain) {
    this.seed = seed;
    net = new VirtualInternet(seed);
    random = net.random("run");
    boolean trouble = random.nextInt(4) > 0;
    world = World.random(net, trouble ? 0.3 : 0);
    strict = !trouble && random.nextBoolean();
    components = switch (random.nextInt(6)) {
      case 0 -> new int[] {2};
      case 1 -> new int[] {1, 1};
      case 2 -> new int[] {2, 1};
      default -> new int[] {1};
    };
    maxPairs = random.nextInt(12) == 0 ? random.nextInt(2, 8) : 100;
    boolean trickle = random.nextInt(3) > 0;
    boolean renomination = random.nextInt(8) == 0;
    Role role = random.nextBoolean() ? Role.CONTROLLING : Role.CONTROLLED;
    Role other = random.nextInt(5) == 0 ? role : role.opposite();
    RandomGenerator relaying = net.random("relays");
    relays = relaying.nextInt(3) == 0;
    left = contender(world.left, role, trickle, renomination, explain);
    right = contender(world.right, other, trickle, renomination, explain);
    left.meets(right);
    right.meets(left);
    long slowest = strict ? 0 : random.nextLong(1, 1_500_000_000L);
    int duplicates = strict ? 0 : random.nextInt(30);
    signalling = Signalling.connect(
        net,
        left.agent,
        right.agent,
        () -> Duration.ofNanos(slowest == 0 ? 0 : random.nextLong(slowest)),
        () -> random.nextInt(100) < duplicates);
    RandomGenerator strange = net.random("stranger");
    Stranger stranger = maxPairs < 100 || strange.nextInt(8) == 0
        ? new Stranger(world.server, strange, maxPairs < 100)
        : null;
    signalling.onParameters((to, stream) -> {
      Contender told = to == left.agent ? left : right;
      told.remoteKnown(stream);
      if (stranger != null) {
        stranger.meddle(told, told == left ? right : left, stream, net.now());
      }
    });
    history
        .append(world.description)
        .append(String.format(
            "; streams %d, trickle %s, roles %s %s, signalling up to %.0f ms, limit %d",
            components.length, trickle, role, other, slowest / 1e6, maxPairs))
        .append(stranger == null ? "" : ", a stranger about");
  }

  private Contender contender(
      Host host, Role role, boolean trickle, boolean renomination, boolean explain) {
    int privacy = net.random(host.name() + " privacy").nextInt(8);
    AddressHandling handling = privacy == 0
        ? AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY
        : privacy == 1 ? AddressHandling.DEFAULT_ROUTE : AddressHandling.ALL_INTERFACES;
    history.append(privacy > 1 ? "" : host.name() + " " + handling + ", ");
    RandomGenerator relaying = net.random(host.name() + " relays");
    boolean relayed = relays && relaying.nextInt(4) > 0;
    boolean relayOnly = relayed && relaying.nextInt(5) == 0;
    history.append(relayed ? host.name() + (relayOnly ? " relays only, " : " relays, ") : "");
    Set<Transport> ways =
        relayed ? WAYS_TO_RELAYS.get(relaying.nextInt(WAYS_TO_RELAYS.size())) : Set.of();
    history.append(ways.contains(Transport.TCP) ? "by " + ways + ", " : "");
    List<TurnServer> turnServers = ways.stream()
        .sorted()
        .flatMap(transport ->
            SERVERS.stream().map(ip -> new TurnServer(ip, PORT, transport, false, USER)))
        .toList();
    IceConfiguration configuration = IceConfiguration.builder(role, net.random(host.name()))
        .turnServers(turnServers)
        .candidateTypes(
            relayOnly ? Set.of(CandidateType.RELAYED) : EnumSet.allOf(CandidateType.class))
        .addressHandling(handling)
        .stunServers(
            List.of(new StunServer("192.0.2.1", 3478), new StunServer("2001:db8::1", 3478)))
        .trickle(trickle)
        .renomination(renomination)
        .maxPairs(maxPairs)
        .eventLog(explain)
        .build();
    return new Contender(
        host,
        configuration,
        components.length,
        new Contender.Rules(
            strict && maxPairs == 100 && trickle,
            maxPairs < 100,
            renomination,
            maxPairs,
            handling,
            ways.stream()
                .flatMap(transport -> SEEN_SERVERS.stream()
                    .map(ip -> new TransportAddress(IpAddress.parse(ip), PORT, transport)))
                .toList(),
            relayOnly));
  }

  /** Runs one seed. */
  public static Outcome of(long seed) {
    return of(seed, null);
  }

  /** Runs one seed and, when it goes wrong, writes its packets into the folder. */
  public static Outcome of(long seed, @Nullable Path pcaps) {
    Run run = new Run(seed, false);
    try {
      run.play();
    } catch (RuntimeException e) {
      run.violations.add(
          "exception: " + e + " at " + (e.getStackTrace().length > 0 ? e.getStackTrace()[0] : "?"));
    }
    if (pcaps != null && !run.violations.isEmpty()) {
      run.history.append("; ").append(run.net.describeFailure(pcaps));
    }
    return run.outcome();
  }

  /** Runs one seed and prints what both agents decided and why. */
  static Outcome explain(long seed, PrintStream out) {
    Run run = new Run(seed, true);
    for (Contender each : List.of(run.left, run.right)) {
      each.agent.onEvent(
          event -> out.printf("%9.3f %-5s %s%n", run.net.now() / 1e9, each.monitor.host, event));
    }
    run.play();
    return run.outcome();
  }

  private Outcome outcome() {
    List<String> all = new ArrayList<>(violations);
    all.addAll(left.violations());
    all.addAll(right.violations());
    return new Outcome(seed, connected, failed, packets, all, history.toString());
  }

  private void play() {
    net.observe(this::see);
    serveStun();
    left.agent.addStreams(components);
    right.agent.addStreams(components);
    left.agent.gather();
    if (random.nextBoolean()) {
      net.runFor(Duration.ofMillis(random.nextInt(1000)));
    }
    right.agent.gather();
    signalling.begin(components.length);
    left.agent.onEvent(event -> advised(left, event));
    right.agent.onEvent(event -> advised(right, event));
    exchangeData();
    trouble();
    while (random.nextInt(3) == 0 && restarts < 2) {
      net.runFor(Duration.ofMillis(random.nextInt(20_000)));
      restart(random.nextBoolean() ? left : right, "planned");
      if (random.nextInt(3) == 0) {
        restart(random.nextBoolean() ? left : right, "at the same time");
      }
      trouble();
    }
    settle();
    while (needsRestart() && restarts < MAX_RESTARTS) {
      changed = false;
      restart(left.lostAPath() ? left : right, "path lost");
      settle();
    }
    judge();
  }

  /** Loss and changes for at most seven seconds from now. */
  private void trouble() {
    if (!world.isNoisy()) {
      return;
    }
    world.disturb();
    long left = TROUBLE.toNanos();
    for (int changes = random.nextInt(4); changes > 0; changes--) {
      long pause = random.nextLong(left);
      net.runFor(Duration.ofNanos(pause));
      left -= pause;
      if (random.nextInt(2) == 0) {
        note(world.change());
        changed = true;
      }
    }
    net.runFor(Duration.ofNanos(random.nextLong(left + 1)));
    world.settle();
    note("calm");
  }

  /**
   * Whether an application would restart: a path was lost, or a change in the middle left the ends apart, which the one
   * that failed tells the other (RFC 8445 8.1.2).
   */
  private boolean needsRestart() {
    boolean apart = false;
    for (int stream = 0; stream < components.length; stream++) {
      apart |= left.isUp(stream) != right.isUp(stream);
    }
    return left.lostAPath() || right.lostAPath() || changed && apart;
  }

  private boolean isSettled() {
    boolean oneFailed = changed && (left.hasFailed() || right.hasFailed());
    return oneFailed || left.isSettled() && right.isSettled();
  }

  private void settle() {
    if (!net.runUntil(this::isSettled, SETTLING) && maxPairs == 100) {
      violations.add("not settled: left " + left.agent.agent() + ", right " + right.agent.agent());
    }
    net.runFor(CONSENT);
    left.weigh();
    right.weigh();
  }

  private void restart(Contender who, String why) {
    restarts++;
    note(who.monitor.host + " restarts: " + why);
    who.agent.call(now -> {
      for (int stream = 0; stream < components.length; stream++) {
        who.agent.agent().restart(stream, now);
      }
    });
  }

  /** Half of the applications restart when the agent advises it. */
  private void advised(Contender who, IceEvent event) {
    if (event instanceof IceEvent.RestartAdvised advice && (seed & 1) == 0 && restarts < 2) {
      restarts++;
      who.agent.later(now -> {
        note(who.monitor.host + " restarts: advised");
        who.agent.agent().restart(advice.stream(), now);
      });
    }
  }

  private void note(String what) {
    history.append(String.format("; %.1f s %s", net.now() / 1e9, what));
  }

  // the judgement

  private void judge() {
    if (left.agent.agent().role() == right.agent.agent().role() && left.isUp(0) && right.isUp(0)) {
      violations.add("both ended " + left.agent.agent().role());
    }
    boolean[] up = new boolean[components.length];
    for (int stream = 0; stream < components.length; stream++) {
      up[stream] = left.isUp(stream);
      if (maxPairs < 100 && up[stream] != right.isUp(stream)) {
        continue; // each end kept other pairs
      }
      if (up[stream] != right.isUp(stream)) {
        violations.add("stream " + stream + ": left " + words(left, stream) + ", right "
            + words(right, stream));
      }
      if (up[stream]) {
        for (int component = 1; component <= agreedComponents(stream); component++) {
          mirror(stream, component);
        }
      }
    }
    Oracle.Side[][] sides = new Oracle.Side[components.length][];
    for (int stream = 0; stream < components.length; stream++) {
      int agreed = agreedComponents(stream);
      sides[stream] = new Oracle.Side[2 * agreed];
      for (int component = 1; component <= agreed; component++) {
        sides[stream][2 * component - 2] = left.side(stream, component, up[stream]);
        sides[stream][2 * component - 1] = right.side(stream, component, up[stream]);
      }
    }
    close();
    oracleSpeaks = true;
    for (int stream = 0; stream < components.length; stream++) {
      consult(stream, up[stream], sides[stream]);
    }
  }

  private boolean oracleSpeaks;

  /** Both close, in runs that the oracle does not judge with checks under way; nothing may follow. */
  private void close() {
    if (maxPairs < 100) {
      restart(random.nextBoolean() ? left : right, "before the end");
      net.runFor(Duration.ofMillis(random.nextInt(3000)));
    }
    for (Contender each : List.of(left, right)) {
      each.monitor.closed(net.now());
      each.agent.call(each.agent.agent()::close);
    }
    net.runFor(Duration.ofSeconds(2));
    left.agent.close();
    right.agent.close();
  }

  /** RFC 8445 6.1.2.2: no more than both have candidates for; a loss may have kept one from gathering any. */
  private int agreedComponents(int stream) {
    int left = this.left.highestTold(stream).orElse(components[stream]);
    int right = this.right.highestTold(stream).orElse(components[stream]);
    return Math.min(left, right);
  }

  private void consult(int stream, boolean up, Oracle.Side[] sides) {
    boolean can = true;
    for (int i = 0; i < sides.length && can; i += 2) {
      can = new Oracle(net, world.server, world.nat64Prefix()).canConnect(sides[i], sides[i + 1]);
    }
    connected += up ? 1 : 0;
    failed += up ? 0 : 1;
    if (can && !up && maxPairs == 100) {
      violations.add("stream " + stream + " ended failed, but a pair works");
    } else if (!can && up && maxPairs == 100) {
      violations.add("stream " + stream + " ended connected, but no pair works");
    }
  }

  private static String words(Contender contender, int stream) {
    String failure = contender.failure(stream);
    return contender.isUp(stream) ? "up" : failure == null ? "neither up nor failed" : failure;
  }

  /** Both ends' paths are one, as seen through the NATs: what one sends, the other gets on its own path. */
  private void mirror(int stream, int component) {
    check(left, right, stream, component);
    check(right, left, stream, component);
  }

  private void check(Contender from, Contender to, int stream, int component) {
    arrived = null;
    from.agent.send(
        stream, component, ByteBuffer.wrap(new byte[] {'?', (byte) stream, (byte) component}));
    net.runFor(Duration.ofSeconds(1));
    FiveTuple expected = to.agent.path(stream, component);
    if (arrived == null || !arrived.equals(expected)) {
      violations.add("stream " + stream + "." + component + ": " + from.monitor.host + " sends on "
          + from.agent.path(stream, component) + ", it arrives as " + arrived + ", but "
          + to.monitor.host
          + " uses " + expected);
    }
  }

  private void see(Sighting sighting) {
    if (oracleSpeaks || sighting.isUnreachable()) {
      return;
    }
    packets += sighting.fate() == Sighting.Fate.SENT ? 1 : 0;
    left.monitor.see(sighting);
    right.monitor.see(sighting);
    if (sighting.fate() == Sighting.Fate.DELIVERED) {
      ByteBuffer payload = sighting.payload();
      if (payload.remaining() == 3 && payload.get(0) == '?') {
        arrived = new FiveTuple(sighting.destination(), sighting.source());
      }
    }
  }

  // surroundings

  private void exchangeData() {
    ByteBuffer data = ByteBuffer.wrap(new byte[] {'d', 'a', 't', 'a'});
    for (Contender each : List.of(left, right)) {
      int pairs = oracleSpeaks ? 0 : each.agent.agent().statistics().pairs().size();
      if (pairs > maxPairs) {
        violations.add(pairs + " pairs, " + maxPairs + " are allowed");
      }
      if (!oracleSpeaks && each.agent.agent().path(0, 1) != null) {
        each.agent.send(0, 1, data.duplicate());
      }
    }
    if (!oracleSpeaks) {
      net.schedule(Duration.ofMillis(700), this::exchangeData);
    }
  }

  private void serveStun() {
    if (relays) {
      TurnServerConfiguration.Builder turn = TurnServerConfiguration.builder(net.random("turn"))
          .realm("example.org", (name, realm, algorithm) -> USER.key(realm, algorithm))
          .peerFilter(PeerFilter.builder().allow("198.18.0.0/15").build());
      SERVERS.forEach(ip -> turn.relay(TurnServerConfiguration.Relay.of(IpAddress.parse(ip))));
      new VirtualTurnServer(world.server, turn.build());
      return;
    }
    for (String ip : SERVERS) {
      TransportAddress local = TransportAddress.udp(ip, 3478);
      VirtualSocket[] socket = new VirtualSocket[1];
      socket[0] = world.server.bind(local, (path, payload, now) -> {
        StunMessage request = StunMessage.tryParse(payload);
        if (request != null && request.is(MessageClass.REQUEST, Method.BINDING)) {
          socket[0].send(
              path.remote(),
              StunBuilder.success(Method.BINDING, request.transactionId(), ByteBuffer.allocate(100))
                  .put(AttributeType.XOR_MAPPED_ADDRESS, path.remote())
                  .finish());
        }
      });
    }
  }
}

package dev.frazil.testkit;

import dev.frazil.net.DeadlineQueue;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/**
 * A virtual Internet: hosts, networks, links and NATs in virtual time.
 *
 * <p>Nothing happens but in {@link #runFor}, {@link #runUntil} and {@link #step}, on the caller's thread. Whatever is
 * random comes from one seed, and events of the same time keep the order in which they were scheduled: the same program
 * with the same seed does the same, packet by packet. Not safe for use by several threads at once.
 */
public final class VirtualInternet {
  private static final Duration LONGEST = Duration.ofDays(3653);

  private final long seed;
  private final SplittableRandom random;
  private final DeadlineQueue<Event> events = new DeadlineQueue<>();
  private final PacketLog log = new PacketLog(this);
  private final Set<String> nodeNames = new HashSet<>();
  private final List<Host> hosts = new ArrayList<>();
  private final List<Middlebox> middleboxes = new ArrayList<>();
  private final Names names = new Names(this);
  private final Network internet = new Network(this, "internet", true);
  private long now;

  /** An empty world at time 0. */
  public VirtualInternet(long seed) {
    this.seed = seed;
    this.random = new SplittableRandom(seed);
  }

  /** The seed that everything random comes from. */
  public long seed() {
    return seed;
  }

  /** The virtual time in nanoseconds, from 0. */
  public long now() {
    return now;
  }

  /**
   * Randomness for something that runs in this world, such as a protocol machine: it depends on the seed and the
   * purpose only, so that one user's draws do not change another's.
   */
  public RandomGenerator random(String purpose) {
    long hash = seed;
    for (int i = 0; i < purpose.length(); i++) {
      hash = (hash ^ purpose.charAt(i)) * 0x100000001b3L; // FNV
    }
    return new SplittableRandom(hash);
  }

  /** The public Internet. */
  public Network internet() {
    return internet;
  }

  /** A new local network, connected to nothing yet. */
  public Network network(String name) {
    return new Network(this, name, false);
  }

  /** A new host, attached to nothing yet. Names of hosts and middleboxes differ. */
  public Host host(String name) {
    Host host = new Host(this, unique(name));
    hosts.add(host);
    return host;
  }

  /**
   * A new NAT between two networks; it becomes the inner network's way to all addresses of its family.
   *
   * @param externalAddresses its addresses in the outer network, at least one, all of one family
   */
  public Nat nat(
      String name,
      Network inner,
      Network outer,
      NatBehavior behavior,
      String... externalAddresses) {
    Nat nat = new Nat(this, unique(name), inner, outer, behavior, addresses(externalAddresses));
    inner.route(everything(nat.externalAddresses().get(0).family()), nat.innerSide);
    return add(nat);
  }

  /**
   * A new NAT64 between an IPv6 and an IPv4 network; it becomes the inner network's way to the prefix, and the inner
   * network's name server makes up addresses with it ({@link Network#dns64}).
   *
   * @param prefix where IPv4 addresses are, of 32, 40, 48, 56, 64 or 96 bits, often
   *     {@link Nat64#WELL_KNOWN_PREFIX}
   * @param externalAddresses its IPv4 addresses in the outer network, at least one
   */
  public Nat64 nat64(
      String name,
      Network inner,
      Network outer,
      NatBehavior behavior,
      IpPrefix prefix,
      String... externalAddresses) {
    Nat64 nat =
        new Nat64(this, unique(name), inner, outer, behavior, prefix, addresses(externalAddresses));
    inner.route(nat.prefix(), nat.innerSide);
    inner.dns64(nat.prefix());
    return add(nat);
  }

  /**
   * A new firewall between two networks; it becomes the inner network's way to all addresses of its prefixes' families.
   *
   * @param prefixes what the outer network is to route to it: the addresses of the inner network, at least one prefix
   */
  public Firewall firewall(
      String name, Network inner, Network outer, FirewallPolicy policy, String... prefixes) {
    List<IpPrefix> behind = Arrays.stream(prefixes).map(IpPrefix::parse).toList();
    Firewall firewall = new Firewall(this, unique(name), inner, outer, policy, behind);
    behind.forEach(prefix -> outer.route(prefix, firewall.outerSide));
    behind.stream()
        .map(prefix -> prefix.address().family())
        .distinct()
        .forEach(family -> inner.route(everything(family), firewall.innerSide));
    return add(firewall);
  }

  /** All hosts, oldest first. */
  public List<Host> hosts() {
    return List.copyOf(hosts);
  }

  /** All middleboxes, oldest first. */
  public List<Middlebox> middleboxes() {
    return List.copyOf(middleboxes);
  }

  /** Gives a name addresses, replacing those it had; letter case does not matter. See {@link Host#resolve}. */
  public void addName(String name, String... addresses) {
    names.add(name, addresses(addresses));
  }

  /** Sets how long the answer to {@link Host#resolve} takes, 0 to 10 years; 0 unless set. */
  public void nameDelay(Duration delay) {
    names.delay(nanos("name delay", delay));
  }

  /** Lets an action run after this time, 0 to 10 years; after 0 it still runs later than the event that is running now. */
  public VirtualTimer schedule(Duration delay, Runnable action) {
    return schedule(nanos("delay", delay), action);
  }

  /** Does the next thing that is to happen; false when there is nothing. */
  public boolean step() {
    long next = events.nextDeadline();
    Event event = events.poll(next);
    if (event == null) {
      return false;
    }
    now = next;
    event.fire(now);
    return true;
  }

  /** Lets this much time pass, 0 to 10 years. */
  public void runFor(Duration duration) {
    long end = now + nanos("duration", duration);
    while (events.nextDeadline() <= end) {
      step();
    }
    now = end;
  }

  /**
   * Lets time pass until the condition holds, which is asked before the first event and after each.
   *
   * @param limit the longest time to pass, 0 to 10 years
   * @return whether the condition came to hold; if not, exactly {@code limit} has passed
   */
  public boolean runUntil(BooleanSupplier condition, Duration limit) {
    long end = now + nanos("limit", limit);
    while (!condition.getAsBoolean()) {
      if (events.nextDeadline() > end) {
        now = end;
        return false;
      }
      step();
    }
    return true;
  }

  /** Ends loss, duplication and reordering on every link; latency, jitter, bandwidth and MTU stay. */
  public void calmLinks() {
    for (Host host : hosts) {
      host.interfaces().forEach(VirtualInternet::calm);
    }
    for (Middlebox each : middleboxes) {
      each.sides().forEach(VirtualInternet::calm);
    }
  }

  /** The log of packets. */
  public Capture capture() {
    return log.capture();
  }

  /** Lets an observer see every packet at every place as it happens. It must not change the world. */
  public void observe(Consumer<Sighting> observer) {
    log.observe(observer);
  }

  /** The packets counted so far. */
  public Statistics statistics() {
    return log.statistics();
  }

  /**
   * Writes the capture to {@code seed-<seed>.pcapng} in a directory, made when missing, and tells seed, time,
   * statistics and the file: the message of an assertion that failed. Never throws; what went wrong with the file is
   * told as well.
   */
  public String describeFailure(Path directory) {
    String file;
    try {
      Files.createDirectories(directory);
      Path path = directory.resolve("seed-" + seed + ".pcapng");
      capture().writePcap(path);
      long forgotten = capture().forgotten();
      file = "packets in " + path + (forgotten > 0 ? " (" + forgotten + " older forgotten)" : "");
    } catch (IOException e) {
      file = "no capture: " + e;
    }
    return "seed " + seed + ", virtual time " + seconds(now) + ", " + statistics() + ", " + file;
  }

  /**
   * Runs a scenario in a world of this seed. When it fails, the error tells the seed and the capture is in the
   * directory.
   *
   * @throws AssertionError when the scenario throws anything, with that as its cause
   */
  public static void verify(long seed, Path directory, Consumer<VirtualInternet> scenario) {
    VirtualInternet net = new VirtualInternet(seed);
    try {
      scenario.accept(net);
    } catch (RuntimeException | Error e) {
      throw new AssertionError(e.getMessage() + "\n" + net.describeFailure(directory), e);
    }
  }

  /** Time never goes back, and never to where its nanoseconds overflow. */
  private static long nanos(String name, Duration value) {
    if (value.isNegative() || value.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(name + ": 0 to 10 years, not " + value);
    }
    return value.toNanos();
  }

  static String seconds(long nanos) {
    return String.format(Locale.ROOT, "%d.%09d", nanos / 1_000_000_000, nanos % 1_000_000_000);
  }

  DeadlineQueue<Event> events() {
    return events;
  }

  SplittableRandom random() {
    return random;
  }

  PacketLog log() {
    return log;
  }

  Names names() {
    return names;
  }

  VirtualTimer schedule(long delay, Runnable action) {
    VirtualTimer timer = new VirtualTimer(this, action);
    events.schedule(timer, now + delay);
    return timer;
  }

  void schedule(Packet packet, long time) {
    events.schedule(packet, time);
  }

  Packet packet(TransportAddress source, TransportAddress to, byte[] payload, boolean unreachable) {
    return new Packet(log.sent(), source, to, payload, unreachable);
  }

  Packet duplicate(Packet packet) {
    log.duplicated();
    return packet.copy();
  }

  private static void calm(Attachment attachment) {
    attachment.up.settings(attachment.up.settings().calm());
    attachment.down.settings(attachment.down.settings().calm());
  }

  private static List<IpAddress> addresses(String... texts) {
    return Arrays.stream(texts).map(IpAddress::parse).toList();
  }

  private static IpPrefix everything(int family) {
    return new IpPrefix(family == 4 ? IpAddress.ANY4 : IpAddress.ANY6, 0);
  }

  private <T extends Middlebox> T add(T middlebox) {
    middleboxes.add(middlebox);
    return middlebox;
  }

  private String unique(String name) {
    if (!nodeNames.add(name)) {
      throw new IllegalArgumentException("there is a host or middlebox " + name + " already");
    }
    return name;
  }
}

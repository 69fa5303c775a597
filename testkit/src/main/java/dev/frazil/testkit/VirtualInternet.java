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
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
  private final long seed;
  private final SplittableRandom random;
  private final DeadlineQueue<Event> events = new DeadlineQueue<>();
  private final Capture capture = new Capture();
  private final List<Consumer<Sighting>> observers = new ArrayList<>();
  private final Set<String> nodeNames = new HashSet<>();
  private final List<Host> hosts = new ArrayList<>();
  private final List<Middlebox> middleboxes = new ArrayList<>();
  private final Names names = new Names(this);
  private final Network internet = new Network(this, "internet", true);
  private final long[] dropped = new long[DropReason.values().length];
  private long sent;
  private long duplicated;
  private long delivered;
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
    List<IpAddress> external =
        Arrays.stream(externalAddresses).map(IpAddress::parse).toList();
    return add(new Nat(this, unique(name), inner, outer, behavior, external));
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
    names.add(name, Arrays.stream(addresses).map(IpAddress::parse).toList());
  }

  /** Sets how long the answer to {@link Host#resolve} takes; 0 unless set. */
  public void nameDelay(Duration delay) {
    names.delay(delay.toNanos());
  }

  /** Lets an action run after this time; after 0 it still runs later than the event that is running now. */
  public VirtualTimer schedule(Duration delay, Runnable action) {
    if (delay.isNegative()) {
      throw new IllegalArgumentException("delay: at least 0, not " + delay);
    }
    return schedule(delay.toNanos(), action);
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

  /** Lets this much time pass. */
  public void runFor(Duration duration) {
    long end = now + duration.toNanos();
    while (events.nextDeadline() <= end) {
      step();
    }
    now = end;
  }

  /**
   * Lets time pass until the condition holds, which is asked before the first event and after each.
   *
   * @param limit the longest time to pass
   * @return whether the condition came to hold; if not, exactly {@code limit} has passed
   */
  public boolean runUntil(BooleanSupplier condition, Duration limit) {
    long end = now + limit.toNanos();
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
    return capture;
  }

  /** Lets an observer see every packet at every place as it happens. It must not change the world. */
  public void observe(Consumer<Sighting> observer) {
    observers.add(observer);
  }

  /** The packets counted so far. */
  public Statistics statistics() {
    Map<DropReason, Long> reasons = new EnumMap<>(DropReason.class);
    for (DropReason reason : DropReason.values()) {
      if (dropped[reason.ordinal()] > 0) {
        reasons.put(reason, dropped[reason.ordinal()]);
      }
    }
    return new Statistics(sent, duplicated, delivered, reasons);
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
      capture.writePcap(path);
      file = "packets in " + path
          + (capture.forgotten() > 0 ? " (" + capture.forgotten() + " older forgotten)" : "");
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
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionError(e.getMessage() + "\n" + net.describeFailure(directory), e);
    }
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
    return new Packet(sent++, source, to, payload, unreachable);
  }

  Packet duplicate(Packet packet) {
    duplicated++;
    return packet.copy();
  }

  void see(Packet packet, Sighting.Fate fate, Place place) {
    if (capture.isOn() || !observers.isEmpty()) {
      tell(new Sighting(now, packet, place, fate, null));
    }
  }

  void delivered(Packet packet, Place place) {
    delivered++;
    see(packet, Sighting.Fate.DELIVERED, place);
  }

  void drop(Packet packet, DropReason reason, Place place) {
    dropped[reason.ordinal()]++;
    if (capture.isOn() || !observers.isEmpty()) {
      tell(new Sighting(now, packet, place, Sighting.Fate.DROPPED, reason));
    }
  }

  private void tell(Sighting sighting) {
    if (capture.isOn()) {
      capture.add(sighting);
    }
    for (int i = 0; i < observers.size(); i++) {
      observers.get(i).accept(sighting);
    }
  }

  private static void calm(Attachment attachment) {
    attachment.up.settings(attachment.up.settings().calm());
    attachment.down.settings(attachment.down.settings().calm());
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

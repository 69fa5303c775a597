package dev.frazil.ice;

import dev.frazil.ice.IceStream.Base;
import dev.frazil.ice.Session.Timer;
import dev.frazil.ice.Session.Transaction;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Nat64Prefix;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ClientTransaction;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Asks STUN servers how they see each base (RFC 8445 5.1.1.2), through a NAT64 where there is no other way, and goes on
 * asking so that NATs keep their mappings (RFC 8445 5.1.1.4).
 */
final class ServerReflexive implements Schedule.Work {
  /** How many addresses of one server's name each base asks. */
  private static final int ADDRESSES_PER_SERVER = 2;
  /** The places of TURN servers, which show reflexive addresses too, are behind those of all STUN servers. */
  static final int FIRST_TURN_RANK = ADDRESSES_PER_SERVER * IceConfiguration.MAX_SERVERS;

  /** What a transaction takes. */
  private static final long LONGEST_RTO = 60_000_000_000L;

  /**
   * An address of a server.
   *
   * @param configured the server as the application named it
   * @param rank its place among all, for the local preference of its candidate
   */
  record Server(StunServer configured, TransportAddress address, int rank) {
    String url() {
      return "stun:" + configured;
    }
  }

  private final Session session;
  private final Schedule schedule;
  private final Gathering gathering;
  private final ArrayDeque<Probe> queue = new ArrayDeque<>();
  private final Map<String, List<IpAddress>> resolved = new HashMap<>();
  private final Set<String> resolving = new HashSet<>();
  private List<InterfaceAddress> lookedFrom = List.of();

  ServerReflexive(Session session, Schedule schedule, Gathering gathering) {
    this.session = session;
    this.schedule = schedule;
    this.gathering = gathering;
  }

  private boolean isWanted() {
    return !session.configuration.lite // RFC 8445 5.2: host candidates only
        && session.configuration.candidateTypes.contains(CandidateType.SERVER_REFLEXIVE);
  }

  // names

  /** Looks up the servers' names. */
  void resolveServers() {
    if (isWanted()) {
      session.configuration.stunServers.forEach(server -> resolveServer(server.host()));
    }
  }

  /** Looks up a server's name, unless it is an address. */
  void resolveServer(String host) {
    try {
      resolved.put(host, List.of(IpAddress.parse(host)));
    } catch (IllegalArgumentException name) {
      resolve(host);
    }
  }

  /** RFC 8445 5.1.1.2: a host with nothing but IPv6 looks for a NAT64 (RFC 7050), anew where its addresses are new. */
  void resolveNat64(List<InterfaceAddress> addresses) {
    if (addresses.equals(lookedFrom)) {
      return;
    }
    lookedFrom = addresses;
    boolean ipv6Only = addresses.stream().allMatch(address -> address.address().isIpv6());
    boolean routable = addresses.stream()
        .anyMatch(
            address -> !address.address().isLinkLocal() && !address.address().isLoopback());
    if (ipv6Only && routable && !session.configuration.lite) {
      resolved.remove(Nat64Prefix.WELL_KNOWN_NAME);
      resolve(Nat64Prefix.WELL_KNOWN_NAME);
    } // with an IPv4 address a prefix that is known stays: only a restart gathers there
  }

  private void resolve(String name) {
    if (!resolved.containsKey(name) && resolving.add(name)) {
      session.outbox.request(new IceRequest.Resolve(name));
    }
  }

  /** Names that have not been answered for. */
  Set<String> resolving() {
    return resolving;
  }

  /** Takes a name's addresses; false when it was not asked for. */
  boolean resolved(String name, List<IpAddress> found) {
    if (!resolving.remove(name)) {
      return false;
    }
    resolved.put(name, List.copyOf(found));
    if (name.equals(Nat64Prefix.WELL_KNOWN_NAME)) {
      session.nat64 = Nat64Prefix.discover(found);
    } else if (found.isEmpty()) {
      session.warn("server " + name + ": the name has no address");
    }
    return true;
  }

  // asking

  /** Queues a request to every server that a base can reach and has not asked yet. */
  void ask(Generation generation, Base base, long now) {
    servers(base.address.ip()).forEach(server -> ask(generation, base, server));
    schedule.wake(now);
  }

  private void ask(Generation generation, Base base, Server server) {
    if (generation.asked.add(new FiveTuple(base.address, server.address()))) {
      Probe probe = new Probe(generation, base, server, false);
      generation.probes.add(probe);
      queue.add(probe);
    }
  }

  /** RFC 8445 5.1.1.2: a TURN server that has no room can still tell how it sees a base. */
  void askInstead(Generation generation, Base base, Server server, long now) {
    if (isWanted()) {
      ask(generation, base, server);
      schedule.wake(now);
    }
  }

  /** Keeps the way to a TURN server open (RFC 8445 5.1.1.4): its allocation is refreshed less often than NATs forget. */
  void keepAlive(Generation generation, Base base, Server server, long now) {
    askLater(new Probe(generation, base, server, true), now);
  }

  /** The servers that an address of ours can reach, as far as their names are resolved. */
  private List<Server> servers(IpAddress from) {
    List<Server> reached = new ArrayList<>();
    if (!isWanted() || from.isIpv6() && from.isLinkLocal()) {
      return reached;
    }
    List<StunServer> configured = session.configuration.stunServers;
    for (int i = 0; i < configured.size(); i++) {
      StunServer server = configured.get(i);
      int rank = ADDRESSES_PER_SERVER * i;
      int end = rank + ADDRESSES_PER_SERVER;
      for (IpAddress to : reachable(server.host(), from)) {
        if (rank < end) {
          TransportAddress address = TransportAddress.udp(to, server.port());
          reached.add(new Server(server, address, rank++));
        }
      }
    }
    return reached;
  }

  /** The addresses by which a base at this address reaches a server, as far as its name is resolved. */
  List<IpAddress> reachable(String host, IpAddress from) {
    List<IpAddress> reached = new ArrayList<>(1);
    for (IpAddress to : resolved.getOrDefault(host, List.of())) {
      IpAddress reachable = reachable(from, to);
      if (reachable != null) {
        reached.add(reachable);
      }
    }
    return reached;
  }

  private @Nullable IpAddress reachable(IpAddress from, IpAddress to) {
    if (to.isUnspecified() || to.isMulticast() || to.isBroadcast()) {
      return null;
    }
    if (from.family() == to.family()) {
      return from.isLoopback() && !to.isLoopback() ? null : to;
    }
    Nat64Prefix nat64 = session.nat64;
    return nat64 != null && from.isIpv6() && !from.isLoopback() ? nat64.synthesize(to) : null;
  }

  @Override
  public boolean pending() {
    return !queue.isEmpty();
  }

  @Override
  public boolean startOne(long now) {
    for (Probe probe = queue.poll(); probe != null; probe = queue.poll()) {
      if (probe.isWanted()) {
        probe.start(now);
        return true;
      }
      ended(probe, now);
    }
    return false;
  }

  /** RFC 8445 14.3: grows with the number of candidates that are being gathered, and with the Ta that a peer may name. */
  long rto() {
    long candidates = 0;
    for (IceStream stream : session.streams) {
      for (Base base : stream.bases) {
        candidates += candidates(base.address.ip());
      }
      for (IceRequest.Open open : stream.opening) {
        candidates += candidates(open.address().address());
      }
    }
    return Math.max(
        session.configuration.retransmission.initialRtoNanos(),
        Math.min(LONGEST_RTO, session.ta * candidates));
  }

  /** How many reflexive and relayed candidates an address of ours is to have. */
  private long candidates(IpAddress from) {
    long relayed = session.configuration.asksTurnServers()
        ? session.configuration.turnServers.stream()
            .filter(server -> !reachable(server.host(), from).isEmpty())
            .count()
        : 0;
    return servers(from).size() + relayed;
  }

  /** Asks no more from a base that is gone. */
  void abandon(Generation generation, Base base, long now) {
    for (Probe probe : List.copyOf(generation.probes)) {
      if (probe.base == base) {
        probe.abandon();
        ended(probe, now);
      }
    }
  }

  /** Waits no more for whoever has not answered a generation. */
  void giveUp(Generation generation) {
    for (Probe probe : List.copyOf(generation.probes)) {
      probe.failed("no answer in time");
      probe.abandon();
    }
    queue.removeAll(generation.probes);
    generation.probes.clear();
    resolving.forEach(name -> session.warn("name " + name + ": not resolved in time"));
  }

  private void ended(Probe probe, long now) {
    if (probe.generation.probes.remove(probe)) {
      gathering.finishIfDone(probe.generation, now);
    }
  }

  /** RFC 8445 5.1.1.4: the mapping is to live until ICE is done. */
  private void askLater(Probe probe, long now) {
    Timer again = new Timer(time -> {
      Probe refresh = new Probe(probe.generation, probe.base, probe.server, true);
      if (refresh.isWanted()) {
        queue.add(refresh);
        schedule.wake(time);
      }
    });
    session.schedule(again, now + session.configuration.keepaliveInterval);
  }

  /** Whether a server can have seen a base so. */
  static boolean canBeCandidate(Base base, TransportAddress mapped) {
    IpAddress ip = mapped.ip();
    return mapped.port() != 0
        && !ip.isUnspecified()
        && !ip.isMulticast()
        && !ip.isBroadcast()
        && (!ip.isLoopback() || base.address.ip().isLoopback());
  }

  /** One Binding request from a base to a STUN server. */
  final class Probe implements Transaction {
    final Generation generation;
    final Base base;
    final Server server;
    /** Sent only to keep the NAT's mapping alive. */
    private final boolean refresh;

    private final Timer timer = new Timer(this::handleTimeout);
    private @Nullable ClientTransaction transaction;

    private Probe(Generation generation, Base base, Server server, boolean refresh) {
      this.generation = generation;
      this.base = base;
      this.server = server;
      this.refresh = refresh;
    }

    private boolean isWanted() {
      return generation.isCurrent()
          && !base.closed
          && !session.closed
          && (!refresh || generation.list.isActive());
    }

    private void start(long now) {
      transaction = new ClientTransaction(
          new FiveTuple(base.address, server.address()),
          StunBuilder.request(Method.BINDING, session.newTransactionId(), session.messageBuffer())
              .fingerprint()
              .finish(),
          session.configuration.retransmission,
          rto());
      session.open(transaction.id(), this);
      transaction.start(session.outbox, now);
      session.schedule(timer, transaction.nextTimeout());
    }

    private void handleTimeout(long now) {
      ClientTransaction running = transaction;
      if (running == null) {
        return;
      }
      if (isWanted() && running.handleTimeout(session.outbox, now)) {
        session.schedule(timer, running.nextTimeout());
        return;
      }
      abandon();
      failed("no answer");
      if (refresh) {
        askLater(this, now);
      }
      ended(this, now);
    }

    /** Neither sends nor listens any more. */
    private void abandon() {
      session.cancel(timer);
      if (transaction != null) {
        session.forget(transaction.id());
        transaction = null;
      }
    }

    private void failed(String why) {
      if (!refresh) {
        session.warn(
            "STUN server " + server.address() + " from " + base.network.name() + ": " + why);
      }
    }

    @Override
    public void handleResponse(FiveTuple path, StunMessage response, long now) {
      if (transaction == null || !path.equals(transaction.path())) {
        session.drop(DropReason.UNKNOWN_TRANSACTION);
        return;
      }
      abandon();
      TransportAddress mapped = mapped(response, path);
      if (response.messageClass() == MessageClass.ERROR) {
        // RFC 8445 5.1.1.2: no credentials, and no going to another server
        failed("refused with " + response.get(AttributeType.ERROR_CODE));
      } else if (mapped == null || !canBeCandidate(base, mapped)) {
        failed("an answer without a usable mapped address");
      } else {
        if (!refresh) {
          gathering.reflexive(generation, base, server, server.url(), mapped, now);
        }
        askLater(this, now);
      }
      ended(this, now);
    }

    @Override
    public @Nullable FiveTuple path() {
      return transaction == null ? null : transaction.path();
    }

    /** RFC 8489 6.2.1. */
    @Override
    public void handleUnreachable(long now) {
      abandon();
      failed("it can't be reached");
      if (refresh) {
        askLater(this, now);
      }
      ended(this, now);
    }

    /** Servers of RFC 3489 have MAPPED-ADDRESS only (RFC 5389 12.1). */
    private static @Nullable TransportAddress mapped(StunMessage response, FiveTuple path) {
      TransportAddress mapped =
          response.get(AttributeType.XOR_MAPPED_ADDRESS, path.local().transport());
      return mapped != null
          ? mapped
          : response.get(AttributeType.MAPPED_ADDRESS, path.local().transport());
    }
  }
}

package dev.frazil.ice;

import dev.frazil.ice.Generation.LocalCandidate;
import dev.frazil.ice.IceStream.Base;
import dev.frazil.ice.Session.Timer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Nat64Prefix;
import dev.frazil.net.TransportAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Finds the agent's own candidates: on its addresses, and through STUN servers (RFC 8445 5.1.1). */
final class Gathering implements Schedule.Work {
  /** How many addresses of one server's name are asked, for each family. */
  private static final int ADDRESSES_PER_SERVER = 2;

  private final Session session;
  private final Schedule schedule;
  private final ChecklistSet set;
  private final Paths paths;
  private final LocalAddresses addresses;
  private final ArrayDeque<Probe> queue = new ArrayDeque<>();
  private final Map<String, List<IpAddress>> resolved = new HashMap<>();
  private final Set<String> resolving = new HashSet<>();
  private @Nullable Exchange exchange;
  private boolean interfacesKnown;

  Gathering(Session session, Schedule schedule, ChecklistSet set, Paths paths) {
    this.session = session;
    this.schedule = schedule;
    this.set = set;
    this.paths = paths;
    addresses = new LocalAddresses(session.configuration);
  }

  /** Closes the circle: who is told when gathering ends. */
  void connect(Exchange told) {
    exchange = told;
  }

  // interfaces and sockets

  void setInterfaces(List<InterfaceAddress> present, long now) {
    addresses.update(present);
    if (!interfacesKnown) {
      interfacesKnown = true;
      session.streams.forEach(stream -> limit(stream.current, now));
      resolveServers();
    }
    resolveNat64();
    for (IceStream stream : List.copyOf(session.streams)) {
      for (Base base : List.copyOf(stream.bases)) {
        if (addresses.chosen().stream()
            .noneMatch(address -> address.address().equals(base.network.address()))) {
          drop(base, "its address vanished", now);
          session.outbox.request(new IceRequest.Close(base.address));
        }
      }
      open(stream, now);
    }
  }

  /** Begins a generation's gathering on the sockets that are open, and opens those that are missing. */
  void begin(Generation generation, long now) {
    if (interfacesKnown) {
      limit(generation, now);
    }
    for (Base base : List.copyOf(generation.stream.bases)) {
      gather(generation, base, now);
    }
    if (interfacesKnown) {
      open(generation.stream, now);
    }
  }

  private void limit(Generation generation, long now) {
    generation.gatheringLimit = new Timer(time -> giveUp(generation, time));
    session.schedule(generation.gatheringLimit, now + session.configuration.gatheringLimit);
  }

  private void open(IceStream stream, long now) {
    Generation generation = stream.current;
    List<IceRequest.Open> missing = new ArrayList<>(0);
    for (InterfaceAddress address : addresses.chosen()) {
      for (int component = 1; component <= stream.components; component++) {
        IceRequest.Open open = new IceRequest.Open(stream.index, component, address);
        if (!isOpen(stream, component, address) && !stream.opening.contains(open)) {
          missing.add(open);
        }
      }
    }
    if (generation.gathered) {
      if (!missing.isEmpty()) {
        session.outbox.event(new IceEvent.RestartAdvised(
            stream.index, "new address on " + missing.get(0).address().name()));
      }
      return; // RFC 8838 13: candidates after end-of-candidates wait for a restart
    }
    stream.opening.addAll(missing);
    missing.forEach(session.outbox::request);
    finishIfDone(generation, now);
  }

  private static boolean isOpen(IceStream stream, int component, InterfaceAddress address) {
    return stream.bases.stream()
        .anyMatch(base ->
            base.component == component && base.network.address().equals(address.address()));
  }

  @Nullable Base opened(IceStream stream, IceRequest.Open request, TransportAddress address, long now) {
    boolean wanted =
        stream.opening.remove(request) && addresses.chosen().contains(request.address());
    if (!wanted) {
      session.outbox.request(new IceRequest.Close(address));
      finishIfDone(stream.current, now);
      return null;
    }
    int localPreference = session.configuration.lite
        ? litePreference(address.ip())
        : addresses.localPreference(request.address().address());
    Base base = new Base(stream, request.component(), address, request.address(), localPreference);
    stream.bases.add(base);
    return base;
  }

  /** Gathers on a socket that was just opened. */
  void begin(Base base, long now) {
    if (!base.stream.current.gathered) {
      gather(base.stream.current, base, now);
    }
  }

  void openFailed(IceStream stream, IceRequest.Open request, String reason, long now) {
    if (stream.opening.remove(request)) {
      session.warn("no socket on " + request.address() + ": " + reason);
      finishIfDone(stream.current, now);
    }
  }

  /** RFC 8445 5.2: 65535 where there is only IPv4, else the precedence of RFC 6724 2.1. */
  private int litePreference(IpAddress ip) {
    boolean onlyIpv4 =
        addresses.chosen().stream().allMatch(address -> address.address().isIpv4());
    if (onlyIpv4) {
      return 65535;
    }
    return ip.isIpv4() ? 35 : ip.isLoopback() ? 50 : ip.isPrivate() ? 3 : 40;
  }

  /** A base is gone: its candidates and pairs go with it. */
  void drop(Base base, String why, long now) {
    IceStream stream = base.stream;
    base.closed = true;
    stream.bases.remove(base);
    session.warn("base on " + base.network.name() + " lost: " + why);
    Generation generation = stream.current;
    for (Probe probe : List.copyOf(generation.probes)) {
      if (probe.base == base) {
        probe.abandon();
        finished(probe, now);
      }
    }
    generation.removeLocals(base);
    for (CandidatePair pair : List.copyOf(generation.list.pairs())) {
      if (pair.base == base) {
        set.set(pair, PairState.FAILED, why);
        set.remove(pair, why);
        paths.invalidate(pair, why, now);
      }
    }
    CandidatePair route = stream.route(base.component);
    if (route != null && route.base == base) {
      paths.invalidate(route, why, now); // a pair of the generation before
    }
    paths.reconsider(generation, now);
  }

  // names

  private void resolveServers() {
    if (session.configuration.lite) {
      return; // RFC 8445 5.2: host candidates only
    }
    for (StunServer server : session.configuration.stunServers) {
      try {
        resolved.put(server.host(), List.of(IpAddress.parse(server.host())));
      } catch (IllegalArgumentException name) {
        resolve(server.host());
      }
    }
  }

  /** RFC 8445 5.1.1.2: a host with nothing but IPv6 looks for a NAT64 (RFC 7050). */
  private void resolveNat64() {
    boolean ipv6Only = !addresses.chosen().isEmpty()
        && addresses.chosen().stream().allMatch(address -> address.address().isIpv6());
    boolean routable = addresses.chosen().stream()
        .anyMatch(
            address -> !address.address().isLinkLocal() && !address.address().isLoopback());
    if (ipv6Only && routable && !session.configuration.lite) {
      resolve(Nat64Prefix.WELL_KNOWN_NAME);
    }
  }

  private void resolve(String name) {
    if (!resolved.containsKey(name) && resolving.add(name)) {
      session.outbox.request(new IceRequest.Resolve(name));
    }
  }

  void resolved(String name, List<IpAddress> found, long now) {
    if (!resolving.remove(name)) {
      return;
    }
    resolved.put(name, List.copyOf(found));
    if (name.equals(Nat64Prefix.WELL_KNOWN_NAME)) {
      session.nat64 = Nat64Prefix.discover(found);
    } else if (found.isEmpty()) {
      session.warn("STUN server " + name + ": the name has no address");
    }
    for (IceStream stream : session.streams) {
      Generation generation = stream.current;
      if (!generation.gathered) {
        stream.bases.forEach(base -> probe(generation, base));
        if (name.equals(Nat64Prefix.WELL_KNOWN_NAME) && generation.started) {
          generation.locals().forEach(local -> set.addLocal(generation, local, now));
        }
      }
      finishIfDone(generation, now);
    }
    schedule.wake(now);
  }

  // candidates

  private void gather(Generation generation, Base base, long now) {
    IpAddress ip = base.address.ip();
    boolean told =
        session.configuration.addressHandling != AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY
            || !ip.isPrivate();
    Candidate host = candidate(CandidateType.HOST, base, base.address, null, 0);
    add(generation, new LocalCandidate(host, base, told), now);
    IpAddress external = session.configuration.externalAddresses.get(ip);
    if (external != null && !session.configuration.lite) {
      TransportAddress mapped = TransportAddress.udp(external, base.address.port());
      Candidate reflexive = candidate(CandidateType.SERVER_REFLEXIVE, base, mapped, external, 31);
      add(generation, new LocalCandidate(reflexive, base, true), now);
    }
    probe(generation, base);
    schedule.wake(now);
    finishIfDone(generation, now);
  }

  private Candidate candidate(
      CandidateType type,
      Base base,
      TransportAddress address,
      @Nullable IpAddress server,
      int rank) {
    boolean hidden =
        session.configuration.addressHandling == AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY;
    return new Candidate(
        session.foundations.of(type, base.address.ip(), server, address.transport()),
        base.component,
        Candidate.priority(
            type.preference(), Math.max(0, base.localPreference - rank), base.component),
        address,
        type,
        type == CandidateType.HOST || hidden ? null : base.address,
        Map.of());
  }

  /** Adds a candidate unless it is redundant (RFC 8445 5.1.3, RFC 8838 9), tells the peer, then pairs it. */
  private void add(Generation generation, LocalCandidate local, long now) {
    for (LocalCandidate present : generation.locals()) {
      boolean same = present.base() == local.base()
          && present.candidate().address().equals(local.candidate().address());
      if (same && (present.told() || present.candidate().type() == CandidateType.PEER_REFLEXIVE)) {
        return;
      }
    }
    if (generation.selected(local.base().component) != null) {
      return; // RFC 8838 13: none after nomination
    }
    generation.addLocal(local);
    if (local.told()) {
      session.outbox.event(new IceEvent.CandidateGathered(
          generation.stream.index, generation.ufrag, local.candidate()));
      set.addLocal(generation, local, now);
    }
  }

  // STUN servers

  /** Queues a request to every server that a base can reach and that was not asked yet (RFC 8445 5.1.1.2). */
  private void probe(Generation generation, Base base) {
    IpAddress from = base.address.ip();
    if (session.configuration.lite || from.isIpv6() && from.isLinkLocal()) {
      return;
    }
    List<StunServer> servers = session.configuration.stunServers;
    for (int i = 0; i < servers.size(); i++) {
      int rank = ADDRESSES_PER_SERVER * i;
      int last = rank + ADDRESSES_PER_SERVER;
      for (IpAddress to : resolved.getOrDefault(servers.get(i).host(), List.of())) {
        IpAddress reachable = reachable(from, to);
        if (reachable == null || rank == last) {
          continue;
        }
        TransportAddress server = TransportAddress.udp(reachable, servers.get(i).port());
        Probe probe = new Probe(session, this, generation, base, server, rank++);
        if (generation.asked.add(new FiveTuple(base.address, server))) {
          generation.probes.add(probe);
          queue.add(probe);
        }
      }
    }
  }

  private @Nullable IpAddress reachable(IpAddress from, IpAddress to) {
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
      if (probe.generation.isCurrent() && !probe.base.closed) {
        probe.start(probe.generation.probes.size(), now);
        return true;
      }
      finished(probe, now);
    }
    return false;
  }

  void mapped(Probe probe, TransportAddress mapped, long now) {
    if (!probe.refresh) {
      TransportAddress server = probe.server;
      Candidate reflexive =
          candidate(CandidateType.SERVER_REFLEXIVE, probe.base, mapped, server.ip(), probe.rank);
      add(probe.generation, new LocalCandidate(reflexive, probe.base, true), now);
    }
    Timer again = new Timer(time -> refresh(probe, time));
    session.schedule(again, now + session.configuration.keepaliveInterval);
  }

  /** RFC 8445 5.1.1.4: the mapping lives until ICE is done. */
  private void refresh(Probe probe, long now) {
    Generation generation = probe.generation;
    if (generation.isCurrent()
        && generation.list.state == Checklist.State.RUNNING
        && !probe.base.closed
        && !session.closed) {
      queue.add(probe.again());
      schedule.wake(now);
    }
  }

  void unanswered(Probe probe, String why) {
    if (!probe.refresh) {
      session.warn(
          "STUN server " + probe.server + " from " + probe.base.network.name() + ": " + why);
    }
  }

  void finished(Probe probe, long now) {
    probe.generation.probes.remove(probe);
    finishIfDone(probe.generation, now);
  }

  private void finishIfDone(Generation generation, long now) {
    if (!generation.gathered
        && generation.isCurrent()
        && interfacesKnown
        && generation.stream.opening.isEmpty()
        && resolving.isEmpty()
        && generation.probes.isEmpty()) {
      finish(generation, now);
    }
  }

  private void finish(Generation generation, long now) {
    generation.gathered = true;
    if (generation.gatheringLimit != null) {
      session.cancel(generation.gatheringLimit);
    }
    session.outbox.event(new IceEvent.GatheringComplete(generation.stream.index, generation.ufrag));
    if (exchange != null) {
      exchange.gathered(generation, now);
    }
  }

  /** ICE-0560: what has not answered by now holds nobody up. */
  private void giveUp(Generation generation, long now) {
    if (generation.gathered || !generation.isCurrent()) {
      return;
    }
    Collection<Probe> late = List.copyOf(generation.probes);
    for (Probe probe : late) {
      unanswered(probe, "no answer in time");
      probe.abandon();
    }
    generation.probes.clear();
    queue.removeAll(late);
    resolving.forEach(name -> session.warn("name " + name + ": not resolved in time"));
    finish(generation, now);
  }
}

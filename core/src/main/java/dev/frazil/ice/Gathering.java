package dev.frazil.ice;

import dev.frazil.ice.Generation.LocalCandidate;
import dev.frazil.ice.IceStream.Base;
import dev.frazil.ice.Session.Timer;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Nat64Prefix;
import dev.frazil.net.TransportAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the agent's own candidates (RFC 8445 5.1.1): opens a socket on each address, and tells when no more come.
 * {@link ServerReflexive} and {@link Relayed} are its parts that ask servers.
 */
final class Gathering {
  /** Local preferences between one address and the next: room for the reflexive candidates of its base. */
  private static final int STEP = 64;
  /** The place of an address that a 1:1 NAT is known to give, behind those of all servers. */
  private static final int EXTERNAL_RANK = STEP - 1;

  private final Session session;
  private final ChecklistSet set;
  private final Paths paths;
  private final LocalAddresses addresses;
  private final ServerReflexive servers;
  private final Relayed relayed;
  private @Nullable Exchange exchange;
  private boolean interfacesKnown;

  Gathering(
      Session session, Schedule schedule, ChecklistSet set, Nomination nomination, Paths paths) {
    this.session = session;
    this.set = set;
    this.paths = paths;
    addresses = new LocalAddresses(session.configuration);
    servers = new ServerReflexive(session, schedule, this);
    relayed = new Relayed(session, schedule, this, servers, nomination);
    schedule.add(servers);
    schedule.add(relayed);
  }

  Relayed relayed() {
    return relayed;
  }

  /** Closes the circle: who is told when gathering ends. */
  void connect(Exchange told) {
    exchange = told;
  }

  // interfaces and sockets

  void setInterfaces(List<InterfaceAddress> present, long now) {
    List<InterfaceAddress> before = addresses.chosen();
    addresses.update(present);
    if (!interfacesKnown) {
      interfacesKnown = true;
      session.streams.forEach(stream -> limit(stream.current, now));
      servers.resolveServers();
      relayed.resolveServers();
    }
    servers.resolveNat64(addresses.chosen());
    for (IceStream stream : List.copyOf(session.streams)) {
      List<IceRequest.Open> missing = open(stream); // before old bases go: gathering goes on
      adviseRestart(stream, missing, before);
      for (Base base : List.copyOf(stream.bases)) {
        if (!addresses.isPresent(base.network.address())) {
          drop(base, "its address vanished", now);
          base.close(session, now);
        }
      }
      finishIfDone(stream.current, now);
    }
  }

  /** Begins a generation's gathering on the sockets that are open, and opens those that are missing. */
  void begin(Generation generation, long now) {
    if (!interfacesKnown) {
      return;
    }
    limit(generation, now);
    open(generation.stream);
    for (Base base : List.copyOf(generation.stream.bases)) {
      if (addresses.isChosen(base.network.address())) {
        gather(generation, base, now);
      }
    }
    finishIfDone(generation, now);
  }

  private void limit(Generation generation, long now) {
    generation.gatheringLimit = new Timer(time -> giveUp(generation, time));
    session.schedule(generation.gatheringLimit, now + session.configuration.gatheringLimit);
  }

  /** Asks for the sockets that a stream still lacks, unless its generation has told that no more candidates come. */
  private List<IceRequest.Open> open(IceStream stream) {
    List<IceRequest.Open> missing = new ArrayList<>(0);
    for (InterfaceAddress address : addresses.chosen()) {
      for (int component = 1; component <= stream.components; component++) {
        IceRequest.Open open = new IceRequest.Open(stream.index, component, address);
        if (!isOpen(stream, component, address) && !stream.opening.contains(open)) {
          missing.add(open);
        }
      }
    }
    if (!stream.current.gathered) {
      addresses.chosen().forEach(address -> stream.current.rank(address.address()));
      stream.opening.addAll(missing);
      missing.forEach(session.outbox::request);
    }
    return missing;
  }

  private static boolean isOpen(IceStream stream, int component, InterfaceAddress address) {
    return stream.bases.stream()
        .anyMatch(base ->
            base.component == component && base.network.address().equals(address.address()));
  }

  /** RFC 8838 13: what is new after end-of-candidates waits for a restart. */
  private void adviseRestart(
      IceStream stream, List<IceRequest.Open> missing, List<InterfaceAddress> before) {
    missing.stream()
        .map(IceRequest.Open::address)
        .filter(address -> stream.current.gathered
            && before.stream().noneMatch(old -> old.address().equals(address.address())))
        .findFirst()
        .ifPresent(address -> session.outbox.event(
            new IceEvent.RestartAdvised(stream.index, "new address on " + address.name())));
  }

  @Nullable Base opened(IceStream stream, IceRequest.Open request, TransportAddress address, long now) {
    boolean wanted =
        stream.opening.remove(request) && addresses.chosen().contains(request.address());
    if (!wanted) {
      session.outbox.request(new IceRequest.Close(address));
      finishIfDone(stream.current, now);
      return null;
    }
    Base base = new Base(stream, request.component(), address, request.address());
    stream.bases.add(base);
    return base;
  }

  /** Gathers on a socket that was just opened. */
  void begin(Base base, long now) {
    Generation generation = base.stream.current;
    if (!generation.gathered) {
      gather(generation, base, now);
      finishIfDone(generation, now);
    }
  }

  void openFailed(IceStream stream, IceRequest.Open request, String reason, long now) {
    if (stream.opening.remove(request)) {
      session.warn("no socket on " + request.address() + ": " + reason);
      finishIfDone(stream.current, now);
    }
  }

  /** A socket is gone: its allocations, candidates and pairs go with it. */
  void drop(Base base, String why, long now) {
    IceStream stream = base.stream;
    stream.bases.remove(base);
    session.warn("base on " + base.network.name() + " lost: " + why);
    servers.abandon(stream.current, base, now);
    for (Relay relay : List.copyOf(base.relays)) {
      relay.abandon();
      relay.bases.forEach(each -> forget(each, why, now));
    }
    forget(base, why, now);
    finishIfDone(stream.current, now);
  }

  /** An allocation is gone: its candidates and pairs go with it. */
  void drop(Relay relay, String why, long now) {
    session.warn(relay + " lost: " + why);
    relay.bases.forEach(each -> forget(each, why, now));
  }

  private void forget(Base base, String why, long now) {
    IceStream stream = base.stream;
    Generation generation = stream.current;
    base.closed = true;
    generation.removeLocals(base);
    List<CandidatePair> gone =
        generation.list.pairs().stream().filter(pair -> pair.base == base).toList();
    for (CandidatePair pair : gone) {
      set.set(pair, PairState.FAILED, why);
      set.remove(pair, why);
    }
    gone.forEach(pair -> paths.invalidate(pair, why, now));
    CandidatePair route = stream.route(base.component);
    if (route != null && route.base == base) {
      paths.invalidate(route, why, now); // a pair of the generation before
    }
    paths.reconsider(generation, now);
  }

  void resolved(String name, List<IpAddress> found, long now) {
    if (!servers.resolved(name, found)) {
      return;
    }
    for (IceStream stream : session.streams) {
      Generation generation = stream.current;
      if (name.equals(Nat64Prefix.WELL_KNOWN_NAME)) { // IPv4 candidates can be reached now
        List.copyOf(generation.locals()).forEach(local -> set.addLocal(generation, local, now));
      }
      if (!generation.gathered) {
        stream.bases.forEach(base -> ask(generation, base, now));
      }
      finishIfDone(generation, now);
    }
  }

  // candidates

  private void gather(Generation generation, Base base, long now) {
    IpAddress ip = base.address.ip();
    IpAddress external = session.configuration.externalAddresses.get(ip);
    boolean lite = session.configuration.lite;
    TransportAddress address = external != null && lite
        ? TransportAddress.udp(external, base.address.port()) // it has no reflexive candidates
        : base.address;
    Candidate host = candidate(generation, CandidateType.HOST, base, address, null, 0);
    add(generation, new LocalCandidate(host, base, session.configuration.tellsHosts()), now);
    boolean reflexive =
        session.configuration.candidateTypes.contains(CandidateType.SERVER_REFLEXIVE);
    if (external != null && !lite && reflexive) {
      Candidate mapped = candidate(
          generation,
          CandidateType.SERVER_REFLEXIVE,
          base,
          TransportAddress.udp(external, base.address.port()),
          external,
          EXTERNAL_RANK);
      add(generation, new LocalCandidate(mapped, base, true), now);
    }
    ask(generation, base, now);
  }

  private void ask(Generation generation, Base base, long now) {
    servers.ask(generation, base, now);
    relayed.ask(generation, base, now);
  }

  /** A STUN server told how it sees a base. */
  void reflexive(
      Generation generation,
      Base base,
      ServerReflexive.Server server,
      String url,
      TransportAddress mapped,
      long now) {
    if (!generation.isCurrent()) {
      return;
    }
    Candidate reflexive = candidate(
        generation,
        CandidateType.SERVER_REFLEXIVE,
        base,
        mapped,
        server.address().ip(),
        server.rank());
    add(generation, new LocalCandidate(reflexive, base, true, url), now);
  }

  /** A TURN server gave an address, which is its own base. */
  void relayed(Generation generation, Base base, Relay relay, long now) {
    IpAddress ip = base.address.ip();
    boolean reflexives =
        session.configuration.candidateTypes.contains(CandidateType.SERVER_REFLEXIVE);
    Candidate candidate = new Candidate(
        session.foundations.of(
            CandidateType.RELAYED, ip, relay.server().ip(), relay.server().transport()),
        base.component,
        Candidate.priority(
            CandidateType.RELAYED.preference(),
            localPreference(generation, base) - relay.rank(base),
            base.component),
        base.address,
        CandidateType.RELAYED,
        reflexives && session.configuration.tellsHosts() ? relay.related() : null, // RFC 8828
        Map.of());
    add(generation, new LocalCandidate(candidate, base, true, relay.url()), now);
  }

  /** RFC 8445 5.1.1.2: a relay on this very host, at an address that a socket has, is of no use. */
  boolean isHostCandidate(Generation generation, TransportAddress address) {
    return generation.locals().stream()
        .map(LocalCandidate::candidate)
        .anyMatch(each -> each.type() == CandidateType.HOST && each.address().equals(address));
  }

  private Candidate candidate(
      Generation generation,
      CandidateType type,
      Base base,
      TransportAddress address,
      @Nullable IpAddress server,
      int rank) {
    boolean related = type != CandidateType.HOST && session.configuration.tellsHosts();
    return new Candidate(
        session.foundations.of(type, base.address.ip(), server, address.transport()),
        base.component,
        Candidate.priority(
            type.preference(), localPreference(generation, base) - rank, base.component),
        address,
        type,
        related ? base.address : null,
        Map.of());
  }

  /** RFC 8445 5.1.2.1: 65535 for a generation's first address, and unique to each. */
  private int localPreference(Generation generation, Base base) {
    return session.configuration.lite
        ? addresses.litePreference(base.address.ip())
        : 65535 - STEP * generation.rank(base.network.address());
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
    if (!local.told()) {
      return;
    }
    if (exchange != null && !exchange.trickles(generation)) {
      generation.withheld.add(local);
    } else {
      tell(generation, local, now);
    }
  }

  private void tell(Generation generation, LocalCandidate local, long now) {
    generation.highestTold = Math.max(generation.highestTold, local.candidate().component());
    session.outbox.event(new IceEvent.CandidateGathered(
        generation.stream.index, generation.ufrag, local.candidate()));
    set.addLocal(generation, local, now);
  }

  // the end

  /** Ends a generation's gathering when nothing is awaited any more. */
  void finishIfDone(Generation generation, long now) {
    if (!generation.gathered
        && generation.isCurrent()
        && interfacesKnown
        && generation.stream.opening.isEmpty()
        && servers.resolving().isEmpty()
        && generation.probes.isEmpty()
        && !Relayed.isAwaited(generation.stream)) {
      finish(generation, now);
    }
  }

  private void finish(Generation generation, long now) {
    generation.gathered = true;
    if (generation.gatheringLimit != null) {
      session.cancel(generation.gatheringLimit);
    }
    generation.withheld.forEach(local -> tell(generation, local, now));
    generation.withheld.clear();
    session.outbox.event(new IceEvent.GatheringComplete(generation.stream.index, generation.ufrag));
    if (exchange != null) {
      exchange.gathered(generation, now);
    }
  }

  /** ICE-0560: what has not answered by now holds nobody up. */
  private void giveUp(Generation generation, long now) {
    if (!generation.gathered && generation.isCurrent()) {
      servers.giveUp(generation);
      relayed.giveUp(generation, now); // which may have been all that was awaited
      if (!generation.gathered) {
        finish(generation, now);
      }
    }
  }
}

package dev.frazil.ice;

import dev.frazil.net.TransportAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One data stream: its sockets, its current generation, and the one before while that still carries data. */
final class IceStream {
  final int index;
  final int components;
  /** The sockets, which live across generations. */
  final List<Base> bases = new ArrayList<>(2);
  /** What the runtime was asked to open and has not answered yet. */
  final Set<IceRequest.Open> opening = new HashSet<>(4);

  Generation current;
  /** The generations before, until the current one has its selected pairs: their checks are answered (RFC 8445 9). */
  final List<Generation> previous = new ArrayList<>(0);
  /** The pair that data takes, by component; null where there is none. */
  final @Nullable CandidatePair[] routes;
  /** Remote ufrags of earlier generations: what belongs to them comes too late. */
  final List<String> pastRemoteUfrags = new ArrayList<>(2);
  /** Remote candidates of a generation whose parameters have not come yet. */
  final List<EarlyCandidate> early = new ArrayList<>(0);

  /**
   * @param ufrag the generation's ufrag; null when it was not told
   * @param candidate null for end-of-candidates
   */
  record EarlyCandidate(@Nullable String ufrag, @Nullable Candidate candidate) {}

  IceStream(int index, int components, Session session) {
    this.index = index;
    this.components = components;
    routes = new CandidatePair[components];
    current = new Generation(this, 0, session.configuration.random);
  }

  @Nullable CandidatePair route(int component) {
    if (component < 1 || component > components) {
      throw new IllegalArgumentException(
          "component " + component + ": stream " + index + " has 1 to " + components);
    }
    return routes[component - 1];
  }

  boolean hasAllRoutes() {
    for (int component = 1; component <= current.list.components; component++) {
      if (route(component) == null) {
        return false;
      }
    }
    return true;
  }

  /** The generation that a request is for, by the ufrag that we gave out; null when there is none. */
  @Nullable Generation generationOf(String localUfrag) {
    if (current.ufrag.equals(localUfrag)) {
      return current;
    }
    for (Generation generation : previous) {
      if (generation.ufrag.equals(localUfrag)) {
        return generation;
      }
    }
    return null;
  }

  /** A bound socket: where an agent sends from and receives at, for one component of one stream. */
  static final class Base {
    /** How many senders a base remembers; only those with the session's password get in. */
    private static final int MAX_SENDERS = 128;

    final IceStream stream;
    final int component;
    final TransportAddress address;
    final InterfaceAddress network;

    private final Set<TransportAddress> senders = new LinkedHashSet<>(4);
    boolean closed;

    Base(IceStream stream, int component, TransportAddress address, InterfaceAddress network) {
      this.stream = stream;
      this.component = component;
      this.address = address;
      this.network = network;
    }

    /** A message from this address held: its data may pass. */
    void authenticated(TransportAddress sender) {
      senders.remove(sender); // the one heard last goes last
      senders.add(sender);
      if (senders.size() > MAX_SENDERS) {
        Iterator<TransportAddress> eldest = senders.iterator();
        eldest.next();
        eldest.remove();
      }
    }

    boolean knows(TransportAddress sender) {
      return senders.contains(sender);
    }

    @Override
    public String toString() {
      return address.toString();
    }
  }
}

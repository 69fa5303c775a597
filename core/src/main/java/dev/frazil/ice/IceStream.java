package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Outbox;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
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

  /**
   * Where an agent sends from and receives at, for one component of one stream: a bound socket, or a relayed address,
   * which is its own base (RFC 8445 5.1.1.2).
   */
  static final class Base {
    /** How many senders a base remembers; only those with the session's password get in. */
    private static final int MAX_SENDERS = 128;

    static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    final IceStream stream;
    final int component;
    final TransportAddress address;
    final InterfaceAddress network;
    /** Whose relayed address this is; null for a socket. */
    final @Nullable Relay relay;
    /** The allocations that were asked for from this socket, or in its place over connections of their own. */
    final List<Relay> relays = new ArrayList<>(0);

    private final Set<TransportAddress> senders = new LinkedHashSet<>(4);
    /** Not used for checks or data any more. */
    boolean closed;
    /** The runtime was told to close the socket, or did. */
    boolean released;

    Base(IceStream stream, int component, TransportAddress address, InterfaceAddress network) {
      this(stream, component, address, network, null);
    }

    Base(
        IceStream stream,
        int component,
        TransportAddress address,
        InterfaceAddress network,
        @Nullable Relay relay) {
      this.stream = stream;
      this.component = component;
      this.address = address;
      this.network = network;
      this.relay = relay;
    }

    /** The socket that datagrams leave by. */
    Base socket() {
      return relay == null ? this : relay.socket;
    }

    /** Where datagrams from this base go out at this time. */
    Outbox outbox(Session session, long now) {
      return relay == null ? session.outbox : relay.outbox(now);
    }

    /** Sends a datagram, without a copy; false when it can't leave. */
    boolean transmit(Session session, FiveTuple path, ByteBuffer datagram, long now) {
      if (relay != null) {
        return relay.send(path.remote(), datagram, now);
      }
      session.outbox.transmit(path, datagram, NOTHING);
      return true;
    }

    /** The allocation whose server is at this address; null when there is none. */
    @Nullable Relay relayAt(TransportAddress server) {
      for (int i = 0; i < relays.size(); i++) {
        if (relays.get(i).speaksWith(server)) {
          return relays.get(i);
        }
      }
      return null;
    }

    /** Closes the socket, once its allocations have been given back (RFC 8445 8.3). */
    void close(Session session, long now) {
      closed = true;
      List.copyOf(relays).forEach(each -> each.close(now));
      closeIfFree(session);
    }

    void closeIfFree(Session session) {
      if (closed && !released && relays.isEmpty()) {
        released = true;
        session.outbox.request(new IceRequest.Close(address));
      }
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

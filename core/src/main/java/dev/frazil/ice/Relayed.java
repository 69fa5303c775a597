package dev.frazil.ice;

import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.IceStream.Base;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.turn.TurnEvent;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Asks TURN servers for relayed addresses (RFC 8445 5.1.1.2), from each socket and of all servers at once, and does what
 * follows from what becomes of them. Allocations belong to sockets, those over connections of their own too: like these
 * they live across generations.
 */
final class Relayed implements Schedule.Work {
  /** How many addresses of one server's name are tried, one after the other. */
  private static final int ADDRESSES_PER_SERVER = 4;

  private final Session session;
  private final Schedule schedule;
  private final Gathering gathering;
  private final ServerReflexive servers;
  private final Nomination nomination;
  private final ArrayDeque<Relay> queue = new ArrayDeque<>(0);
  private final Map<IceRequest.Connect, Relay> connecting = new HashMap<>(0);
  private final Map<FiveTuple, Relay> connected = new HashMap<>(0);
  private int connections;

  Relayed(
      Session session,
      Schedule schedule,
      Gathering gathering,
      ServerReflexive servers,
      Nomination nomination) {
    this.session = session;
    this.schedule = schedule;
    this.gathering = gathering;
    this.servers = servers;
    this.nomination = nomination;
  }

  /** Looks up the servers' names. */
  void resolveServers() {
    if (session.configuration.asksTurnServers()) {
      session.configuration.turnServers.forEach(server -> servers.resolveServer(server.host()));
    }
  }

  // asking

  /** Has every server that a socket can reach give it a relayed address; those that it has already are told. */
  void ask(Generation generation, Base socket, long now) {
    IpAddress ip = socket.address.ip();
    if (!session.configuration.asksTurnServers() || ip.isIpv6() && ip.isLinkLocal()) {
      return;
    }
    List<TurnServer> configured = session.configuration.turnServers;
    for (int i = 0; i < configured.size(); i++) {
      ask(generation, socket, i, configured.get(i), now);
    }
    schedule.wake(now);
  }

  private void ask(Generation generation, Base socket, int index, TurnServer server, long now) {
    for (int i = socket.relays.size() - 1;
        i >= 0;
        i--) { // the newest first: those before may be on their way out
      if (socket.relays.get(i).index == index) {
        socket.relays.get(i).askedAgain(generation, now);
        return;
      }
    }
    List<TransportAddress> addresses =
        servers.reachable(server.host(), socket.address.ip()).stream()
            .limit(ADDRESSES_PER_SERVER)
            .map(ip -> new TransportAddress(ip, server.port(), server.transport()))
            .toList();
    if (!addresses.isEmpty()) {
      ask(socket, index, addresses);
    }
  }

  private void ask(Base socket, int index, List<TransportAddress> addresses) {
    Relay relay = new Relay(session, this, socket, index, addresses, servers.rto());
    socket.relays.add(relay);
    queue.add(relay);
  }

  /** RFC 8489 8.1: asks at the next address of a server's name; false when there is none, or it would be too late. */
  private boolean askAtNext(Relay relay, long now) {
    Base socket = relay.socket;
    if (relay.others.isEmpty() || socket.closed || socket.stream.current.gathered) {
      return false;
    }
    ask(socket, relay.index, relay.others);
    schedule.wake(now);
    return true;
  }

  /** A server has said nothing for a while. */
  void silent(Relay relay, long now) {
    if (askAtNext(relay, now)) {
      session.warn(relay + ": no answer from " + relay.server());
      relay.close(now);
    }
  }

  /** Whether a stream's gathering waits for a server. */
  static boolean isAwaited(IceStream stream) {
    return stream.bases.stream().flatMap(base -> base.relays.stream()).anyMatch(Relay::isAwaited);
  }

  /** Waits no more for servers that have not answered. */
  void giveUp(Generation generation, long now) {
    for (Base base : generation.stream.bases) {
      for (Relay relay : List.copyOf(base.relays)) {
        if (relay.isAwaited()) {
          session.warn(relay + ": no answer in time");
          relay.close(now);
        }
      }
    }
  }

  @Override
  public boolean pending() {
    return !queue.isEmpty();
  }

  @Override
  public boolean startOne(long now) {
    for (Relay relay = queue.poll(); relay != null; relay = queue.poll()) {
      if (relay.isAwaited() && relay.socket.relays.contains(relay)) {
        relay.start(now);
        return true;
      }
    }
    return false;
  }

  // connections

  /** Has the runtime connect to a server. */
  void connect(Relay relay, TransportAddress server, boolean secure, String host) {
    IceRequest.Connect request =
        new IceRequest.Connect(connections++, relay.socket.address.ip(), server, secure, host);
    connecting.put(request, relay);
    session.outbox.request(request);
  }

  void connected(IceRequest.Connect request, FiveTuple path, long now) {
    Relay relay = connecting.remove(request);
    if (relay == null) {
      session.outbox.request(new IceRequest.Disconnect(path)); // nobody waits for it any more
    } else {
      connected.put(path, relay);
      relay.connected(path, now);
    }
  }

  void connectFailed(IceRequest.Connect request, String reason, long now) {
    Relay relay = connecting.remove(request);
    if (relay != null) {
      relay.connectFailed(reason, now);
    }
  }

  void disconnected(FiveTuple path, String reason, long now) {
    Relay relay = connected.remove(path);
    if (relay != null) {
      session.log("connection " + path, reason);
      relay.disconnected(path, now);
    }
  }

  /** A connection is of no more use. */
  void disconnect(FiveTuple path) {
    if (connected.remove(path) != null) {
      session.outbox.request(new IceRequest.Disconnect(path));
    }
  }

  /** Waits no more for a connection. */
  void forgetConnecting(Relay relay) {
    connecting.values().remove(relay);
  }

  /** The relay that has this connection; null when there is none. */
  @Nullable Relay over(FiveTuple path) {
    return connected.get(path);
  }

  // what becomes of it

  void handle(Relay relay, TurnEvent event, long now) {
    if (event instanceof TurnEvent.Allocated allocated) {
      allocated(relay, allocated, now);
    } else if (event instanceof TurnEvent.Refused refused) {
      refused(relay, refused.reason(), refused.error(), now);
    } else if (event instanceof TurnEvent.Lost lost) {
      lost(relay, lost, now);
    } else if (event instanceof TurnEvent.Closed) {
      closed(relay, now);
    } else if (event instanceof TurnEvent.PermissionRefused refused) {
      String why = "the relay refuses the peer"
          + (refused.error() == null ? "" : ": error " + refused.error().code());
      relay.permitted.remove(refused.peer());
      relay.bases.forEach(base -> nomination.forbidden(base, refused.peer(), why, now));
    } else if (event instanceof TurnEvent.IcmpReceived icmp && isHard(icmp)) {
      relay.bases.forEach(
          base -> session.unreachable(new FiveTuple(base.address, icmp.peer()), now));
    } else if (event instanceof TurnEvent.Expiring expiring) {
      session.warn(relay + ": the server does not prolong it: " + expiring.failure());
    }
  }

  /** Nobody is there (RFC 8445 7.2.5.2.2). */
  private static boolean isHard(TurnEvent.IcmpReceived event) {
    IcmpMessage icmp = event.message();
    return event.peer().ip().isIpv4()
        ? icmp.type() == 3 && (icmp.code() == 2 || icmp.code() == 3)
        : icmp.type() == 1 && icmp.code() == 4;
  }

  private void allocated(Relay relay, TurnEvent.Allocated allocated, long now) {
    Base socket = relay.socket;
    Generation generation = socket.stream.current;
    relay.awaited = false;
    relay.mapped = allocated.mapped();
    for (TransportAddress address : allocated.relayed()) {
      if (!gathering.isHostCandidate(generation, address)) {
        relay.bases.add(new Base(socket.stream, socket.component, address, socket.network, relay));
      }
    }
    if (relay.bases.isEmpty() || generation.gathered) {
      relay.close(now);
    } else {
      tell(relay, generation, now);
    }
    gathering.finishIfDone(generation, now);
  }

  void tell(Relay relay, Generation generation, long now) {
    if (!relay.isConnected()) { // only then is the mapped address the socket's
      reflexive(relay, generation, now);
    }
    relay.keepAliveLater(now);
    relay.bases.forEach(base -> gathering.relayed(generation, base, relay, now));
  }

  private void reflexive(Relay relay, Generation generation, long now) {
    Base socket = relay.socket;
    ServerReflexive.Server seer = relay.asStunServer();
    TransportAddress mapped = relay.mapped;
    boolean wanted = session.configuration.candidateTypes.contains(CandidateType.SERVER_REFLEXIVE);
    if (wanted && mapped != null && ServerReflexive.canBeCandidate(socket, mapped)) {
      gathering.reflexive(generation, socket, seer, relay.url(), mapped, now);
    }
    servers.keepAlive(generation, socket, seer, now);
  }

  /** There is no allocation to be had, at this address at least. */
  void refused(Relay relay, String reason, @Nullable ErrorCode error, long now) {
    Base socket = relay.socket;
    Generation generation = socket.stream.current;
    relay.awaited = false;
    socket.relays.remove(relay);
    session.warn(relay + ": " + reason + (error == null ? "" : ", " + error));
    int code = error == null ? 0 : error.code();
    boolean othersMayHelp =
        code == 0 || code == ErrorCode.SERVER_ERROR || code == ErrorCode.INSUFFICIENT_CAPACITY;
    boolean exhausted =
        code == ErrorCode.ALLOCATION_QUOTA_REACHED || code == ErrorCode.INSUFFICIENT_CAPACITY;
    if (othersMayHelp && askAtNext(relay, now)) {
      return;
    }
    if (exhausted && !relay.isConnected() && !generation.gathered) {
      servers.askInstead(generation, socket, relay.asStunServer(), now);
    }
    gathering.finishIfDone(generation, now);
  }

  private void lost(Relay relay, TurnEvent.Lost lost, long now) {
    IceStream stream = relay.socket.stream;
    relay.socket.relays.remove(relay);
    gathering.drop(relay, lost.reason(), now);
    session.outbox.event(new IceEvent.RestartAdvised(stream.index, relay + " is lost"));
  }

  private void closed(Relay relay, long now) {
    Base socket = relay.socket;
    Generation generation = socket.stream.current;
    socket.relays.remove(relay);
    socket.closeIfFree(session);
    if (relay.wantedAgain && !socket.closed && !generation.gathered) {
      ask(generation, socket, now);
    }
    if (!session.closed) {
      gathering.finishIfDone(generation, now);
    }
  }
}

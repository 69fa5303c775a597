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
import java.util.List;

/**
 * Asks TURN servers for relayed addresses (RFC 8445 5.1.1.2), from each socket and of all servers at once, and does what
 * follows from what becomes of them. Allocations belong to sockets: like these they live across generations.
 */
final class Relayed implements Schedule.Work {
  private final Session session;
  private final Schedule schedule;
  private final Gathering gathering;
  private final ServerReflexive servers;
  private final Nomination nomination;
  private final ArrayDeque<Relay> queue = new ArrayDeque<>(0);

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

  private boolean isWanted() {
    return !session.configuration.lite // RFC 8445 5.2: host candidates only
        && session.configuration.candidateTypes.contains(CandidateType.RELAYED);
  }

  /** Looks up the servers' names. */
  void resolveServers() {
    if (isWanted()) {
      session.configuration.turnServers.forEach(server -> servers.resolveServer(server.host()));
    }
  }

  // asking

  /** Has every server that a socket can reach give it a relayed address; those that it has already are told. */
  void ask(Generation generation, Base socket, long now) {
    IpAddress ip = socket.address.ip();
    if (!isWanted() || ip.isIpv6() && ip.isLinkLocal()) {
      return;
    }
    List<TurnServer> configured = session.configuration.turnServers;
    for (int i = 0; i < configured.size(); i++) {
      TurnServer server = configured.get(i);
      List<IpAddress> reachable = servers.reachable(server.host(), ip);
      if (!reachable.isEmpty()) {
        ask(generation, socket, i, TransportAddress.udp(reachable.get(0), server.port()), now);
      }
    }
    schedule.wake(now);
  }

  private void ask(
      Generation generation, Base socket, int index, TransportAddress server, long now) {
    for (Relay present : socket.relays) {
      if (present.index == index) {
        present.askedAgain(generation, now);
        return;
      }
    }
    Relay relay = new Relay(session, this, socket, index, server);
    socket.relays.add(relay);
    queue.add(relay);
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

  // what becomes of it

  void handle(Relay relay, TurnEvent event, long now) {
    if (event instanceof TurnEvent.Allocated allocated) {
      allocated(relay, allocated, now);
    } else if (event instanceof TurnEvent.Refused refused) {
      refused(relay, refused, now);
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
    Base socket = relay.socket;
    ServerReflexive.Server seer = relay.asStunServer();
    TransportAddress mapped = relay.mapped;
    boolean reflexive =
        session.configuration.candidateTypes.contains(CandidateType.SERVER_REFLEXIVE);
    if (reflexive && mapped != null && ServerReflexive.canBeCandidate(socket, mapped)) {
      gathering.reflexive(generation, socket, seer, relay.url(), mapped, now);
    }
    relay.bases.forEach(base -> gathering.relayed(generation, base, relay, now));
    servers.keepAlive(generation, socket, seer, now);
  }

  private void refused(Relay relay, TurnEvent.Refused refused, long now) {
    Base socket = relay.socket;
    Generation generation = socket.stream.current;
    relay.awaited = false;
    socket.relays.remove(relay);
    ErrorCode error = refused.error();
    session.warn(relay + ": " + refused.reason() + (error == null ? "" : ", " + error));
    boolean exhausted = error != null
        && (error.code() == ErrorCode.ALLOCATION_QUOTA_REACHED
            || error.code() == ErrorCode.INSUFFICIENT_CAPACITY);
    if (exhausted && !generation.gathered) {
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

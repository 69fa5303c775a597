package dev.frazil.ice;

import dev.frazil.ice.IceStream.Base;
import dev.frazil.ice.Session.Transaction;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An ICE agent (RFC 8445): finds a path for each component of each stream, agrees on it with the peer and keeps it.
 *
 * <p>Use: {@link #addStream}, then {@link #setInterfaces} starts gathering; tell the peer {@link #localParameters} and
 * each {@link IceEvent.CandidateGathered}; hand in what the peer tells with {@link #setRemote}, {@link
 * #addRemoteCandidate} and {@link #endOfRemoteCandidates}. Data can be sent from {@link IceState#CONNECTED} on.
 */
public final class IceAgent implements ProtocolMachine {
  private static final int COOKIE = 0x2112A442;
  private final Session session;
  private final Gathering gathering;
  private final Relayed relayed;
  private final CheckServer server;
  private final Nomination nomination;
  private final Paths paths;
  private final Exchange exchange;
  private final Map<TransportAddress, Base> bases = new HashMap<>(4);

  /** Makes an agent that does nothing yet. */
  public IceAgent(IceConfiguration configuration, IceOutbox outbox) {
    session = new Session(configuration, outbox);
    Schedule schedule = new Schedule(session);
    ChecklistSet set = new ChecklistSet(session, schedule);
    paths = new Paths(session);
    nomination = new Nomination(session, set, paths);
    Roles roles = new Roles(session, set, nomination);
    paths.connect(nomination, roles);
    server = new CheckServer(session, set, roles, nomination, paths);
    gathering = new Gathering(session, schedule, set, nomination, paths);
    relayed = gathering.relayed();
    exchange = new Exchange(session, set, gathering, server, roles, nomination, paths);
    gathering.connect(exchange);
    schedule.add(new CheckClient(session, set, roles, nomination, paths));
  }

  // streams and sockets

  /**
   * Adds a stream.
   *
   * @param components 1 to 256
   * @return the stream's index, counted from 0
   */
  public int addStream(int components, long now) {
    if (components < 1 || components > Candidate.MAX_COMPONENT) {
      throw new IllegalArgumentException("components " + components + ": must be 1 to 256");
    }
    IceStream stream = new IceStream(session.streams.size(), components, session);
    session.streams.add(stream);
    if (!session.closed) {
      gathering.begin(stream.current, now);
      end(now);
    }
    return stream.index;
  }

  /**
   * Tells the addresses that the host has now. The first call starts gathering; later ones follow changes: bases on
   * vanished addresses go, new addresses are gathered on.
   */
  public void setInterfaces(List<InterfaceAddress> addresses, long now) {
    if (session.closed) {
      return;
    }
    gathering.setInterfaces(addresses, now);
    forgetReleased();
    end(now);
  }

  /** A socket was bound as asked. */
  public void handleOpened(IceRequest.Open request, TransportAddress base, long now) {
    if (session.closed) {
      session.outbox.request(new IceRequest.Close(base));
      return;
    }
    forgetReleased();
    IceStream stream = stream(request.stream());
    Base opened = gathering.opened(stream, request, base, now);
    if (opened != null) {
      bases.put(base, opened);
      gathering.begin(opened, now);
    }
    end(now);
  }

  /** A socket could not be bound; the session goes on without it. */
  public void handleOpenFailed(IceRequest.Open request, String reason, long now) {
    if (session.closed) {
      return;
    }
    gathering.openFailed(stream(request.stream()), request, reason, now);
    end(now);
  }

  /** A socket broke; the session goes on without it. */
  public void handleClosed(TransportAddress base, String reason, long now) {
    Base broken = bases.remove(base);
    if (broken != null) {
      broken.released = true;
    }
    if (session.closed || broken == null || broken.closed) {
      return;
    }
    gathering.drop(broken, reason, now);
    end(now);
  }

  /**
   * A connection to a TURN server was opened as asked.
   *
   * @param path what the connection is called from now on; no other of this host has the same
   */
  public void handleConnected(IceRequest.Connect request, FiveTuple path, long now) {
    relayed.connected(request, path, now);
    end(now);
  }

  /** A connection to a TURN server could not be opened; the session goes on without it. */
  public void handleConnectFailed(IceRequest.Connect request, String reason, long now) {
    relayed.connectFailed(request, reason, now);
    end(now);
  }

  /** A connection to a TURN server ended, and not by our wish: its allocation is lost. */
  public void handleDisconnected(FiveTuple path, String reason, long now) {
    relayed.disconnected(path, reason, now);
    end(now);
  }

  /** A name was looked up; no address means that it could not be. */
  public void handleResolved(IceRequest.Resolve request, List<IpAddress> addresses, long now) {
    if (session.closed) {
      return;
    }
    gathering.resolved(request.name(), addresses, now);
    end(now);
  }

  // signalling

  /** What to tell the peer about a stream's current generation. */
  public IceParameters localParameters(int stream) {
    return exchange.parameters(stream(stream).current);
  }

  /** The number of a stream's current generation: 0, and one more with each restart. */
  public int generation(int stream) {
    return stream(stream).current.number;
  }

  /**
   * Takes what the peer told about a stream. Changed ufrag and password mean that the peer restarted (RFC 8445 9): the
   * agent then begins a generation of its own, unless it already has one that waits for the peer's.
   *
   * @throws IllegalArgumentException when only one of ufrag and password changed
   */
  public void setRemote(int stream, IceParameters remote, long now) {
    if (session.closed) {
      return;
    }
    exchange.setRemote(stream(stream), remote, now);
    end(now);
  }

  /**
   * Takes a candidate of the peer. May come before {@link #setRemote}.
   *
   * @param ufrag the peer's ufrag that the candidate belongs to; null for the current generation
   */
  public void addRemoteCandidate(
      int stream, @Nullable String ufrag, Candidate candidate, long now) {
    if (session.closed) {
      return;
    }
    exchange.addRemoteCandidate(stream(stream), ufrag, candidate, now);
    end(now);
  }

  /** The peer has no more candidates for a stream in this generation. */
  public void endOfRemoteCandidates(int stream, @Nullable String ufrag, long now) {
    if (session.closed) {
      return;
    }
    exchange.endOfRemoteCandidates(stream(stream), ufrag, now);
    end(now);
  }

  /**
   * Takes which pair the peer uses for a component. Only two lite agents that had more than one pair to choose from tell
   * each other (RFC 8445 8.2, {@link IceEvent.SelectionToTell}); of other agents it has no effect.
   *
   * @param local our candidate's address
   * @param remote the peer's candidate's address
   */
  public void addRemoteSelection(
      int stream, int component, TransportAddress local, TransportAddress remote, long now) {
    if (session.closed) {
      return;
    }
    exchange.addRemoteSelection(stream(stream), component, local, remote, now);
    end(now);
  }

  /** Begins a new generation of one stream (RFC 8445 9). Data goes on over the old path until a new one is selected. */
  public void restart(int stream, long now) {
    if (session.closed) {
      return;
    }
    exchange.restart(stream(stream), now);
    end(now);
  }

  /**
   * Nominates another pair, where both sides have the ICE option {@code renomination}. Does nothing while this agent is
   * controlled, or for a pair that is not valid.
   *
   * @param pair its {@link IceStatistics.PairStatistics#id}
   * @throws IllegalStateException when renomination was not agreed (RFC 8445 8.1.1)
   */
  public void nominate(int stream, long pair, long now) {
    if (session.closed) {
      return;
    }
    Generation generation = stream(stream).current;
    if (!generation.list.renomination) {
      throw new IllegalStateException("renomination was not agreed with the peer");
    }
    if (session.role != Role.CONTROLLING) {
      return;
    }
    for (CandidatePair candidate : List.copyOf(generation.list.pairs())) {
      if (candidate.id == pair && candidate.isValid() && !generation.isSelected(candidate)) {
        nomination.nominate(candidate, now);
      }
    }
    end(now);
  }

  /**
   * Tells the peer to stop sending on a stream: until the stream restarts, each of its checks is answered with error 403
   * (RFC 7675 5.2). Whether this agent may send is not touched.
   */
  public void revokeConsent(int stream, long now) {
    if (session.closed) {
      return;
    }
    IceStream revoked = stream(stream);
    revoked.current.revoked = true;
    revoked.previous.forEach(generation -> generation.revoked = true);
    end(now);
  }

  // data

  /**
   * Sends application data on the best path.
   *
   * @param payload borrowed for the call
   */
  public SendResult send(int stream, int component, ByteBuffer payload, long now) {
    CandidatePair route = session.closed ? null : stream(stream).route(component);
    if (route == null || !route.hasConsent(now)) {
      return SendResult.NO_PATH;
    }
    int length = payload.remaining();
    if (!route.base.transmit(session, route.path, payload, now)) {
      return SendResult.NO_PATH;
    }
    route.lastSent = now;
    route.counters.sent(length, now);
    return SendResult.SENT;
  }

  /**
   * What {@link #send} handed on last for a component did not leave, because the way out is full: it counts as discarded,
   * not as sent.
   *
   * @param bytes the length of the payload
   */
  public void handleDiscarded(int stream, int component, int bytes) {
    CandidatePair route = stream(stream).route(component);
    if (route != null) {
      route.counters.discarded(bytes);
    }
  }

  /**
   * The path that data of a component takes now; null when there is none. Through a TURN server of this agent it goes
   * from the relayed address.
   */
  public @Nullable FiveTuple path(int stream, int component) {
    CandidatePair route = stream(stream).route(component);
    return route == null ? null : route.path;
  }

  @Override
  public void handleDatagram(FiveTuple path, ByteBuffer datagram, long now) {
    Base base = bases.get(path.local());
    Relay relay = base == null
        ? relayed.over(path)
        : base.relays.isEmpty() ? null : base.relayAt(path.remote());
    if (relay != null && (base == null || Relay.isForClient(datagram))) {
      if (relay.unwraps(path, datagram, now)) {
        receive(relay.receiver(), relay.received(), relay.takePayload(), now);
      }
      end(now);
    } else if (session.closed || base == null || base.closed) {
      session.drop(DropReason.NOT_MINE);
    } else {
      receive(base, path, datagram, now);
    }
  }

  /** Takes what came in at a base: a socket, or a relayed address. */
  private void receive(Base base, FiveTuple path, ByteBuffer datagram, long now) {
    if (looksLikeStun(datagram)) {
      StunMessage message = StunMessage.tryParse(datagram);
      if (message != null && handleStun(base, path, message, now)) {
        return;
      }
    }
    deliver(base, path, datagram, now);
  }

  /** A cheap look before the whole message is validated; data passes here. */
  static boolean looksLikeStun(ByteBuffer datagram) {
    int at = datagram.position();
    return datagram.remaining() >= StunMessage.HEADER_LENGTH
        && (datagram.get(at) & 0xC0) == 0
        && cookie(datagram, at + 4) == COOKIE;
  }

  private static int cookie(ByteBuffer datagram, int at) {
    int value = datagram.getInt(at);
    return datagram.order() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value);
  }

  /** Takes what is STUN and meant for the agent; false for what only looks like it. */
  private boolean handleStun(Base base, FiveTuple path, StunMessage message, long now) {
    MessageClass messageClass = message.messageClass();
    boolean response = messageClass == MessageClass.SUCCESS || messageClass == MessageClass.ERROR;
    Transaction transaction = response ? session.transaction(message.transactionId()) : null;
    if (message.method() == Method.GOOG_PING) {
      session.drop(
          DropReason.UNEXPECTED_STUN); // libwebrtc's, without FINGERPRINT, and never agreed to
      return true;
    }
    if (transaction == null && !message.hasValidFingerprint()) {
      return false; // RFC 8445 7.3: a check has a FINGERPRINT; what has none is the application's
    }
    if (message.hasFingerprint() && !message.hasValidFingerprint()) {
      session.drop(DropReason.BAD_RESPONSE); // RFC 8489 6.3: as if it had not come
      return true;
    }
    if (transaction != null && message.method() == Method.BINDING) {
      transaction.handleResponse(path, message, now);
    } else if (response) {
      session.drop(DropReason.UNKNOWN_TRANSACTION);
    } else if (message.is(MessageClass.REQUEST, Method.BINDING)) {
      server.handle(base, path, message, now);
    } else if (!message.is(MessageClass.INDICATION, Method.BINDING)) {
      session.drop(DropReason.UNEXPECTED_STUN); // an indication of Binding is a keepalive
    }
    end(now);
    return true;
  }

  /**
   * Something on the way says that what was sent on a path does not arrive: a hard ICMP error (RFC 8445 7.2.5.2.2) whose
   * quoted packet has this path's addresses and ports. Anybody can make one up, so it ends no more than a check or a
   * request to a STUN server that is still without an answer; a pair that works is not touched.
   */
  public void handleUnreachable(FiveTuple path, long now) {
    Base base = bases.get(path.local());
    if (session.closed || base == null || base.closed) {
      return;
    }
    session.unreachable(path, now);
    Relay relay = base.relayAt(path.remote());
    if (relay != null) {
      relay.unreachable(path, now);
    }
    end(now);
  }

  private void deliver(Base base, FiveTuple path, ByteBuffer payload, long now) {
    if (!base.knows(path.remote())) {
      session.drop(DropReason.UNKNOWN_SENDER);
      return;
    }
    CandidatePair pair = base.stream.current.list.find(path);
    if (pair != null) {
      pair.counters.received(payload.remaining(), now);
    }
    session.outbox.deliver(base.stream.index, base.component, payload);
  }

  // time

  @Override
  public void handleTimeout(long now) {
    session.runTimers(now);
    forgetReleased();
  }

  @Override
  public long nextTimeout() {
    return session.nextDeadline();
  }

  private void end(long now) {
    session.runTimers(now);
  }

  // the session

  /** The role that the agent has now. */
  public Role role() {
    return session.role;
  }

  /** The session's state. */
  public IceState state() {
    return paths.state();
  }

  /** A snapshot of the statistics. */
  public IceStatistics statistics() {
    return IceStatistics.of(session, paths.state());
  }

  /**
   * Ends the session: all bases are closed, nothing is sent any more. Further calls do nothing. Only where there are
   * allocations on TURN servers, they are given back first: until {@link #nextTimeout} is {@link #NEVER}, a second at
   * most, the agent goes on taking datagrams and time, and asks for its sockets to be closed.
   */
  public void close(long now) {
    if (session.closed) {
      return;
    }
    session.closed = true;
    paths.close(now);
    session.forgetTimers();
    for (IceStream stream : session.streams) {
      stream.bases.forEach(base -> base.close(session, now));
    }
    bases.values().forEach(base -> base.close(session, now)); // and those that linger already
  }

  private void forgetReleased() {
    bases.values().removeIf(base -> base.released);
  }

  private IceStream stream(int index) {
    if (index < 0 || index >= session.streams.size()) {
      throw new IllegalArgumentException(
          "stream " + index + ": there are " + session.streams.size());
    }
    return session.streams.get(index);
  }

  @Override
  public String toString() {
    return "IceAgent[" + session.role + ", " + paths.state() + ", " + session.streams.size()
        + " streams]";
  }
}

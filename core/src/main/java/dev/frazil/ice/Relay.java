package dev.frazil.ice;

import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.IceStream.Base;
import dev.frazil.ice.Session.Timer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Outbox;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.Method;
import dev.frazil.stun.Retransmission;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunClient;
import dev.frazil.turn.TurnAllocation;
import dev.frazil.turn.TurnConfiguration;
import dev.frazil.turn.TurnEvent;
import dev.frazil.turn.TurnRequest;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One allocation, asked for from one socket or, where the server is not spoken with over plain UDP, over a connection
 * from the same address. It is its machine's outbox, and the way out of its relayed addresses.
 */
final class Relay implements TurnAllocation.Outbox {
  /**
   * How long a server's address may stay silent before the next one of its name is asked: two requests and an answer, or
   * a lost SYN, its repetition and a TLS handshake.
   */
  private static final long PATIENCE = 2_000_000_000L;

  /** The local preference of all relays that are reached over streams is below that of those over UDP. */
  private static final int STREAMS_RANK = 16_384;

  final Base socket;
  /** The place of the server among those that are configured. */
  final int index;
  /** Further addresses of the server, for when this one is of no use. */
  final List<TransportAddress> others;
  /** The relayed addresses: at most one of each family. */
  final List<Base> bases = new ArrayList<>(2);
  /** To whom the server was asked to let datagrams through. */
  final Set<IpAddress> permitted = new HashSet<>(4);

  private final Session session;
  private final Relayed chapter;
  private final TurnServer configured;
  private final TurnAllocation allocation;
  private final Timer timer = new Timer(this::handleTimeout);
  private final Timer patience = new Timer(this::handleSilence);
  private final Timer keepalive = new Timer(this::keepAlive);
  private final Outbox sender = (path, datagram, nothing) -> send(path.remote(), datagram);
  private final ArrayDeque<TurnEvent> events = new ArrayDeque<>(2);

  private TransportAddress server;
  private TurnRequest.@Nullable Open opening;
  /** How the server sees the socket, or the connection; null before it said so. */
  @Nullable TransportAddress mapped;

  /** Whether gathering waits for it. */
  boolean awaited = true;

  private boolean closing;
  /** Another is to be asked for, once this one has been given back. */
  boolean wantedAgain;

  private boolean inDoubt;
  private long sendingAt;
  // what the datagram that is being handled carries
  private @Nullable TransportAddress from;
  private @Nullable ByteBuffer payload;
  private @Nullable FiveTuple lastPath;

  /**
   * @param addresses the server's, at least one, in the order in which they are tried
   * @param rto the first retransmission timeout, in nanoseconds
   */
  Relay(
      Session session,
      Relayed chapter,
      Base socket,
      int index,
      List<TransportAddress> addresses,
      long rto) {
    this.session = session;
    this.chapter = chapter;
    this.socket = socket;
    this.index = index;
    server = addresses.get(0);
    others = addresses.subList(1, addresses.size());
    configured = session.configuration.turnServers.get(index);
    Retransmission sends = session.configuration.retransmission;
    Retransmission paced = new Retransmission(
        Duration.ofNanos(rto), sends.requestCount(), sends.lastWait(), sends.streamTimeout());
    allocation = new TurnAllocation(
        TurnConfiguration.builder(session.configuration.random)
            .credential(configured.credential())
            .families(TurnConfiguration.Families.BOTH)
            .channelAfter(0) // RFC 8445 7.2.1: none before ICE completes
            .options(new StunClient.Options(paced, "frazil", false, false))
            .build(),
        this);
  }

  void start(long now) {
    if (isConnected()) {
      chapter.connect(this, server, configured.secure(), configured.host());
    } else {
      allocation.start(new FiveTuple(socket.address, server), now);
      settle(now);
    }
    if (!others.isEmpty()) {
      session.schedule(patience, now + PATIENCE);
    }
  }

  private void handleSilence(long now) {
    if (awaited) {
      chapter.silent(this, now);
    }
  }

  void askedAgain(Generation generation, long now) {
    if (closing) {
      wantedAgain = true;
    } else if (inDoubt) {
      close(true, now);
    } else if (!awaited) {
      chapter.tell(this, generation, now);
    }
  }

  boolean isAwaited() {
    return awaited || wantedAgain;
  }

  /** A path through it has died: the server may have forgotten it, and another is asked for next time. */
  void doubt() {
    inDoubt = true;
  }

  /** Gives the allocation back. */
  void close(long now) {
    close(false, now);
  }

  private void close(boolean another, long now) {
    awaited = false;
    wantedAgain = another;
    closing = true;
    forget();
    allocation.close(now);
    settle(now);
  }

  /** Its socket is gone, and with it all that could be said to the server. */
  void abandon() {
    awaited = false;
    socket.relays.remove(this);
    session.cancel(timer);
    forget();
    FiveTuple path = allocation.path();
    if (path != null) {
      chapter.disconnect(path);
    }
  }

  private void forget() {
    session.cancel(patience);
    session.cancel(keepalive);
    chapter.forgetConnecting(this);
  }

  // its connection

  /** Whether it has a connection, with a path of its own, instead of using the socket. */
  boolean isConnected() {
    return configured.isConnected();
  }

  void connected(FiveTuple path, long now) {
    session.cancel(patience);
    if (allocation.path() == null) {
      allocation.start(path, now);
    } else {
      allocation.handleOpened(path, now);
    }
    settle(now);
  }

  void connectFailed(String reason, long now) {
    if (allocation.path() == null) {
      session.cancel(patience);
      chapter.refused(this, reason, null, now);
    } else {
      allocation.handleOpenFailed(reason, now);
      settle(now);
    }
  }

  void disconnected(FiveTuple path, long now) {
    allocation.handleDisconnected(path, now);
    settle(now);
  }

  /** RFC 8445 5.1.1.4: over DTLS nobody else keeps the NAT's mapping, as Binding requests do for sockets. */
  void keepAliveLater(long now) {
    if (configured.secure() && server.transport() == Transport.UDP) {
      session.schedule(keepalive, now + session.configuration.keepaliveInterval);
    }
  }

  private void keepAlive(long now) {
    FiveTuple path = allocation.path();
    if (path != null && socket.stream.current.list.isActive()) {
      ByteBuffer indication = StunBuilder.indication(
              Method.BINDING, session.newTransactionId(), session.messageBuffer())
          .fingerprint()
          .finish();
      session.outbox.transmit(path, indication, Base.NOTHING);
      keepAliveLater(now);
    }
  }

  // what it is

  TransportAddress server() {
    return server;
  }

  /** RFC 8445 5.1.1.2: the mapped address; candidates are of UDP, whatever leads to the server. */
  @Nullable TransportAddress related() {
    TransportAddress seen = mapped;
    return seen == null ? null : TransportAddress.udp(seen.ip(), seen.port());
  }

  /** The place among all relayed addresses of the socket's address. */
  int rank(Base base) {
    int rank = 2 * index + bases.indexOf(base);
    return server.transport() == Transport.UDP ? rank : STREAMS_RANK + rank;
  }

  String url() {
    return configured.toString();
  }

  ServerReflexive.Server asStunServer() {
    return new ServerReflexive.Server(
        new StunServer(configured.host(), configured.port()),
        server,
        ServerReflexive.FIRST_TURN_RANK + index);
  }

  // out

  /** The way out for what is sent at this time, in one part. */
  Outbox outbox(long now) {
    sendingAt = now;
    return sender;
  }

  private void send(TransportAddress peer, ByteBuffer datagram) {
    send(peer, datagram, sendingAt);
  }

  /** Sends to a peer, for whom permission is asked when there is none yet; false when it can't leave. */
  boolean send(TransportAddress peer, ByteBuffer datagram, long now) {
    TurnAllocation.SendResult result = allocation.send(peer, datagram, now);
    if (result == TurnAllocation.SendResult.NO_PERMISSION && permitted.add(peer.ip())) {
      permit(peer, now);
      result = allocation.send(peer, datagram, now);
    }
    arm(now);
    return result == TurnAllocation.SendResult.SENT;
  }

  /**
   * Asks for permission for all peers that are known, by one request. Private addresses have one of their own: a server
   * that denies these answers for all that one request names.
   */
  private void permit(TransportAddress first, long now) {
    List<TransportAddress> publicPeers = new ArrayList<>();
    List<TransportAddress> privatePeers = new ArrayList<>();
    (first.ip().isPrivate() ? privatePeers : publicPeers).add(first);
    for (CandidatePair pair : socket.stream.current.list.pairs()) {
      TransportAddress peer = pair.path.remote();
      if (pair.base.relay == this && permitted.add(peer.ip())) {
        (peer.ip().isPrivate() ? privatePeers : publicPeers).add(peer);
      }
    }
    allocation.permit(publicPeers, now);
    allocation.permit(privatePeers, now);
  }

  /** Has the server need less for each datagram to a peer (RFC 8445 12.1). */
  void bind(TransportAddress peer, long now) {
    permitted.add(peer.ip());
    allocation.bind(peer, now);
    arm(now);
  }

  /** Lets the permissions of all other peers run out. */
  void keepOnly(IpAddress peer) {
    permitted.stream().filter(each -> !each.equals(peer)).forEach(allocation::release);
    permitted.removeIf(each -> !each.equals(peer));
  }

  // in

  /** Whether its socket hears its server from this address. */
  boolean speaksWith(TransportAddress address) {
    FiveTuple path = allocation.path();
    return path != null && path.remote().equals(address) && !isConnected();
  }

  /** Whether what came from a TURN server is for its client: ChannelData, or STUN of a method of TURN. */
  static boolean isForClient(ByteBuffer datagram) {
    if (datagram.remaining() < 4) {
      return false;
    }
    int first = datagram.get(datagram.position()) & 0xFF;
    if (first >> 4 == 4) {
      return true; // 0x4000 to 0x4FFF
    }
    int type = first << 8 | datagram.get(datagram.position() + 1) & 0xFF;
    int method = type & 0xF | type >> 1 & 0x70 | type >> 2 & 0xF80;
    return IceAgent.looksLikeStun(datagram)
        && method >= Method.ALLOCATE
        && method <= Method.CONNECTION_ATTEMPT;
  }

  /** Takes what came from the server; whether it carries a datagram of a peer. */
  boolean unwraps(FiveTuple path, ByteBuffer datagram, long now) {
    payload = null;
    allocation.handleDatagram(path, datagram, now);
    if (awaited) {
      session.cancel(patience); // somebody is there
    }
    settle(now);
    if (payload != null && !receiver().closed) {
      return true;
    }
    payload = null;
    return false;
  }

  /** The relayed address at which the datagram came in. */
  Base receiver() {
    IpAddress peer = Objects.requireNonNull(from).ip();
    return bases.size() == 1 || bases.get(0).address.ip().family() == peer.family()
        ? bases.get(0)
        : bases.get(1);
  }

  /** The datagram's path. */
  FiveTuple received() {
    TransportAddress peer = Objects.requireNonNull(from);
    FiveTuple path = lastPath;
    if (path == null || !path.remote().equals(peer)) {
      path = new FiveTuple(receiver().address, peer);
      lastPath = path;
    }
    return path;
  }

  ByteBuffer takePayload() {
    ByteBuffer taken = Objects.requireNonNull(payload);
    payload = null;
    return taken;
  }

  void unreachable(FiveTuple path, long now) {
    allocation.handleUnreachable(path, now);
    settle(now);
  }

  // the machine's life

  private void handleTimeout(long now) {
    allocation.handleTimeout(now);
    settle(now);
  }

  /** Does what the machine said, which it must not be called back for. */
  private void settle(long now) {
    for (TurnEvent event = events.poll(); event != null; event = events.poll()) {
      chapter.handle(this, event, now);
    }
    TurnRequest.Open open = opening;
    if (open != null) {
      opening = null;
      open(open, now);
      settle(now);
    }
    arm(now);
  }

  /** A socket serves any number of servers, but each only once; connections are made anew. */
  private void open(TurnRequest.Open open, long now) {
    if (isConnected()) {
      String domain = open.domain();
      server = open.server();
      chapter.connect(
          this, server, configured.secure(), domain == null ? configured.host() : domain);
    } else if (open.server().equals(server)) {
      allocation.handleOpenFailed("the server has an allocation for this socket already", now);
    } else {
      server = open.server();
      allocation.handleOpened(new FiveTuple(socket.address, server), now);
    }
  }

  private void arm(long now) {
    boolean quiet = events.isEmpty() && opening == null;
    long next = quiet ? allocation.nextTimeout() : now;
    if (next != timer.deadline()) {
      session.schedule(timer, next);
    }
  }

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer datagram) {
    session.outbox.transmit(path, header, datagram);
  }

  @Override
  public void deliver(TransportAddress peer, ByteBuffer datagram) {
    from = peer;
    payload = datagram;
  }

  @Override
  public void request(TurnRequest request) {
    if (request instanceof TurnRequest.Open open) {
      opening = open;
    } else if (request instanceof TurnRequest.Close close) {
      chapter.disconnect(close.path());
    }
  }

  @Override
  public void event(TurnEvent event) {
    events.add(event);
  }

  @Override
  public String toString() {
    return "relay of " + configured + " on " + socket.network.name();
  }
}

package dev.frazil.netty;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.ClientStreams;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.Driven;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.DtlsPort;
import dev.frazil.netty.io.PeerStreams;
import dev.frazil.netty.io.PortRange;
import dev.frazil.netty.io.SocketSettings;
import dev.frazil.netty.io.StreamListener;
import dev.frazil.netty.io.StreamPort;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerEvent;
import dev.frazil.turn.TurnServerOutbox;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A TURN server on its event loop: a port for each listening address and for each relayed one, all on that loop. */
final class DrivenTurn extends Driven implements TurnServerOutbox {
  private static final System.Logger LOGGER = System.getLogger(DrivenTurn.class.getName());

  /** A burst of all clients waits in one socket; the system takes what it allows of this. */
  private static final int LISTENER_BUFFER = 4 * 1024 * 1024;

  /** How many clients of other machines are remembered; all of them have allocations, or sessions of DTLS. */
  private static final int MOST_STRAYS = 65_536;

  /** How much may wait for another event loop. */
  private static final int MOST_HANDED_OVER = 4096;

  private final Shards shards;
  private final TurnServer machine;
  private final Map<TransportAddress, DatagramPort> ports = new HashMap<>();
  private final List<StreamListener> streamListeners = new ArrayList<>();
  private final ClientStreams clients;
  private final PeerStreams peers;
  private final Relayed relayed = new Relayed();
  /** Whose clients' datagrams come in here but belong to another machine, which writes that here by itself. */
  private final Map<FiveTuple, DrivenTurn> moved = new ConcurrentHashMap<>();
  /** Clients whose DTLS sessions are another machine's. */
  private final Map<FiveTuple, DrivenTurn> guests = bounded();
  /** What other machines are to send for this one. */
  private final Queue<Runnable> outward = new ArrayDeque<>();

  private boolean takingOver;
  /** What other machines handed over and is not taken yet. */
  private final AtomicInteger handedOver = new AtomicInteger();

  private final Queue<TurnServerEvent> events = new ArrayDeque<>();
  private final Map<TurnListener, TurnListener> listening = new LinkedHashMap<>();
  private final CompletableFuture<List<TurnListener>> bound = new CompletableFuture<>();
  private final CompletableFuture<Void> drained = new CompletableFuture<>();
  private @Nullable String failure;
  private int opening;
  private int allocations;
  private boolean draining;
  private boolean closed;
  private long tooLong;
  private long unsent;

  DrivenTurn(Shards shards, Driver driver, TurnServerConfiguration configuration) {
    super(driver);
    this.shards = shards;
    machine = new TurnServer(configuration, this);
    clients = new ClientStreams(driver(), shards.settings.streams, new Clients());
    peers = new PeerStreams(driver(), new Peers());
  }

  private static <V> Map<FiveTuple, V> bounded() {
    return new LinkedHashMap<>(16, 0.75f, true) {
      @Override
      protected boolean removeEldestEntry(Map.Entry<FiveTuple, V> eldest) {
        return size() > MOST_STRAYS;
      }
    };
  }

  @Override
  public TurnServer machine() {
    return machine;
  }

  /** Completed with the listeners as they are bound, or failed when one could not be bound. */
  CompletableFuture<List<TurnListener>> bound() {
    return bound;
  }

  /** Completed when no allocation is left after {@link #drain}, or when the server is closed. */
  CompletableFuture<Void> drained() {
    return drained;
  }

  TurnService.Statistics statistics() {
    Map<TurnService.StreamEnd, Long> ended = new EnumMap<>(TurnService.StreamEnd.class);
    for (StreamPort.End reason : StreamPort.End.values()) {
      ended.put(TurnService.StreamEnd.valueOf(reason.name()), clients.ended(reason));
    }
    return new TurnService.Statistics(
        machine.statistics(), tooLong, unsent + clients.dropped(), clients.size(), ended);
  }

  /** Ends an allocation; false when there is none of this number. */
  boolean end(long session) {
    boolean there = machine.sessions().stream().anyMatch(each -> each.id() == session);
    turn(now -> machine.end(session, now));
    return there;
  }

  void listen(List<TurnListener> listeners) {
    if (closed) {
      return;
    }
    opening = listeners.size();
    if (opening == 0) {
      failure = "the host has no such address";
      opened();
    }
    for (TurnListener listener : listeners) {
      listening.put(listener, listener);
      if (listener.kind().transport() == Transport.TCP) {
        listenForStreams(listener);
      } else {
        listenForDatagrams(listener);
      }
    }
  }

  private void listenForDatagrams(TurnListener listener) {
    TransportAddress address = listener.address();
    SocketSettings settings = SocketSettings.DEFAULT
        .withPorts(new PortRange(address.port(), address.port()))
        .withReceiveBuffer(LISTENER_BUFFER)
        .withSendBuffer(LISTENER_BUFFER)
        .withSharedPort(!shards.isFirst(this));
    Listening owner = new Listening(listener);
    if (listener.kind() == TurnListener.Kind.DTLS) {
      DtlsPort.bind(
          driver(),
          address.ip(),
          settings,
          shards.runtime.random(),
          () -> shards.tls().identity(),
          DtlsPort.Limits.DEFAULT,
          owner);
    } else {
      DatagramPort.bind(driver(), address.ip(), settings, shards.runtime.random(), owner);
    }
  }

  private void listenForStreams(TurnListener listener) {
    opening--;
    try {
      StreamListener open = StreamListener.bind(
          driver(),
          listener.address(),
          !shards.isFirst(this),
          shards.settings.proxies,
          new Accepting(listener.kind()));
      if (!shards.isOne()) {
        open.sharePort();
      }
      streamListeners.add(open);
      listening.put(listener, new TurnListener(listener.kind(), open.local()));
    } catch (IOException e) {
      failure = listener + ": " + e.getMessage();
    }
    opened();
  }

  private void opened() {
    if (opening > 0 || closed) {
      return;
    }
    if (failure != null) {
      bound.completeExceptionally(new IOException(failure));
      shutDown();
    } else {
      bound.complete(List.copyOf(listening.values()));
    }
  }

  void drain() {
    draining = true;
    turn(now -> machine.drain());
  }

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    if (path.local().transport() == Transport.TCP) {
      clients.transmit(path, header, payload);
      return;
    }
    DrivenTurn home = guests.isEmpty() ? null : guests.get(path);
    if (home != null && home != this) {
      ByteBuffer message = copy(header, payload);
      outward.add(
          () -> home.handOver(this, () -> home.transmit(path, message, DatagramPort.NOTHING)));
      if (!takingOver) {
        sendOutward();
      }
      return;
    }
    DatagramPort port = ports.get(path.local());
    if (port == null || !port.transmit(path.remote(), header, payload)) {
      unsent++;
    }
  }

  @Override
  public boolean bind(TransportAddress address) {
    boolean open =
        address.transport() == Transport.TCP ? peers.listen(address) : bindDatagrams(address);
    if (open) {
      shards.opened(address);
    }
    return open;
  }

  private boolean bindDatagrams(TransportAddress address) {
    DatagramPort port = DatagramPort.bindNow(driver(), address, SocketSettings.DEFAULT, relayed);
    if (port != null) {
      ports.put(address, port);
    }
    return port != null;
  }

  @Override
  public void unbind(TransportAddress address) {
    shards.closed(address);
    peers.unlisten(address);
    DatagramPort port = ports.remove(address);
    if (port != null) {
      port.close();
    }
  }

  @Override
  public void transmitUnfragmented(FiveTuple path, ByteBuffer payload) {
    DatagramPort port = ports.get(path.local());
    if (port == null || !port.transmitUnfragmented(path.remote(), payload)) {
      unsent++;
    }
  }

  @Override
  public void connect(FiveTuple path) {
    peers.connect(path);
  }

  @Override
  public void join(FiveTuple client, FiveTuple peer) {
    StreamPort one = clients.stream(client);
    StreamPort other = peers.stream(peer);
    if (one != null && other != null) {
      one.join(other);
    } else { // one of them has just ended
      driver().executeLater(() -> closed(client));
    }
  }

  @Override
  public void close(FiveTuple stream) {
    clients.close(stream);
    peers.close(stream);
  }

  private void closed(FiveTuple stream) {
    turn(now -> machine.handleClosed(stream, now));
  }

  @Override
  public void event(TurnServerEvent event) {
    events.add(event);
  }

  @Override
  public void dispatch() {
    for (TurnServerEvent event = events.poll(); event != null; event = events.poll()) {
      if (event instanceof TurnServerEvent.AllocationCreated) {
        allocations++;
      } else if (event instanceof TurnServerEvent.AllocationEnded) {
        allocations--;
      }
      tell(event);
    }
    if (draining && allocations == 0) {
      drained.complete(null);
    }
  }

  /** A client's datagram, which may belong to the machine that made what it names, or that its sender moved to. */
  private void fromClient(FiveTuple path, ByteBuffer datagram, boolean secure) {
    if (shards.isOne()) {
      handleDatagram(path, datagram);
      return;
    }
    DrivenTurn named = machine.isInUse(path) ? null : shards.named(datagram);
    DrivenTurn other = named != null || moved.isEmpty() ? named : moved.get(path);
    if (other == null || other == this) {
      handleDatagram(path, datagram);
      return;
    }
    ByteBuffer message = copy(datagram, DatagramPort.NOTHING);
    other.handOver(this, () -> other.takeOver(this, path, message, named != null, secure));
  }

  private void sendOutward() {
    for (Runnable each = outward.poll(); each != null; each = outward.poll()) {
      each.run();
    }
  }

  /** A datagram that came in at another machine. */
  private void takeOver(
      DrivenTurn home, FiveTuple path, ByteBuffer message, boolean named, boolean secure) {
    if (secure) {
      guests.put(path, home);
    }
    takingOver = true;
    driver().beginTurn();
    try {
      handleDatagram(path, message);
      // It had credentials: whatever it sends comes here, before it hears the answer.
      if (named && machine.isInUse(path)) {
        home.moveTo(this, path);
      }
    } finally {
      takingOver = false;
      sendOutward();
      driver().endTurn();
    }
  }

  /** From the other machine's event loop. */
  private void moveTo(DrivenTurn other, FiveTuple path) {
    if (moved.size() >= MOST_STRAYS) {
      moved.keySet().stream().findAny().ifPresent(moved::remove);
    }
    moved.put(path, other);
  }

  private void handOver(DrivenTurn from, Runnable task) {
    if (handedOver.get() >= MOST_HANDED_OVER) {
      from.unsent++;
      return;
    }
    handedOver.incrementAndGet();
    driver().executeLater(() -> {
      handedOver.decrementAndGet();
      task.run();
    });
  }

  private static ByteBuffer copy(ByteBuffer first, ByteBuffer second) {
    ByteBuffer copy = ByteBuffer.allocate(first.remaining() + second.remaining());
    return copy.put(first.duplicate()).put(second.duplicate()).flip();
  }

  private void tell(TurnServerEvent event) {
    try {
      shards.listener.accept(event);
    } catch (Throwable e) { // an Error, too: it is the application's own
      LOGGER.log(Level.ERROR, "the application's handler of events threw", e);
    }
  }

  @Override
  public void shutDown() {
    if (closed) {
      return;
    }
    closed = true;
    turn(machine::close);
    detach();
    ports.values().forEach(DatagramPort::close);
    ports.clear();
    streamListeners.forEach(StreamListener::close);
    clients.close();
    peers.close();
    bound.completeExceptionally(new IOException("the server was closed"));
    drained.complete(null);
  }

  private void broken(DatagramPort port, String reason) {
    if (ports.remove(port.local(), port)) {
      LOGGER.log(
          Level.WARNING, () -> "TURN service on port " + port.local().port() + ": " + reason);
    }
  }

  /** Where clients send to. */
  private final class Listening implements DatagramPort.Owner {
    private final TurnListener wanted;

    Listening(TurnListener wanted) {
      this.wanted = wanted;
    }

    @Override
    public void handleBound(DatagramPort port) {
      opening--;
      if (closed) {
        port.close();
        return;
      }
      if (!shards.isOne()) {
        port.sharePort();
      }
      ports.put(port.local(), port);
      listening.put(wanted, new TurnListener(wanted.kind(), port.local()));
      opened();
    }

    @Override
    public void handleBindFailed(String reason) {
      opening--;
      failure = wanted + ": " + reason;
      opened();
    }

    @Override
    public void handleDatagram(FiveTuple path, ByteBuffer datagram) {
      fromClient(path, datagram, wanted.kind() == TurnListener.Kind.DTLS);
    }

    @Override
    public void handleTooLong(FiveTuple path) {
      tooLong++;
    }

    @Override
    public void handleBroken(DatagramPort port, String reason) {
      broken(port, reason);
    }
  }

  /** Where clients connect to. */
  private final class Accepting implements StreamListener.Owner {
    private final TurnListener.Kind kind;

    Accepting(TurnListener.Kind kind) {
      this.kind = kind;
    }

    @Override
    public void handleAccepted(StreamPort stream) {
      if (kind == TurnListener.Kind.TLS) {
        stream.secure(shards.tls());
      }
      clients.add(stream);
    }

    @Override
    public void handleRefused(StreamPort.End reason) {
      clients.countRefused(reason);
    }

    @Override
    public void handleBroken(StreamListener listener, String reason) {
      if (streamListeners.remove(listener)) {
        LOGGER.log(
            Level.WARNING, () -> "TURN service on port " + listener.local().port() + ": " + reason);
      }
    }
  }

  /** The streams of clients. */
  private final class Clients implements ClientStreams.Owner {
    @Override
    public void handleMessage(FiveTuple path, ByteBuffer message) {
      handleDatagram(path, message);
    }

    @Override
    public void handleClosed(FiveTuple path) {
      closed(path);
    }

    @Override
    public boolean isInUse(FiveTuple path) {
      return machine.isInUse(path);
    }

    @Override
    public @Nullable ClientStreams elsewhere(ByteBuffer message) {
      DrivenTurn named = shards.named(message);
      return named == null || named == DrivenTurn.this ? null : named.clients;
    }
  }

  /** The streams of peers. */
  private final class Peers implements PeerStreams.Owner {
    @Override
    public void handleAccepted(FiveTuple path) {
      turn(now -> machine.handleAccepted(path, now));
    }

    @Override
    public void handleConnected(FiveTuple path) {
      turn(now -> machine.handleConnected(path, now));
    }

    @Override
    public void handleConnectFailed(FiveTuple path) {
      turn(now -> machine.handleConnectFailed(path, now));
    }

    @Override
    public void handleClosed(FiveTuple path) {
      closed(path);
    }
  }

  /** Where peers send to. */
  private final class Relayed implements DatagramPort.Owner {
    @Override
    public void handleBound(DatagramPort port) {
      // told by the return of bindNow
    }

    @Override
    public void handleBindFailed(String reason) {
      // told by the return of bindNow
    }

    @Override
    public void handleDatagram(FiveTuple path, ByteBuffer datagram) {
      DrivenTurn.this.handleDatagram(path, datagram);
    }

    @Override
    public void handleTooLong(FiveTuple path) {
      tooLong++;
    }

    @Override
    public void handleBroken(DatagramPort port, String reason) {
      broken(port, reason);
    }
  }
}

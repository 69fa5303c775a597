package dev.frazil.netty;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.ClientStreams;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.Driven;
import dev.frazil.netty.io.DtlsPort;
import dev.frazil.netty.io.PeerStreams;
import dev.frazil.netty.io.PortRange;
import dev.frazil.netty.io.ServerTls;
import dev.frazil.netty.io.SocketSettings;
import dev.frazil.netty.io.StreamEnd;
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
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A TURN server on its event loop: a port for each listening address and for each relayed one, all on that loop. */
final class DrivenTurn extends Driven implements TurnServerOutbox {
  private static final System.Logger LOGGER = System.getLogger(DrivenTurn.class.getName());

  /** A burst of all clients waits in one socket; the system takes what it allows of this. */
  private static final int LISTENER_BUFFER = 4 * 1024 * 1024;

  private final IceRuntime runtime;
  private final Supplier<@Nullable ServerTls> tls;
  private final TurnServer machine;
  private final Consumer<TurnServerEvent> listener;
  private final Map<TransportAddress, DatagramPort> ports = new HashMap<>();
  private final List<StreamListener> streamListeners = new ArrayList<>();
  private final ClientStreams clients;
  private final PeerStreams peers;
  private final Relayed relayed = new Relayed();
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

  DrivenTurn(
      IceRuntime runtime,
      TurnServiceSettings settings,
      TurnServerConfiguration configuration,
      Supplier<@Nullable ServerTls> tls,
      Consumer<TurnServerEvent> listener) {
    super(runtime.nextDriver());
    this.runtime = runtime;
    this.tls = tls;
    this.listener = listener;
    machine = new TurnServer(configuration, this);
    clients = new ClientStreams(driver(), settings.streams, new Clients());
    peers = new PeerStreams(driver(), new Peers());
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
    for (StreamEnd reason : StreamEnd.values()) {
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
        .withSendBuffer(LISTENER_BUFFER);
    Listening owner = new Listening(listener);
    if (listener.kind() == TurnListener.Kind.DTLS) {
      DtlsPort.bind(
          driver(),
          address.ip(),
          settings,
          runtime.random(),
          () -> tls().identity(),
          DtlsPort.Limits.DEFAULT,
          owner);
    } else {
      DatagramPort.bind(driver(), address.ip(), settings, runtime.random(), owner);
    }
  }

  private ServerTls tls() {
    return Objects.requireNonNull(tls.get(), "identity");
  }

  private void listenForStreams(TurnListener listener) {
    opening--;
    try {
      StreamListener open =
          StreamListener.bind(driver(), listener.address(), new Accepting(listener.kind()));
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
    DatagramPort port = ports.get(path.local());
    if (port == null || !port.transmit(path.remote(), header, payload)) {
      unsent++;
    }
  }

  @Override
  public boolean bind(TransportAddress address) {
    if (address.transport() == Transport.TCP) {
      return peers.listen(address);
    }
    DatagramPort port = DatagramPort.bindNow(driver(), address, SocketSettings.DEFAULT, relayed);
    if (port == null) {
      return false;
    }
    ports.put(address, port);
    return true;
  }

  @Override
  public void unbind(TransportAddress address) {
    peers.unlisten(address);
    DatagramPort port = ports.remove(address);
    if (port != null) {
      port.close();
    }
  }

  /** Netty sets no DF bit: what must not be fragmented is not sent. */
  @Override
  public void transmitUnfragmented(FiveTuple path, ByteBuffer payload) {
    unsent++;
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

  private void tell(TurnServerEvent event) {
    try {
      listener.accept(event);
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

  /** Where clients connect to. */
  private final class Accepting implements StreamListener.Owner {
    private final TurnListener.Kind kind;

    Accepting(TurnListener.Kind kind) {
      this.kind = kind;
    }

    @Override
    public void handleAccepted(StreamPort stream) {
      if (kind == TurnListener.Kind.TLS) {
        stream.secure(tls());
      }
      clients.add(stream);
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

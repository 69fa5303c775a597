package dev.frazil.netty;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.Driven;
import dev.frazil.netty.io.PortRange;
import dev.frazil.netty.io.SocketSettings;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerEvent;
import dev.frazil.turn.TurnServerOutbox;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A TURN server on its event loop: a port for each listening address and for each relayed one, all on that loop. */
final class DrivenTurn extends Driven implements TurnServerOutbox {
  private static final System.Logger LOGGER = System.getLogger(DrivenTurn.class.getName());

  /** A burst of all clients waits in one socket; the system takes what it allows of this. */
  private static final int LISTENER_BUFFER = 4 * 1024 * 1024;

  private final IceRuntime runtime;
  private final TurnServer machine;
  private final Consumer<TurnServerEvent> listener;
  private final Map<TransportAddress, DatagramPort> ports = new HashMap<>();
  private final Relayed relayed = new Relayed();
  private final Queue<TurnServerEvent> events = new ArrayDeque<>();
  private final Queue<FiveTuple> refusedStreams = new ArrayDeque<>(2);
  private final List<TransportAddress> listening = new ArrayList<>();
  private final CompletableFuture<List<TransportAddress>> bound = new CompletableFuture<>();
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
      TurnServerConfiguration configuration,
      Consumer<TurnServerEvent> listener) {
    super(runtime.nextDriver());
    this.runtime = runtime;
    this.listener = listener;
    machine = new TurnServer(configuration, this);
  }

  @Override
  public TurnServer machine() {
    return machine;
  }

  /** Completed with the listening addresses, or failed when one could not be bound. */
  CompletableFuture<List<TransportAddress>> bound() {
    return bound;
  }

  /** Completed when no allocation is left after {@link #drain}, or when the server is closed. */
  CompletableFuture<Void> drained() {
    return drained;
  }

  TurnService.Statistics statistics() {
    return new TurnService.Statistics(machine.statistics(), tooLong, unsent);
  }

  void listen(List<TransportAddress> addresses) {
    if (closed) {
      return;
    }
    opening = addresses.size();
    if (opening == 0) {
      failure = "the host has no such address";
      settled();
    }
    for (TransportAddress address : addresses) {
      SocketSettings settings = SocketSettings.DEFAULT
          .withPorts(new PortRange(address.port(), address.port()))
          .withReceiveBuffer(LISTENER_BUFFER)
          .withSendBuffer(LISTENER_BUFFER);
      DatagramPort.bind(driver(), address.ip(), settings, runtime.random(), new Listening(address));
    }
  }

  private void settled() {
    if (opening > 0) {
      return;
    }
    if (failure != null) {
      bound.completeExceptionally(new IOException(failure));
      shutDown();
    } else {
      bound.complete(List.copyOf(listening));
    }
  }

  void drain() {
    draining = true;
    turn(now -> machine.drain());
  }

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    DatagramPort port = ports.get(path.local());
    if (port == null || !port.transmit(path.remote(), header, payload)) {
      unsent++;
    }
  }

  @Override
  public boolean bind(TransportAddress address) {
    if (address.transport() != Transport.UDP) {
      return false; // TCP allocations are not available here
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
    refusedStreams.add(path);
  }

  @Override
  public void join(FiveTuple client, FiveTuple peer) {
    throw new IllegalStateException("there are no streams to join");
  }

  @Override
  public void close(FiveTuple stream) {
    // none is open
  }

  @Override
  public void event(TurnServerEvent event) {
    events.add(event);
  }

  @Override
  public void dispatch() {
    for (FiveTuple path = refusedStreams.poll(); path != null; path = refusedStreams.poll()) {
      machine.handleConnectFailed(path, driver().now());
    }
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
    private final TransportAddress wanted;

    Listening(TransportAddress wanted) {
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
      listening.add(port.local());
      settled();
    }

    @Override
    public void handleBindFailed(String reason) {
      opening--;
      failure = wanted + ": " + reason;
      settled();
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

package dev.frazil.testkit.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.MachineDriver;
import dev.frazil.turn.TurnAllocation;
import dev.frazil.turn.TurnConfiguration;
import dev.frazil.turn.TurnEvent;
import dev.frazil.turn.TurnRequest;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.LongConsumer;

/**
 * A {@link TurnAllocation} on a virtual {@link Host}: opens and closes its sockets, and keeps what it says. The virtual
 * Internet has no streams, so TCP connections fail.
 *
 * <pre>{@code
 * VirtualTurnClient client = new VirtualTurnClient(host, configuration);
 * client.start(server.listeners().get(0));
 * client.permit(peer);
 * client.send(peer, payload);
 * }</pre>
 */
public final class VirtualTurnClient {
  private final Host host;
  private final MachineDriver driver;
  private final TurnAllocation allocation;
  private final List<TurnEvent> events = new ArrayList<>();
  private BiConsumer<TransportAddress, ByteBuffer> dataHandler = (peer, payload) -> {};

  /** A client that does nothing yet. */
  public VirtualTurnClient(Host host, TurnConfiguration configuration) {
    this.host = host;
    driver = new MachineDriver(host);
    allocation = new TurnAllocation(configuration, new Mouth());
    driver.run(allocation);
    driver.onUnreachable(path -> driver.call(now -> allocation.handleUnreachable(path, now)));
  }

  /** Asks a server for the allocation, from a new port of the address that routes to it. */
  public void start(TransportAddress server) {
    FiveTuple path = open(source(server), server);
    driver.call(now -> allocation.start(path, now));
  }

  /** Takes the allocation to a new port of one of the host's addresses. */
  public void move(IpAddress local) {
    FiveTuple present = allocation.path();
    if (present == null) {
      throw new IllegalStateException("there is no path to move from");
    }
    FiveTuple path = open(local, present.remote());
    driver.call(now -> allocation.move(path, now));
  }

  private IpAddress source(TransportAddress server) {
    IpAddress source = host.defaultRouteSource(server.ip());
    if (source == null) {
      throw new IllegalStateException(host.name() + " has no route to " + server);
    }
    return source;
  }

  private FiveTuple open(IpAddress local, TransportAddress server) {
    return new FiveTuple(driver.bind(TransportAddress.udp(local, 0)).local(), server);
  }

  /** Has the server let peers through. */
  public void permit(TransportAddress... peers) {
    driver.call(now -> allocation.permit(List.of(peers), now));
  }

  /** Binds a channel to a peer. */
  public void bind(TransportAddress peer) {
    driver.call(now -> allocation.bind(peer, now));
  }

  /** Sends data to a peer. */
  public TurnAllocation.SendResult send(TransportAddress peer, ByteBuffer payload) {
    return driver.ask(now -> allocation.send(peer, payload, now));
  }

  /** Gives data from peers to somebody. */
  public void onData(BiConsumer<TransportAddress, ByteBuffer> handler) {
    dataHandler = handler;
  }

  /** Gives the allocation back; its sockets are closed when that is done. */
  public void close() {
    driver.call(allocation::close);
  }

  /** The allocation, to look at; commands go through {@link #call}. */
  public TurnAllocation allocation() {
    return allocation;
  }

  /** The host it is on. */
  public Host host() {
    return host;
  }

  /** Everything that the allocation has said so far. */
  public List<TurnEvent> events() {
    return events;
  }

  /** Gives the allocation a command, with the time it needs. */
  public void call(LongConsumer command) {
    driver.call(command);
  }

  private final class Mouth implements TurnAllocation.Outbox {
    @Override
    public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
      driver.transmit(path, header, payload);
    }

    @Override
    public void deliver(TransportAddress peer, ByteBuffer payload) {
      dataHandler.accept(peer, payload);
    }

    @Override
    public void request(TurnRequest request) {
      if (request instanceof TurnRequest.Open asked) {
        driver.later(now -> allocation.handleOpened(open(asked.local(), asked.server()), now));
      } else if (request instanceof TurnRequest.OpenConnection asked) {
        driver.later(now -> allocation.handleConnectionFailed(asked.connectionId()));
      } else if (request instanceof TurnRequest.Close asked) {
        driver.later(now -> driver.unbind(asked.path().local()));
      }
    }

    @Override
    public void event(TurnEvent event) {
      events.add(event);
    }
  }
}

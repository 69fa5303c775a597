package dev.frazil.testkit.ice;

import dev.frazil.ice.IceAgent;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceOutbox;
import dev.frazil.ice.IceRequest;
import dev.frazil.ice.IceState;
import dev.frazil.ice.InterfaceAddress;
import dev.frazil.ice.SendResult;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.IpPrefix;
import dev.frazil.testkit.MachineDriver;
import dev.frazil.testkit.VirtualInterface;
import dev.frazil.testkit.stream.MachineStreams;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * An {@link IceAgent} on a virtual {@link Host}: binds its sockets, resolves its names, connects to its TURN servers,
 * follows the host's interfaces, and keeps what it says. TLS and DTLS are left out: a secure connection is a plain one.
 *
 * <pre>{@code
 * VirtualAgent alice = new VirtualAgent(host, IceConfiguration.builder(Role.CONTROLLING, random).build());
 * alice.start(1);
 * }</pre>
 */
public final class VirtualAgent {
  /** Takes application data. */
  @FunctionalInterface
  public interface DataHandler {
    /**
     * One payload came in.
     *
     * @param payload borrowed for the call
     */
    void handle(int stream, int component, ByteBuffer payload);
  }

  private static final IpAddress SOMEWHERE4 = IpAddress.parse("8.8.8.8");
  private static final IpAddress SOMEWHERE6 = IpAddress.parse("2001:4860:4860::8888");

  private final MachineDriver driver;
  private final Host host;
  private final IceAgent agent;
  private final List<IceEvent> events = new ArrayList<>();
  private final List<Consumer<IceEvent>> listeners = new ArrayList<>();
  private DataHandler dataHandler = (stream, component, payload) -> {};
  private final Map<TransportAddress, IceRequest.Open> bases = new LinkedHashMap<>();
  private final Set<FiveTuple> associations = new HashSet<>();
  private final MachineStreams streams;
  private boolean started;

  /** An agent that does nothing yet. */
  public VirtualAgent(Host host, IceConfiguration configuration) {
    this.host = host;
    driver = new MachineDriver(host);
    agent = new IceAgent(configuration, new Mouth());
    driver.run(agent);
    streams = new MachineStreams(driver, agent);
    host.onChange(() -> {
      if (started) {
        driver.later(now -> agent.setInterfaces(interfaces(), now));
      }
    });
  }

  /** Adds streams of so many components each and begins to gather. */
  public void start(int... components) {
    addStreams(components);
    gather();
  }

  /** Adds streams of so many components each. */
  public void addStreams(int... components) {
    driver.call(now -> {
      for (int count : components) {
        agent.addStream(count, now);
      }
    });
  }

  /** Begins to gather, and follows the host's interfaces from now on. */
  public void gather() {
    started = true;
    driver.call(now -> agent.setInterfaces(interfaces(), now));
  }

  /** The host's addresses as the agent is told of them. */
  public List<InterfaceAddress> interfaces() {
    List<InterfaceAddress> addresses = new ArrayList<>();
    IpAddress default4 = host.defaultRouteSource(SOMEWHERE4);
    IpAddress default6 = host.defaultRouteSource(SOMEWHERE6);
    for (VirtualInterface each : host.interfaces()) {
      if (!each.isUp()) {
        continue;
      }
      for (IpPrefix prefix : each.addresses()) {
        IpAddress ip = prefix.address();
        boolean defaultRoute = ip.equals(default4) || ip.equals(default6);
        addresses.add(new InterfaceAddress(
            each.name(),
            ip,
            prefix.length(),
            new InterfaceAddress.Flags(ip.isLoopback(), false, false, defaultRoute, false)));
      }
    }
    return addresses;
  }

  /** The agent, to look at; commands go through {@link #call}. */
  public IceAgent agent() {
    return agent;
  }

  /** The host it is on. */
  public Host host() {
    return host;
  }

  /** Gives the agent a command, with the time it needs. */
  public void call(LongConsumer command) {
    driver.call(command);
  }

  /** Everything that the agent has said so far. */
  public List<IceEvent> events() {
    return events;
  }

  /** Also tells the events to somebody, as they come; the listener must not call the agent back but through {@link #later}. */
  public void onEvent(Consumer<IceEvent> listener) {
    listeners.add(listener);
  }

  /** Gives application data to somebody. */
  public void onData(DataHandler handler) {
    dataHandler = handler;
  }

  /** Gives the agent a command at this time, after what it is doing now. */
  public void later(LongConsumer command) {
    driver.later(command);
  }

  /** The addresses of the sockets that are open, and what each was opened for. */
  public Map<TransportAddress, IceRequest.Open> bases() {
    return Collections.unmodifiableMap(bases);
  }

  /** The state that the agent is in. */
  public IceState state() {
    return agent.state();
  }

  /** Sends application data. */
  public SendResult send(int stream, int component, ByteBuffer payload) {
    return driver.ask(now -> agent.send(stream, component, payload, now));
  }

  /** The path that data takes now; null when there is none. */
  public @Nullable FiveTuple path(int stream, int component) {
    return agent.path(stream, component);
  }

  /** Closes the agent and its sockets; with allocations on TURN servers this takes up to a second. */
  public void close() {
    started = false;
    driver.call(agent::close);
    if (agent.nextTimeout() == ProtocolMachine.NEVER) {
      streams.close();
      driver.close();
    }
  }

  private void open(IceRequest.Open open, long now) {
    IpAddress ip = open.address().address();
    try {
      TransportAddress local = driver.bind(TransportAddress.udp(ip, 0)).local();
      bases.put(local, open);
      agent.handleOpened(open, local, now);
    } catch (IllegalStateException | IllegalArgumentException e) {
      agent.handleOpenFailed(open, String.valueOf(e.getMessage()), now);
    }
  }

  private void connect(IceRequest.Connect connect, long now) {
    if (connect.server().transport() == Transport.TCP) {
      streams.connect(connect.local(), connect.server(), new Connection(connect));
      return;
    }
    try {
      TransportAddress local =
          driver.bind(TransportAddress.udp(connect.local(), 0)).local();
      FiveTuple path = new FiveTuple(local, connect.server());
      associations.add(path);
      agent.handleConnected(connect, path, now);
    } catch (IllegalStateException | IllegalArgumentException e) {
      agent.handleConnectFailed(connect, String.valueOf(e.getMessage()), now);
    }
  }

  private void disconnect(FiveTuple path) {
    if (associations.remove(path)) {
      driver.unbind(path.local());
    } else {
      streams.close(path);
    }
  }

  /** What became of a connection to a TURN server. */
  private final class Connection implements MachineStreams.Owner {
    private final IceRequest.Connect request;

    Connection(IceRequest.Connect request) {
      this.request = request;
    }

    @Override
    public void opened(FiveTuple path) {
      driver.call(now -> agent.handleConnected(request, path, now));
    }

    @Override
    public void failed(String reason) {
      driver.call(now -> agent.handleConnectFailed(request, reason, now));
    }

    @Override
    public void closed(FiveTuple path, String reason) {
      driver.call(now -> agent.handleDisconnected(path, reason, now));
    }
  }

  private final class Mouth implements IceOutbox {
    @Override
    public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
      if (path.local().transport() == Transport.TCP) {
        streams.transmit(path, header, payload);
      } else {
        driver.transmit(path, header, payload);
      }
    }

    @Override
    public void deliver(int stream, int component, ByteBuffer payload) {
      dataHandler.handle(stream, component, payload);
    }

    @Override
    public void request(IceRequest request) {
      if (request instanceof IceRequest.Open open) {
        driver.later(now -> open(open, now));
      } else if (request instanceof IceRequest.Close close) {
        driver.later(now -> {
          bases.remove(close.base());
          driver.unbind(close.base());
        });
      } else if (request instanceof IceRequest.Connect connect) {
        driver.later(now -> connect(connect, now));
      } else if (request instanceof IceRequest.Disconnect disconnect) {
        driver.later(now -> disconnect(disconnect.path()));
      } else if (request instanceof IceRequest.Resolve resolve) {
        host.resolve(
            resolve.name(), found -> driver.call(now -> agent.handleResolved(resolve, found, now)));
      }
    }

    @Override
    public void event(IceEvent event) {
      events.add(event);
      listeners.forEach(listener -> listener.accept(event));
    }
  }
}

package dev.frazil.testkit.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.MachineDriver;
import dev.frazil.testkit.stream.MachineStreams;
import dev.frazil.testkit.stream.StreamListener;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import dev.frazil.turn.TurnServerEvent;
import dev.frazil.turn.TurnServerOutbox;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.random.RandomGenerator;

/**
 * A {@link TurnServer} on a virtual {@link Host}: listens at port 3478 of each of its addresses over UDP and TCP, and over
 * TCP at 443 and 5349 too, where others have TLS; opens relayed addresses, and keeps what the server says. There are no
 * streams to peers, so TCP allocations fail.
 *
 * <pre>{@code
 * VirtualTurnServer server = new VirtualTurnServer(
 *     host, VirtualTurnServer.configuration(host, random, new LongTermCredential("user", "pass")).build());
 * TransportAddress address = server.listeners().get(0);
 * }</pre>
 */
public final class VirtualTurnServer {
  /** The realm of {@link #configuration}. */
  public static final String REALM = "example.org";

  private static final int PORT = 3478;
  private static final List<Integer> STREAM_PORTS = List.of(PORT, 443, 5349);
  private static final IcmpMessage PORT_UNREACHABLE4 = new IcmpMessage(3, 3, 0);
  private static final IcmpMessage PORT_UNREACHABLE6 = new IcmpMessage(1, 4, 0);

  private final Host host;
  private final List<TurnServerEvent> events = new ArrayList<>();
  private final List<TransportAddress> listeners = new ArrayList<>();
  private TurnServerConfiguration configuration;
  private MachineDriver driver;
  private TurnServer server;
  private MachineStreams streams;
  private final List<StreamListener> streamListeners = new ArrayList<>();

  /** A server that is up at once. */
  public VirtualTurnServer(Host host, TurnServerConfiguration configuration) {
    this.host = host;
    this.configuration = configuration;
    driver = new MachineDriver(host);
    server = new TurnServer(configuration, new Mouth());
    streams = new MachineStreams(driver, server);
    run();
  }

  /**
   * A configuration to start from: relayed addresses on all addresses of the host, and users of the realm {@link
   * #REALM}.
   */
  public static TurnServerConfiguration.Builder configuration(
      Host host, RandomGenerator random, LongTermCredential... users) {
    TurnServerConfiguration.Builder builder = TurnServerConfiguration.builder(random);
    for (IpAddress ip : host.addresses()) {
      if (isUsable(ip)) {
        builder.relay(Relay.of(ip));
      }
    }
    return builder.realm(REALM, (username, realm, algorithm) -> {
      for (LongTermCredential user : users) {
        if (user.username().equals(username)) {
          return user.key(realm, algorithm);
        }
      }
      return null;
    });
  }

  private static boolean isUsable(IpAddress ip) {
    return !ip.isLinkLocal() && !ip.isLoopback();
  }

  private void run() {
    driver.run(server);
    driver.onUnreachable(this::unreachable);
    listeners.clear();
    for (IpAddress ip : host.addresses()) {
      if (isUsable(ip)) {
        listeners.add(driver.bind(TransportAddress.udp(ip, PORT)).local());
        for (int port : STREAM_PORTS) {
          TransportAddress local = new TransportAddress(ip, port, Transport.TCP);
          streamListeners.add(streams.listen(local, new Clients()));
        }
      }
    }
  }

  private void unreachable(FiveTuple path) {
    IcmpMessage icmp = path.remote().ip().isIpv4() ? PORT_UNREACHABLE4 : PORT_UNREACHABLE6;
    driver.call(now -> server.handleIcmp(path, icmp, now));
  }

  /** Where it listens over UDP: one address for each of the host's. */
  public List<TransportAddress> listeners() {
    return List.copyOf(listeners);
  }

  /** The server, to look at; commands go through {@link #call}. */
  public TurnServer server() {
    return server;
  }

  /** The host it is on. */
  public Host host() {
    return host;
  }

  /** Everything that the server has said so far, before restarts too. */
  public List<TurnServerEvent> events() {
    return events;
  }

  /** Gives the server a command, with the time it needs. */
  public void call(LongConsumer command) {
    driver.call(command);
  }

  /** Gives the server other settings, as {@link TurnServer#reconfigure} takes them. */
  public void reconfigure(TurnServerConfiguration value) {
    configuration = value;
    driver.call(now -> server.reconfigure(value, now));
  }

  /** Stops the server as a crash does, telling nobody, and starts a new one that remembers nothing. */
  public void restart() {
    close();
    driver = new MachineDriver(host);
    server = new TurnServer(configuration, new Mouth());
    streams = new MachineStreams(driver, server);
    run();
  }

  /** Stops the server, telling nobody; its sockets are closed. */
  public void close() {
    streamListeners.forEach(StreamListener::close);
    streamListeners.clear();
    driver.close();
  }

  /** The streams of clients. */
  private final class Clients implements MachineStreams.Owner {
    @Override
    public void opened(FiveTuple path) {}

    @Override
    public void failed(String reason) {}

    @Override
    public void closed(FiveTuple path, String reason) {
      driver.call(now -> server.handleClosed(path, now));
    }
  }

  private final class Mouth implements TurnServerOutbox {
    @Override
    public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
      if (path.local().transport() == Transport.TCP) {
        streams.transmit(path, header, payload);
      } else {
        driver.transmit(path, header, payload);
      }
    }

    @Override
    public void transmitUnfragmented(FiveTuple path, ByteBuffer payload) {
      driver.transmit(path, payload, ByteBuffer.allocate(0)); // nothing fragments here
    }

    @Override
    public boolean bind(TransportAddress relayed) {
      if (!host.canBind(relayed)) {
        return false;
      }
      driver.bind(relayed);
      return true;
    }

    @Override
    public void unbind(TransportAddress relayed) {
      driver.unbind(relayed);
    }

    @Override
    public void connect(FiveTuple path) {
      driver.later(now -> server.handleConnectFailed(path, now));
    }

    @Override
    public void join(FiveTuple client, FiveTuple peer) {
      throw new IllegalStateException("there are no streams to join");
    }

    @Override
    public void close(FiveTuple stream) {
      driver.later(now -> streams.close(stream));
    }

    @Override
    public void event(TurnServerEvent event) {
      events.add(event);
    }
  }
}

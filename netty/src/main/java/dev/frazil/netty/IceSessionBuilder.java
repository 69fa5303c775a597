package dev.frazil.netty;

import dev.frazil.ice.AddressHandling;
import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.InterfaceAddress;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.netty.io.PortRange;
import dev.frazil.netty.io.SocketSettings;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.StunUri;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Collects the settings of a session; each has a default. A session keeps the settings that it was built with; the
 * builder may be used for further ones.
 */
public final class IceSessionBuilder extends ConnectionBuilder<IceSessionBuilder> {
  private static final System.Logger LOGGER = System.getLogger(IceSessionBuilder.class.getName());

  private final IceRuntime runtime;
  private final IceConfiguration.Builder checked;
  private final List<Consumer<IceConfiguration.Builder>> agent = new ArrayList<>();
  private Role role = Role.CONTROLLED;
  private int streams = 1;
  private int components = 1;
  private InterfaceProvider interfaces = SystemInterfaces.INSTANCE;
  private List<TurnServer> turnServers = List.of();
  private SocketSettings sockets = SocketSettings.DEFAULT;
  private Consumer<IceEvent> events = event -> {};
  private @Nullable DataHandler data;

  IceSessionBuilder(IceRuntime runtime) {
    this.runtime = runtime;
    checked = IceConfiguration.builder(role, runtime.random());
    set(settings -> settings.pacer(runtime.pacer()));
  }

  /** Keeps a setting of the agent; one that is out of range is refused at once. */
  private IceSessionBuilder set(Consumer<IceConfiguration.Builder> setting) {
    setting.accept(checked);
    agent.add(setting);
    return this;
  }

  /** The role to start with: the initiator controls (RFC 8445 6.1.1). Default {@link Role#CONTROLLED}. */
  public IceSessionBuilder role(Role value) {
    role = Objects.requireNonNull(value, "role");
    return this;
  }

  /** The number of streams, 1 to 256. Default 1. */
  public IceSessionBuilder streams(int value) {
    streams = inRange("streams", value);
    return this;
  }

  /** The number of components of each stream, 1 to 256. Default 1. */
  public IceSessionBuilder components(int value) {
    components = inRange("components", value);
    return this;
  }

  /** The STUN servers to ask, at most 16. Default none. */
  public IceSessionBuilder stunServers(List<StunServer> value) {
    List<StunServer> copy = List.copyOf(value);
    return set(settings -> settings.stunServers(copy));
  }

  /**
   * The TURN servers to ask for relayed addresses, all of them at once, at most 16. The same server may be there once for
   * each transport. Default none.
   */
  public IceSessionBuilder turnServers(List<TurnServer> value) {
    List<TurnServer> copy = List.copyOf(value);
    turnServers = copy;
    return set(settings -> settings.turnServers(copy));
  }

  /**
   * Adds a TURN server to ask for relayed addresses.
   *
   * @param uri such as {@code turn:turn.example}, {@code turn:192.0.2.1:3478?transport=tcp} or
   *     {@code turns:turn.example:443} (RFC 7065); without a transport it is UDP, and TLS over TCP for {@code turns:}
   * @throws IllegalArgumentException when it is none, naming the URI and the rule
   */
  public IceSessionBuilder turnServer(String uri, String username, String password) {
    TurnServer server;
    try {
      server = TurnServer.of(StunUri.parse(uri), new LongTermCredential(username, password));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("turnServer \"" + uri + "\": " + e.getMessage(), e);
    }
    List<TurnServer> all = new ArrayList<>(turnServers);
    all.add(server);
    return turnServers(all);
  }

  /** Tell and take candidates as they are found (RFC 8838). Default true. */
  public IceSessionBuilder trickle(boolean value) {
    return set(settings -> settings.trickle(value));
  }

  /** Be a lite agent (RFC 8445 2.5): for hosts that are always reachable. Default false. */
  public IceSessionBuilder lite(boolean value) {
    return set(settings -> settings.lite(value));
  }

  /** Take loopback addresses for candidates, local and remote; for tests. Default false (RFC 8445 5.1.1.1). */
  public IceSessionBuilder loopback(boolean value) {
    return set(settings -> settings.loopback(value));
  }

  /** The Ta to propose, in milliseconds, 5 to 1000. Default 10; 50 is used with a peer that tells none. */
  public IceSessionBuilder pacing(int millis) {
    return set(settings -> settings.pacing(millis));
  }

  /** The most pairs over all checklists, 1 to 1000 (RFC 8445 6.1.2.5). Default 100. */
  public IceSessionBuilder maxPairs(int value) {
    return set(settings -> settings.maxPairs(value));
  }

  /** Which addresses to use and tell (RFC 8828). Default {@link AddressHandling#DEFAULT_ROUTE}. */
  public IceSessionBuilder addressHandling(AddressHandling value) {
    Objects.requireNonNull(value, "addressHandling");
    return set(settings -> settings.addressHandling(value));
  }

  /**
   * The types of candidates to gather and tell, at least one. Without {@link CandidateType#HOST} no candidate names the
   * address of an interface. With {@link CandidateType#RELAYED} alone only relays are used, and nobody but their servers
   * learns an address of this host. Default all.
   */
  public IceSessionBuilder candidateTypes(Set<CandidateType> value) {
    Set<CandidateType> copy = Set.copyOf(value);
    return set(settings -> settings.candidateTypes(copy));
  }

  /**
   * Local addresses behind a 1:1 NAT and the address that the NAT gives each, of the same family and one that a host can
   * have. Default none.
   */
  public IceSessionBuilder externalAddresses(Map<IpAddress, IpAddress> value) {
    Map<IpAddress, IpAddress> copy = Map.copyOf(value);
    return set(settings -> settings.externalAddresses(copy));
  }

  /** Offer the ICE option {@code renomination}. Default false. */
  public IceSessionBuilder renomination(boolean value) {
    return set(settings -> settings.renomination(value));
  }

  /** Check that the peer consents to receive (RFC 7675). Default true; WebRTC requires it. */
  public IceSessionBuilder consent(boolean value) {
    return set(settings -> settings.consent(value));
  }

  /** Tell what is decided and why, in further events. Default false. */
  public IceSessionBuilder eventLog(boolean value) {
    return set(settings -> settings.eventLog(value));
  }

  /**
   * Refuses remote candidates beside those that are always refused. Called on the event loop, where it must neither
   * block nor call the session; one that throws refuses. Default takes all.
   */
  public IceSessionBuilder remoteFilter(Predicate<Candidate> value) {
    Predicate<Candidate> filter = safe("remoteFilter", value);
    return set(settings -> settings.remoteFilter(filter));
  }

  /**
   * Chooses among the addresses that the rules allow, by interface name, address or family. Called on the event loop,
   * where it must neither block nor call the session; one that throws refuses. Default takes all.
   */
  public IceSessionBuilder interfaceFilter(Predicate<InterfaceAddress> value) {
    Predicate<InterfaceAddress> filter = safe("interfaceFilter", value);
    return set(settings -> settings.interfaceFilter(filter));
  }

  /**
   * Refuses nominations of paths (RFC 8445 7.3.1.5). Called on the event loop, where it must neither block nor call the
   * session; one that throws refuses. Default takes all.
   */
  public IceSessionBuilder nominationFilter(Predicate<FiveTuple> value) {
    Predicate<FiveTuple> filter = safe("nominationFilter", value);
    return set(settings -> settings.nominationFilter(filter));
  }

  /** Tells which addresses the host has. Default asks the system. */
  public IceSessionBuilder interfaces(InterfaceProvider value) {
    interfaces = Objects.requireNonNull(value, "interfaces");
    return this;
  }

  /** The local ports to bind, 1 to 65535, both included. Default lets the system choose. */
  public IceSessionBuilder portRange(int min, int max) {
    if (min < 1) {
      throw new IllegalArgumentException(
          "portRange " + min + "-" + max + ": must begin at 1 or above");
    }
    sockets = sockets.withPorts(new PortRange(min, max));
    return this;
  }

  /** SO_RCVBUF of each socket, in bytes. Default the system's. */
  public IceSessionBuilder receiveBufferSize(int bytes) {
    sockets = sockets.withReceiveBuffer(bytes);
    return this;
  }

  /** SO_SNDBUF of each socket, in bytes. Default the system's. */
  public IceSessionBuilder sendBufferSize(int bytes) {
    sockets = sockets.withSendBuffer(bytes);
    return this;
  }

  /**
   * The longest datagram that is received, in bytes, 548 to 65507; longer ones are dropped, with a warning. Every byte
   * costs memory while datagrams are read. Default 2048, more than Ethernet carries without jumbo frames.
   */
  public IceSessionBuilder maxDatagramSize(int bytes) {
    sockets = sockets.withMaxDatagram(bytes);
    return this;
  }

  /** How long gathering may take before it ends without the servers that have not answered. Default 5 s. */
  public IceSessionBuilder gatheringLimit(Duration value) {
    return set(settings -> settings.gatheringLimit(value));
  }

  /** How long without an answer until DISCONNECTED, 5 to 30 s, at most {@link #failedAfter}. Default 10 s. */
  public IceSessionBuilder disconnectedAfter(Duration value) {
    return set(settings -> settings.disconnectedAfter(value));
  }

  /**
   * How long without an answer until consent is taken as lost and the path is given up, 10 to 30 s (RFC 7675 5.1 allows
   * no more). Default 30 s. Has no effect with {@link #consent} off.
   */
  public IceSessionBuilder failedAfter(Duration value) {
    return set(settings -> settings.failedAfter(value));
  }

  /** How long a path may be silent when consent is not checked, at least 15 s (RFC 8445 11). Default 15 s. */
  public IceSessionBuilder keepaliveInterval(Duration value) {
    return set(settings -> settings.keepaliveInterval(value));
  }

  /**
   * How long after the end of nomination the sockets that were not selected are closed, 3 s to a day (RFC 8445 8.3.1).
   * Default 40 s.
   */
  public IceSessionBuilder releaseAfter(Duration value) {
    return set(settings -> settings.releaseAfter(value));
  }

  /**
   * How long after the last word from the peer a missing end-of-candidates is taken as given, 1 s to a day. Default
   * 90 s.
   */
  public IceSessionBuilder endOfCandidatesLimit(Duration value) {
    return set(settings -> settings.endOfCandidatesLimit(value));
  }

  /** Takes the session's events, in their order, on its event loop: it must not block. Default passes over them. */
  public IceSessionBuilder onEvent(Consumer<IceEvent> value) {
    events = Objects.requireNonNull(value, "onEvent");
    return this;
  }

  /** Takes the session's data on its event loop. Default keeps it for {@link IceSession#receive}. */
  public IceSessionBuilder onData(DataHandler value) {
    data = Objects.requireNonNull(value, "onData");
    return this;
  }

  /**
   * Makes a session that does nothing until it is started.
   *
   * @throws IllegalArgumentException when settings contradict each other
   * @throws IllegalStateException when the runtime is closed
   */
  public IceSession build() {
    runtime.checkOpen();
    IceConfiguration.Builder configuration = IceConfiguration.builder(role, runtime.random());
    agent.forEach(setting -> setting.accept(configuration));
    SessionSettings settings =
        new SessionSettings(streams, components, interfaces, sockets, connections, events, data);
    return new IceSession(runtime, role, configuration.build(), settings);
  }

  /** The application's predicate runs within the agent, whose state must not depend on what it throws. */
  private static <T> Predicate<T> safe(String name, Predicate<T> predicate) {
    Objects.requireNonNull(predicate, name);
    return value -> {
      try {
        return predicate.test(value);
      } catch (Throwable e) {
        LOGGER.log(Level.ERROR, "the application's " + name + " threw", e);
        return false;
      }
    };
  }

  private static int inRange(String name, int value) {
    if (value < 1 || value > 256) {
      throw new IllegalArgumentException(name + " " + value + ": must be 1 to 256");
    }
    return value;
  }

  @Override
  IceSessionBuilder self() {
    return this;
  }
}

package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One agent in virtual time: keeps what it says, and plays its runtime. Sockets are opened as asked, on ports from 10001
 * up in the order of the requests; names resolve as told by {@link #name}.
 */
final class AgentHarness implements IceOutbox {
  /** A datagram that the agent sent. */
  record Sent(long time, FiveTuple path, ByteBuffer bytes) {
    /** The STUN message that it is; null when it is none. */
    @Nullable StunMessage message() {
      return StunMessage.tryParse(bytes);
    }

    /** Whether it is a Binding request. */
    boolean isBindingRequest() {
      StunMessage message = message();
      return message != null && message.is(MessageClass.REQUEST, Method.BINDING);
    }
  }

  /** Application data that the agent handed on. */
  record Delivered(long time, int stream, int component, ByteBuffer payload) {}

  private final VirtualTime time;
  private final IceAgent agent;
  private final List<Sent> sent = new ArrayList<>();
  private final List<IceEvent> events = new ArrayList<>();
  private final List<IceRequest> requests = new ArrayList<>();
  private final List<Delivered> delivered = new ArrayList<>();
  private final ArrayDeque<LongConsumer> toDo = new ArrayDeque<>();
  private final Map<String, List<IpAddress>> names = new TreeMap<>();
  private final List<BiConsumer<FiveTuple, ByteBuffer>> networks = new ArrayList<>();
  private final List<TransportAddress> bound = new ArrayList<>();
  private final List<FiveTuple> connections = new ArrayList<>();
  private final Set<TransportAddress> silent = new HashSet<>();
  private final Set<TransportAddress> refusing = new HashSet<>();
  private @Nullable ScriptedRelay tunnel;
  private boolean answers = true;
  private int port = 10_000;

  AgentHarness(VirtualTime time, IceConfiguration configuration) {
    this.time = time;
    agent = new IceAgent(configuration, this);
    time.add(this);
  }

  /** A configuration for tests: every interface, a seeded generator, the event log on. */
  static IceConfiguration.Builder settings(Role role) {
    return IceConfiguration.builder(role, new Random(role.ordinal() + 1L))
        .addressHandling(AddressHandling.ALL_INTERFACES)
        .eventLog(true);
  }

  /** An agent that has an address and a stream of so many components, and has gathered on it. */
  static AgentHarness started(
      VirtualTime time, IceConfiguration configuration, int components, String... addresses) {
    AgentHarness harness = new AgentHarness(time, configuration);
    harness.call(now -> harness.agent.addStream(components, now));
    harness.interfaces(addresses);
    return harness;
  }

  /** An address of {@code eth0} for IPv4 and IPv6 alike, with nothing special about it but the default route. */
  static InterfaceAddress address(String ip) {
    IpAddress address = IpAddress.parse(ip);
    return new InterfaceAddress(
        "eth0", address, address.isIpv4() ? 24 : 64, InterfaceAddress.Flags.DEFAULT_ROUTE);
  }

  // what the runtime does

  /** Tells the agent that the host has these addresses and no others. */
  void interfaces(String... addresses) {
    interfaces(Arrays.stream(addresses).map(AgentHarness::address).toList());
  }

  void interfaces(List<InterfaceAddress> addresses) {
    call(now -> agent.setInterfaces(addresses, now));
  }

  /** What a name resolves to; without this it resolves to nothing. */
  void name(String name, String... addresses) {
    names.put(name, Arrays.stream(addresses).map(IpAddress::parse).toList());
  }

  /** Connections to a server come to nothing: they are refused, or nothing is heard of them. */
  void noConnection(TransportAddress server, boolean refused) {
    (refused ? refusing : silent).add(server);
  }

  /** From now on the test answers requests itself. */
  void answerNoRequests() {
    answers = false;
  }

  /** Also gives what the agent sends to somebody, who must not call the agent back but through {@link VirtualTime}. */
  void onSent(BiConsumer<FiveTuple, ByteBuffer> network) {
    networks.add(network);
  }

  /** Whose relayed address the test's peer speaks with. */
  void tunnel(ScriptedRelay relay) {
    tunnel = relay;
  }

  /** What the agent sent comes out of a relay. */
  void hear(FiveTuple path, ByteBuffer datagram) {
    networks.forEach(network -> network.accept(path, datagram.duplicate()));
  }

  /** Gives the agent a command with the time, then does what it asked for. */
  void call(LongConsumer command) {
    command.accept(time.now());
    while (!toDo.isEmpty()) {
      toDo.remove().accept(time.now());
    }
  }

  /** Gives the agent a datagram: through the relay, where it is for the relayed address. */
  void receive(FiveTuple path, ByteBuffer datagram) {
    if (tunnel != null && tunnel.carries(path.local())) {
      tunnel.deliver(path, datagram);
    } else {
      receiveAtSocket(path, datagram);
    }
  }

  /** Gives the agent a datagram that came in at a socket. */
  void receiveAtSocket(FiveTuple path, ByteBuffer datagram) {
    call(now -> agent.handleDatagram(path, datagram.duplicate(), now));
  }

  // what the agent did

  IceAgent agent() {
    return agent;
  }

  VirtualTime time() {
    return time;
  }

  List<Sent> sent() {
    return sent;
  }

  List<IceEvent> events() {
    return events;
  }

  <E extends IceEvent> List<E> events(Class<E> kind) {
    return events.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  List<IceRequest> requests() {
    return requests;
  }

  <R extends IceRequest> List<R> requests(Class<R> kind) {
    return requests.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  List<Delivered> delivered() {
    return delivered;
  }

  /** The candidates that the agent wanted told, in order, over all streams and generations. */
  List<Candidate> gathered() {
    return events(IceEvent.CandidateGathered.class).stream()
        .map(IceEvent.CandidateGathered::candidate)
        .toList();
  }

  /** The sockets that are bound now, in the order in which they were asked for. */
  List<TransportAddress> bases() {
    return List.copyOf(bound);
  }

  /** The connections to TURN servers that stand now, in the order in which they were asked for. */
  List<FiveTuple> connections() {
    return List.copyOf(connections);
  }

  /** A connection breaks. */
  void breakConnection(FiveTuple path) {
    connections.remove(path);
    call(now -> agent.handleDisconnected(path, "reset", now));
  }

  /** The only socket. */
  TransportAddress base() {
    if (bound.size() != 1) {
      throw new AssertionError("bases are " + bound);
    }
    return bound.get(0);
  }

  /** The Binding requests that the agent sent first, without retransmissions, in order. */
  List<Sent> transactions() {
    List<Sent> first = new ArrayList<>();
    Stream<Sent> all = sent.stream().filter(Sent::isBindingRequest);
    all.filter(each -> first.stream()
            .noneMatch(
                seen -> seen.message().transactionId().equals(each.message().transactionId())))
        .forEach(first::add);
    return first;
  }

  // the outbox

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    ByteBuffer whole = ByteBuffer.allocate(header.remaining() + payload.remaining());
    whole.put(header.duplicate()).put(payload.duplicate()).flip();
    sent.add(new Sent(time.now(), path, whole.asReadOnlyBuffer()));
    networks.forEach(network -> network.accept(path, whole.asReadOnlyBuffer()));
  }

  @Override
  public void deliver(int stream, int component, ByteBuffer payload) {
    ByteBuffer copy =
        ByteBuffer.allocate(payload.remaining()).put(payload.duplicate()).flip();
    delivered.add(new Delivered(time.now(), stream, component, copy));
  }

  @Override
  public void event(IceEvent event) {
    events.add(event);
  }

  @Override
  public void request(IceRequest request) {
    requests.add(request);
    if (request instanceof IceRequest.Close close) {
      bound.remove(close.base());
    } else if (answers && request instanceof IceRequest.Open open) {
      toDo.add(now -> open(open, now));
    } else if (answers && request instanceof IceRequest.Connect connect) {
      toDo.add(now -> connect(connect, now));
    } else if (request instanceof IceRequest.Disconnect disconnect) {
      connections.remove(disconnect.path());
    } else if (answers && request instanceof IceRequest.Resolve resolve) {
      toDo.add(
          now -> agent.handleResolved(resolve, names.getOrDefault(resolve.name(), List.of()), now));
    }
  }

  /** Does what the agent asked for: connects to a server. */
  void connect(IceRequest.Connect connect, long now) {
    TransportAddress server = connect.server();
    if (refusing.contains(server)) {
      agent.handleConnectFailed(connect, "refused", now);
    } else if (!silent.contains(server)) {
      FiveTuple path =
          new FiveTuple(new TransportAddress(connect.local(), ++port, server.transport()), server);
      connections.add(path);
      agent.handleConnected(connect, path, now);
    }
  }

  /** Does what the agent asked for: binds a socket. */
  void open(IceRequest.Open open, long now) {
    TransportAddress base = TransportAddress.udp(open.address().address(), ++port);
    bound.add(base);
    agent.handleOpened(open, base, now);
  }
}

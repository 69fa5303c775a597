package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.TurnListener.Kind;
import dev.frazil.netty.Wire.StreamWire;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Four machines that share a service's addresses: to clients they are one. */
class TurnShardsTest {
  private static final int SHARDS = 4;
  private static final int MANY = 40;
  private static final int CHANNEL = 0x4001;

  private IceRuntime runtime = IceRuntime.builder().eventLoops(SHARDS).build();
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    runtime.close();
  }

  static Stream<Arguments> kindsAndEngines() {
    return Stream.of(Kind.values())
        .flatMap(kind -> engines().map(engine -> Arguments.of(kind, engine)));
  }

  private void runOn(IoTransport engine) {
    runtime.close();
    runtime = IceRuntime.builder().eventLoops(SHARDS).transport(engine).build();
  }

  private TurnService start(Kind kind, Consumer<TurnServerConfiguration.Builder> said)
      throws Exception {
    TurnServiceSettings settings = TurnServices.settings("127.0.0.1", said)
        .listen(kind, "127.0.0.1", 0)
        .shards(SHARDS)
        .build();
    return Loopback.await(TurnService.start(runtime, settings, event -> {}));
  }

  private RawTurnClient client(TurnService service) throws Exception {
    RawTurnClient client = RawTurnClient.of(service.listeners().get(0), TurnServices.USER);
    open.add(client);
    return client;
  }

  private List<RawTurnClient> clients(TurnService service, int count) throws Exception {
    List<RawTurnClient> clients = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      clients.add(client(service));
    }
    return clients;
  }

  private DatagramSocket peer() throws Exception {
    DatagramSocket peer = Loopback.socket("127.0.0.1");
    open.add(peer);
    return peer;
  }

  private static TransportAddress address(DatagramSocket socket) {
    return SocketAddresses.toUdp((InetSocketAddress) socket.getLocalSocketAddress(), 0);
  }

  private static void relays(RawTurnClient client, DatagramSocket peer, int mark) throws Exception {
    client.channelData(CHANNEL, new byte[] {(byte) mark, 2, 3});
    DatagramPacket packet = Loopback.receive(peer);
    assertThat(packet.getData()[0]).isEqualTo((byte) mark);
    peer.send(new DatagramPacket(
        packet.getData(), packet.getLength(), (InetSocketAddress) packet.getSocketAddress()));
    assertThat(client.receive().position(4))
        .isEqualTo(ByteBuffer.wrap(new byte[] {(byte) mark, 2, 3}));
  }

  @ParameterizedTest
  @MethodSource("kindsAndEngines")
  void portOfAnotherServerIsNotShared(Kind kind, IoTransport engine) throws Exception {
    runOn(engine);
    TransportAddress taken = start(kind, builder -> {}).listeners().get(0).address();
    TurnServiceSettings settings = TurnServices.settings("127.0.0.1", builder -> {})
        .listen(kind, "127.0.0.1", taken.port())
        .shards(SHARDS)
        .build();
    assertThat(TurnService.start(runtime, settings, event -> {}))
        .failsWithin(Duration.ofSeconds(Loopback.LIMIT_SECONDS))
        .withThrowableThat()
        .havingCause()
        .isInstanceOf(IOException.class)
        .withMessageContaining("in use");
  }

  @ParameterizedTest
  @MethodSource("kindsAndEngines")
  void clientsAreSharedOutAndServedAlike(Kind kind, IoTransport engine) throws Exception {
    runOn(engine);
    TurnService service = start(kind, builder -> {});
    DatagramSocket peer = peer();
    List<RawTurnClient> clients = clients(service, MANY / 2);
    for (RawTurnClient client : clients) {
      client.allocate();
      assertThat(client.bind(CHANNEL, address(peer))).isZero();
    }
    for (int i = 0; i < clients.size(); i++) {
      relays(clients.get(i), peer, i);
    }
    List<TurnServer.Session> sessions = Loopback.await(service.sessions());
    assertThat(sessions).extracting(TurnServer.Session::id).doesNotHaveDuplicates();
    assertThat(sessions.stream().map(each -> TurnServer.shardOf(each.id())).distinct())
        .hasSizeGreaterThan(1);
    assertThat(Loopback.await(service.statistics()).server().allocations())
        .isEqualTo(clients.size());

    TurnServer.Session last = sessions.get(sessions.size() - 1);
    assertThat(Loopback.await(service.end(last.id()))).isTrue();
    assertThat(Loopback.await(service.sessions())).hasSize(clients.size() - 1);
    CompletableFuture<Void> drained = service.drain();
    assertThat(drained).isNotDone();
    for (RawTurnClient client : clients) {
      client.release();
    }
    Loopback.await(drained);
  }

  private List<Integer> allocateAtOnce(TurnService service) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(MANY);
    open.add(threads::shutdownNow);
    List<CompletableFuture<Integer>> codes = new ArrayList<>();
    for (RawTurnClient client : clients(service, MANY)) {
      codes.add(CompletableFuture.supplyAsync(
          () -> {
            try {
              return RawTurnClient.code(client.allocate(builder -> {}));
            } catch (Exception e) {
              throw new IllegalStateException(e);
            }
          },
          threads));
    }
    List<Integer> all = new ArrayList<>();
    for (CompletableFuture<Integer> code : codes) {
      all.add(Loopback.await(code));
    }
    return all;
  }

  @Test
  @Tag("TURN-2230")
  void quotasOfUsersAreExactOverAllMachines() throws Exception {
    List<Integer> codes = allocateAtOnce(start(Kind.UDP, builder -> builder.allocations(1000, 7)));
    assertThat(codes).filteredOn(code -> code == 0).hasSize(7);
    assertThat(codes)
        .filteredOn(code -> code == ErrorCode.ALLOCATION_QUOTA_REACHED)
        .hasSize(MANY - 7);
  }

  @Test
  @Tag("TURN-2230")
  void quotaOfTheServerIsExactOverAllMachinesAndFreedOnceEach() throws Exception {
    TurnService service = start(Kind.UDP, builder -> builder.allocations(11, 1000));
    assertThat(allocateAtOnce(service)).filteredOn(code -> code == 0).hasSize(11);
    for (TurnServer.Session session : Loopback.await(service.sessions())) {
      assertThat(Loopback.await(service.end(session.id()))).isTrue();
    }
    assertThat(allocateAtOnce(service)).filteredOn(code -> code == 0).hasSize(11);
  }

  private static final Consumer<TurnServerConfiguration.Builder> MOBILE =
      builder -> builder.mobility(true).tcp(true);

  @ParameterizedTest
  @MethodSource("kindsAndEngines")
  @Tag("TURN-1610")
  void clientMovesToWhicheverMachineHearsIt(Kind kind, IoTransport engine) throws Exception {
    runOn(engine);
    TurnService service = start(kind, MOBILE);
    DatagramSocket peer = peer();
    RawTurnClient client = client(service);
    StunMessage made = client.allocate(
        builder -> builder.put(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(0)));
    TransportAddress relayed = made.get(AttributeType.XOR_RELAYED_ADDRESS);
    ByteBuffer ticket = ticket(made);
    assertThat(client.bind(CHANNEL, address(peer))).isZero();
    for (int move = 0; move < 8; move++) {
      relays(client, peer, move);
      RawTurnClient next = client(service);
      ByteBuffer shown = ticket;
      StunMessage moved = next.request(
          Method.REFRESH, builder -> builder.put(AttributeType.MOBILITY_TICKET, shown));
      assertThat(RawTurnClient.code(moved)).as("move " + move).isZero();
      ticket = ticket(moved);
      client = next;
    }
    relays(client, peer, 99);
    assertThat(Loopback.await(service.sessions()))
        .singleElement()
        .satisfies(session -> assertThat(session.relayed()).containsExactly(relayed));
    assertThat(client.release()).isZero();
    assertThat(Loopback.await(service.sessions())).isEmpty();
  }

  private static ByteBuffer ticket(StunMessage message) {
    ByteBuffer ticket = message.get(AttributeType.MOBILITY_TICKET);
    return ByteBuffer.allocate(ticket.remaining()).put(ticket).flip();
  }

  @ParameterizedTest
  @MethodSource("kindsAndEngines")
  @Tag("TURN-0400")
  void reservedPortIsGivenOutByTheMachineThatHasIt(Kind kind, IoTransport engine) throws Exception {
    runOn(engine);
    TurnService service = start(kind, builder -> {});
    for (int i = 0; i < 6; i++) {
      StunMessage first =
          client(service).allocate(builder -> builder.put(AttributeType.EVEN_PORT, true));
      long token = first.longValue(AttributeType.RESERVATION_TOKEN, 0);
      StunMessage second =
          client(service).allocate(builder -> builder.put(AttributeType.RESERVATION_TOKEN, token));
      assertThat(RawTurnClient.code(second)).isZero();
      assertThat(second.get(AttributeType.XOR_RELAYED_ADDRESS).port())
          .isEqualTo(first.get(AttributeType.XOR_RELAYED_ADDRESS).port() + 1);
    }
  }

  static Stream<Arguments> streamsAndEngines() {
    return Stream.of(Kind.TCP, Kind.TLS)
        .flatMap(kind -> engines().map(engine -> Arguments.of(kind, engine)));
  }

  private static Stream<IoTransport> engines() {
    return Loopback.transports().filter(engine -> engine != IoTransport.IO_URING);
  }

  @ParameterizedTest
  @MethodSource("streamsAndEngines")
  @Tag("TURN-1440")
  void streamGoesToTheMachineThatHasItsPeer(Kind kind, IoTransport engine) throws Exception {
    runOn(engine);
    TurnService service = start(kind, MOBILE);
    RawTurnClient control = client(service);
    assertThat(RawTurnClient.code(control.request(
            Method.ALLOCATE, builder -> builder.put(AttributeType.REQUESTED_TRANSPORT, 6))))
        .isZero();
    for (int i = 0; i < 6; i++) {
      ServerSocket listening = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
      open.add(listening);
      TransportAddress address = TransportAddress.udp("127.0.0.1", listening.getLocalPort());
      StunMessage connected = control.request(
          Method.CONNECT, builder -> builder.put(AttributeType.XOR_PEER_ADDRESS, address));
      assertThat(RawTurnClient.code(connected)).isZero();
      int id = connected.intValue(AttributeType.CONNECTION_ID, 0);
      RawTurnClient data = client(service);
      assertThat(RawTurnClient.code(data.request(
              Method.CONNECTION_BIND, builder -> builder.put(AttributeType.CONNECTION_ID, id))))
          .isZero();
      Socket client = ((StreamWire) data.wire()).socket();
      Socket peer = listening.accept();
      open.add(peer);
      client.getOutputStream().write("to the peer".getBytes(StandardCharsets.US_ASCII));
      assertThat(peer.getInputStream().readNBytes(11))
          .asString(StandardCharsets.US_ASCII)
          .isEqualTo("to the peer");
      peer.getOutputStream().write("and back".getBytes(StandardCharsets.US_ASCII));
      assertThat(client.getInputStream().readNBytes(8))
          .asString(StandardCharsets.US_ASCII)
          .isEqualTo("and back");
    }
  }

  @Test
  void withIoUringThereIsOneMachine() throws Exception {
    Assumptions.assumeTrue(Loopback.transports().anyMatch(IoTransport.IO_URING::equals));
    runOn(IoTransport.IO_URING);
    TurnService service = start(Kind.TCP, builder -> {});
    for (RawTurnClient client : clients(service, 8)) {
      client.allocate();
    }
    assertThat(Loopback.await(service.sessions()))
        .allMatch(session -> TurnServer.shardOf(session.id()) == 0);
  }

  @Test
  void forgedNameLeadsNowhere() throws Exception {
    TurnService service = start(Kind.UDP, MOBILE);
    for (int shard = 0; shard < 256; shard += 17) {
      byte[] ticket = new byte[25];
      ticket[0] = (byte) shard;
      StunMessage answer = client(service)
          .request(
              Method.REFRESH,
              builder -> builder.put(AttributeType.MOBILITY_TICKET, ByteBuffer.wrap(ticket)));
      assertThat(RawTurnClient.code(answer)).isEqualTo(ErrorCode.ALLOCATION_MISMATCH);
    }
  }
}

package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.SendResult;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.TurnListener.Kind;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@link TurnClient} and {@link IceSession} through {@link TurnService}, with nothing in between. */
class TurnClientAndServiceTest {
  private static final int SHARDS = 4;

  private final IceRuntime runtime = IceRuntime.builder().eventLoops(SHARDS).build();
  private final Certificates certificates = certificates();
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    runtime.close();
  }

  private static Certificates certificates() {
    try {
      return new Certificates();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private TurnService serve(
      Kind kind, int shards, Consumer<TurnServerConfiguration.Builder> settings) throws Exception {
    TurnServiceSettings all = TurnServices.settings("127.0.0.1", settings)
        .identity(TurnServices.identity(certificates.issueForAddress("127.0.0.1")))
        .listen(kind, "127.0.0.1", 0)
        .shards(shards)
        .build();
    return Loopback.await(TurnService.start(runtime, all, event -> {}));
  }

  private static String uri(TurnService service) {
    TurnListener listener = service.listeners().get(0);
    return (listener.kind().isSecure() ? "turns" : "turn") + ":127.0.0.1:"
        + listener.address().port() + "?transport="
        + listener.kind().transport().name().toLowerCase(Locale.ROOT);
  }

  private KeyStore trusted() throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    store.setCertificateEntry("authority", certificates.authority.getCertificate());
    return store;
  }

  private TurnClient client(TurnService service, UnaryOperator<TurnClientBuilder> settings)
      throws Exception {
    TurnClientBuilder builder = TurnClient.builder(runtime, uri(service))
        .credential(TurnServices.USER.username(), TurnServices.USER.password())
        .trustedAuthorities(trusted());
    TurnClient client = settings.apply(builder).open();
    open.add(client);
    return client;
  }

  /** What a client hears, with the address that it is from. */
  private record Heard(TransportAddress from, String text) {}

  private static TurnClient.DataHandler into(BlockingQueue<Heard> heard) {
    return (peer, payload) ->
        heard.add(new Heard(peer, StandardCharsets.US_ASCII.decode(payload).toString()));
  }

  private static Heard next(BlockingQueue<Heard> heard) throws InterruptedException {
    return heard.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  private static ByteBuffer bytes(String text) {
    return StandardCharsets.US_ASCII.encode(text);
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void clientOfEachTransportExchangesDataWithAPeer(Kind kind) throws Exception {
    TurnService service = serve(kind, 1, builder -> {});
    BlockingQueue<Heard> heard = new LinkedBlockingQueue<>();
    TurnClient client = client(service, builder -> builder.onData(into(heard)));
    TurnClient.Allocation allocation = Loopback.await(client.allocated());
    assertThat(allocation.certificate() != null).isEqualTo(kind.isSecure());
    try (DatagramSocket socket = Loopback.socket("127.0.0.1")) {
      TransportAddress peer =
          SocketAddresses.toUdp((InetSocketAddress) socket.getLocalSocketAddress(), 0);
      Loopback.await(client.permit(List.of(peer)));
      assertThat(client.send(peer, bytes("hello"))).isTrue();
      DatagramPacket packet = Loopback.receive(socket);
      assertThat(SocketAddresses.toUdp((InetSocketAddress) packet.getSocketAddress(), 0))
          .isEqualTo(allocation.relayed().get(0));
      socket.send(new DatagramPacket("world".getBytes(), 5, packet.getSocketAddress()));
      assertThat(next(heard)).isEqualTo(new Heard(peer, "world"));
    }
    client.close();
    Loopback.await(client.closed());
    assertThat(Loopback.await(service.sessions())).isEmpty();
  }

  @Test
  void sessionsMeetThroughAServerOfDtls() throws Exception {
    TurnService service = serve(Kind.DTLS, 1, builder -> {});
    KeyStore authorities = trusted();
    UnaryOperator<IceSessionBuilder> settings = builder -> builder
        .turnServer(uri(service), TurnServices.USER.username(), TurnServices.USER.password())
        .trustedAuthorities(authorities)
        .candidateTypes(Set.of(CandidateType.RELAYED));
    try (Pair pair = new Pair(runtime, settings)) {
      pair.connect();
      assertThat(pair.leftEvents)
          .filteredOn(IceEvent.CandidateGathered.class::isInstance)
          .extracting(event -> ((IceEvent.CandidateGathered) event).candidate().type())
          .containsExactly(CandidateType.RELAYED);
      for (int length : new int[] {3, 1001}) {
        assertThat(pair.left.send(ByteBuffer.allocate(length))).isEqualTo(SendResult.SENT);
        ByteBuffer into = ByteBuffer.allocate(2000);
        assertThat(pair.right.receive(into, Duration.ofSeconds(10))).isEqualTo(length);
      }
      assertThat(Loopback.await(service.sessions())).hasSize(2);
    }
    Wait.until(() -> sessions(service).isEmpty());
  }

  private static List<TurnServer.Session> sessions(TurnService service) {
    try {
      return Loopback.await(service.sessions());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private TurnClient tcpClient(TurnService service, BlockingQueue<TurnStream> incoming)
      throws Exception {
    return client(
        service,
        builder -> builder
            .configure(settings -> settings.transport(Transport.TCP))
            .onStream(incoming::add));
  }

  /** Sends, hears the other side's answer, and sees the end that the other side makes. */
  private static void converse(TurnStream stream, Socket peer) throws Exception {
    ByteArrayOutputStream heard = new ByteArrayOutputStream();
    CompletableFuture<String> whole = new CompletableFuture<>();
    stream.receive(bytes -> {
      while (bytes.hasRemaining()) {
        heard.write(bytes.get());
      }
      if (heard.size() == 100_000) {
        whole.complete(heard.toString(StandardCharsets.US_ASCII));
      }
    });
    Loopback.await(stream.send(bytes("to the peer")));
    assertThat(peer.getInputStream().readNBytes(11))
        .asString(StandardCharsets.US_ASCII)
        .isEqualTo("to the peer");
    String answer = "0123456789".repeat(10_000);
    peer.getOutputStream().write(answer.getBytes(StandardCharsets.US_ASCII));
    assertThat(Loopback.await(whole)).isEqualTo(answer);
    peer.close();
    Loopback.await(stream.closed());
  }

  private ServerSocket listening() throws IOException {
    ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
    open.add(socket);
    return socket;
  }

  @ParameterizedTest
  @EnumSource(
      value = Kind.class,
      names = {"TCP", "TLS"})
  @Tag("TURN-1440")
  void streamsAreOpenedByTheClientAndByThePeer(Kind kind) throws Exception {
    TurnService service = serve(kind, 1, builder -> builder.tcp(true));
    BlockingQueue<TurnStream> incoming = new LinkedBlockingQueue<>();
    TurnClient client = tcpClient(service, incoming);
    TransportAddress relayed = Loopback.await(client.allocated()).relayed().get(0);
    Loopback.await(client.permit(List.of(TransportAddress.udp("127.0.0.1", 0))));

    ServerSocket listening = listening();
    TransportAddress peer = TransportAddress.udp("127.0.0.1", listening.getLocalPort());
    TurnStream stream = Loopback.await(client.connect(peer));
    assertThat(stream.isIncoming()).isFalse();
    try (Socket accepted = listening.accept()) {
      assertThat(accepted.getPort()).isEqualTo(relayed.port());
      converse(stream, accepted);
    }
    try (Socket opened = new Socket("127.0.0.1", relayed.port())) {
      TurnStream other = incoming.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS);
      assertThat(other.isIncoming()).isTrue();
      assertThat(other.peer().port()).isEqualTo(opened.getLocalPort());
      converse(other, opened);
    }
  }

  /** The relayed address of one machine is a peer of another's, whatever the sockets and event loops in between. */
  @Test
  void clientsOfTwoMachinesReachEachOthersRelayedAddresses() throws Exception {
    TurnService service = serve(Kind.UDP, SHARDS, builder -> {});
    List<BlockingQueue<Heard>> heard = new ArrayList<>();
    List<TurnClient> clients = new ArrayList<>();
    while (machines(service) < 2) {
      BlockingQueue<Heard> queue = new LinkedBlockingQueue<>();
      TurnClient client = client(service, builder -> builder.onData(into(queue)));
      Loopback.await(client.allocated());
      heard.add(queue);
      clients.add(client);
    }
    int last = clients.size() - 1; // the first one of a second machine
    TransportAddress first =
        Loopback.await(clients.get(0).allocated()).relayed().get(0);
    TransportAddress second =
        Loopback.await(clients.get(last).allocated()).relayed().get(0);
    Loopback.await(clients.get(0).permit(List.of(second)));
    Loopback.await(clients.get(last).permit(List.of(first)));
    for (boolean channels : new boolean[] {false, true}) {
      clients.get(0).send(second, bytes("there"));
      assertThat(next(heard.get(last))).isEqualTo(new Heard(first, "there"));
      clients.get(last).send(first, bytes("back"));
      assertThat(next(heard.get(0))).isEqualTo(new Heard(second, "back"));
      if (!channels) {
        clients.get(0).bind(second);
        clients.get(last).bind(first);
      }
    }
  }

  private static long machines(TurnService service) {
    return sessions(service).stream()
        .map(each -> TurnServer.shardOf(each.id()))
        .distinct()
        .count();
  }
}

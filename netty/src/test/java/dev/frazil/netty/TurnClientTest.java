package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.CertificateTrust;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.turn.TurnEvent;
import dev.frazil.turn.TurnServerConfiguration;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class TurnClientTest {
  private static final String USER = TurnServices.USER.username();
  private static final String PASSWORD = TurnServices.USER.password();

  private final IceRuntime runtime = IceRuntime.create();
  private final BlockingQueue<TransportAddress> from = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> data = new LinkedBlockingQueue<>();
  private final BlockingQueue<TurnEvent> events = new LinkedBlockingQueue<>();

  @AfterEach
  void close() {
    runtime.close();
  }

  private TurnService serve(Consumer<TurnServerConfiguration.Builder> more) throws Exception {
    TurnServiceSettings settings = TurnServiceSettings.builder(
            TurnServices.configuration("127.0.0.1", 2000, more))
        .listen(TurnListener.Kind.UDP, "127.0.0.1", 0)
        .listen(TurnListener.Kind.TCP, "127.0.0.1", 0)
        .build();
    return Loopback.await(TurnService.start(runtime, settings, event -> {}));
  }

  private TurnService serve() throws Exception {
    return serve(builder -> {});
  }

  private static int port(TurnService service, TurnListener.Kind kind) {
    return service.listeners().stream()
        .filter(each -> each.kind() == kind)
        .findAny()
        .orElseThrow()
        .address()
        .port();
  }

  private static String uri(TurnService service, TurnListener.Kind kind) {
    return "turn:127.0.0.1:" + port(service, kind) + "?transport=" + kind;
  }

  private TurnClientBuilder builder(String uri) {
    return TurnClient.builder(runtime, uri)
        .credential(USER, PASSWORD)
        .onEvent(events::add)
        .onData((peer, payload) -> {
          byte[] bytes = new byte[payload.remaining()];
          payload.get(bytes);
          from.add(peer);
          data.add(new String(bytes));
        });
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes());
  }

  private static TransportAddress address(DatagramSocket socket) {
    return SocketAddresses.toUdp((InetSocketAddress) socket.getLocalSocketAddress(), 0);
  }

  private String next() throws InterruptedException {
    return data.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  private static TurnClient.Refused refusal(CompletableFuture<?> future) throws Exception {
    try {
      Loopback.await(future);
      throw new AssertionError("it was not refused");
    } catch (ExecutionException e) {
      return (TurnClient.Refused) e.getCause();
    }
  }

  /** There and back, through a peer that answers. */
  private void exchange(TurnClient client, DatagramSocket peer) throws Exception {
    TurnClient.Allocation allocation = Loopback.await(client.allocated());
    Loopback.await(client.permit(List.of(address(peer))));
    assertThat(client.send(address(peer), bytes("hello"))).isTrue();
    DatagramPacket packet = Loopback.receive(peer);
    assertThat(new String(packet.getData(), 0, packet.getLength())).isEqualTo("hello");
    assertThat(SocketAddresses.toUdp((InetSocketAddress) packet.getSocketAddress(), 0))
        .isEqualTo(allocation.relayed().get(0));
    peer.send(new DatagramPacket("world".getBytes(), 5, packet.getSocketAddress()));
    assertThat(next()).isEqualTo("world");
    assertThat(from.poll()).isEqualTo(address(peer));
  }

  @ParameterizedTest
  @EnumSource(
      value = TurnListener.Kind.class,
      names = {"UDP", "TCP"})
  void dataGoesThroughTheRelayAndBack(TurnListener.Kind kind) throws Exception {
    TurnService service = serve();
    try (DatagramSocket peer = Loopback.socket("127.0.0.1")) {
      TurnClient client = builder(uri(service, kind)).open();
      exchange(client, peer);
      TurnClient.Allocation allocation = Loopback.await(client.allocated());
      assertThat(allocation.path().remote().port()).isEqualTo(port(service, kind));
      assertThat(allocation.mapped().port()).isEqualTo(allocation.path().local().port());
      assertThat(allocation.times().allocate()).isPositive();

      client.bind(address(peer));
      Wait.until(() -> events.stream().anyMatch(TurnEvent.ChannelBound.class::isInstance));
      exchange(client, peer);
      assertThat(Loopback.await(client.statistics()).packetsSent()).isEqualTo(2);

      client.close();
      Loopback.await(client.closed());
      assertThat(Loopback.await(service.sessions())).isEmpty();
      assertThat(client.send(address(peer), bytes("late"))).isTrue(); // on its way to the loop
      assertThat(refusal(client.permit(List.of(address(peer)))).getMessage()).isNotEmpty();
    }
  }

  @Test
  void tlsServerIsAskedByItsName() throws Exception {
    Certificates certificates = new Certificates();
    X509Bundle identity = certificates.issue("localhost");
    TurnService service = serve();
    try (DatagramSocket peer = Loopback.socket("127.0.0.1");
        ServerSocket tls = tlsBefore(service, identity)) {
      String uri = "turns:localhost:" + tls.getLocalPort();
      byte[] sha256 = CertificateTrust.sha256(identity.getCertificate());
      TurnClient client = builder(uri).pinnedCertificate(sha256).open();
      exchange(client, peer);
      assertThat(Loopback.await(client.allocated()).certificate())
          .isEqualTo(identity.getCertificate());

      TurnClient.Refused refused = refusal(builder(uri).open().allocated());
      assertThat(refused).hasMessageContaining("issuer is not trusted: CN=Test Authority");
      assertThat(refused.certificate()).isEqualTo(identity.getCertificate());

      Path pem = certificates.authority.toTempRootCertPem().toPath();
      Loopback.await(builder(uri).trustedAuthorities(pem).open().allocated());
    }
  }

  /** Takes TLS off in front of a server of TCP. */
  private static ServerSocket tlsBefore(TurnService service, X509Bundle identity) throws Exception {
    ServerSocket listening = Certificates.context(identity)
        .getServerSocketFactory()
        .createServerSocket(0, 5, InetAddress.getByName("127.0.0.1"));
    int port = port(service, TurnListener.Kind.TCP);
    daemon(() -> {
      while (true) {
        Socket client = listening.accept();
        Socket server = new Socket("127.0.0.1", port);
        daemon(() -> client.getInputStream().transferTo(server.getOutputStream()));
        daemon(() -> server.getInputStream().transferTo(client.getOutputStream()));
      }
    });
    return listening;
  }

  private interface Task {
    void run() throws IOException;
  }

  private static void daemon(Task task) {
    Thread thread = new Thread(() -> {
      try {
        task.run();
      } catch (IOException e) {
        // a socket was closed
      }
    });
    thread.setDaemon(true);
    thread.start();
  }

  /** Nobody listens at ::1, which is the first. */
  @ParameterizedTest
  @ValueSource(strings = {"udp", "tcp"})
  void nextAddressIsTriedWhereOneDoesNotAnswer(String transport) throws Exception {
    TurnService service = serve();
    TurnListener.Kind kind = TurnListener.Kind.valueOf(transport.toUpperCase(Locale.ROOT));
    String uri = "turn:localhost:" + port(service, kind) + "?transport=" + transport;
    TurnClient client = builder(uri).open();
    assertThat(Loopback.await(client.allocated()).path().remote().ip())
        .isEqualTo(IpAddress.parse("127.0.0.1"));
  }

  /** A socket that swallows everything, as a firewall does. */
  @Test
  void silentAddressIsLeftForTheNext() throws Exception {
    TurnService service = serve();
    int port = port(service, TurnListener.Kind.UDP);
    try (DatagramSocket silent = new DatagramSocket(new InetSocketAddress("::1", port))) {
      TurnClient client = builder("turn:localhost:" + port).open();
      assertThat(Loopback.await(client.allocated()).path().remote().ip())
          .isEqualTo(IpAddress.parse("127.0.0.1"));
      Loopback.receive(silent); // it was asked
    }
  }

  @Test
  void refusalsAreToldInWords() throws Exception {
    TurnService service = serve();
    String uri = uri(service, TurnListener.Kind.UDP);
    TurnClient.Refused wrong =
        refusal(builder(uri).credential(USER, "wrong").open().allocated());
    assertThat(wrong.error().code()).isEqualTo(401);
    assertThat(wrong).hasMessageContaining("401");

    TurnClient client = builder(uri).open();
    TurnClient.Refused denied =
        refusal(client.permit(List.of(TransportAddress.udp("192.168.1.1", 0))));
    assertThat(denied).hasMessage("the server refuses: 403 Forbidden");

    assertThat(refusal(builder("turn:no-such-host.invalid").open().allocated()))
        .hasMessageContaining("can't be resolved");
    int dead;
    try (ServerSocket socket = new ServerSocket(0)) {
      dead = socket.getLocalPort();
    }
    assertThat(
            refusal(builder("turn:127.0.0.1:" + dead + "?transport=tcp").open().allocated()))
        .hasMessageContaining("nobody listens on that port");
    assertThat(refusal(builder("turn:127.0.0.1:" + dead).open().allocated()))
        .isInstanceOf(TurnClient.Refused.class);
  }

  @Test
  void whatIsNoTurnServerIsRefusedAtOnce() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TurnClient.builder(runtime, "stun:127.0.0.1"))
        .withMessageContaining("must be turn: or turns:");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TurnClient.builder(runtime, "turn:127.0.0.1?transport=sctp"))
        .withMessageContaining("must be udp or tcp");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TurnClient.builder(runtime, "turn:127.0.0.1")
            .configure(builder -> builder.transport(Transport.TCP).dontFragment(true))
            .open());
  }

  @Test
  void tcpAllocationTakesAStream() throws Exception {
    TurnService service = serve();
    TurnClient client = builder(uri(service, TurnListener.Kind.UDP))
        .configure(builder -> builder.transport(Transport.TCP))
        .open();
    assertThat(refusal(client.allocated())).hasMessageContaining("takes a stream");
  }

  @Test
  void allocationMovesToAnotherAddress() throws Exception {
    TurnService service = serve(builder -> builder.mobility(true));
    try (DatagramSocket peer = Loopback.socket("127.0.0.1")) {
      TurnClient client = builder(uri(service, TurnListener.Kind.UDP))
          .configure(builder -> builder.mobility(true))
          .open();
      exchange(client, peer);
      TurnClient.Allocation allocation = Loopback.await(client.allocated());
      assertThat(allocation.mobile()).isTrue();

      FiveTuple moved = Loopback.await(client.move(IpAddress.parse("127.0.0.2")));
      assertThat(moved.local().ip()).isEqualTo(IpAddress.parse("127.0.0.2"));
      exchange(client, peer);
      assertThat(Loopback.await(service.sessions()))
          .singleElement()
          .satisfies(session -> assertThat(session.client().remote()).isEqualTo(moved.local()));
    }
  }

  @Test
  void moveOfAnAllocationThatIsNotMobileFails() throws Exception {
    TurnClient client = builder(uri(serve(), TurnListener.Kind.UDP)).open();
    Loopback.await(client.allocated());
    assertThatExceptionOfType(ExecutionException.class)
        .isThrownBy(() -> Loopback.await(client.move(null)))
        .withCauseInstanceOf(IllegalStateException.class);
  }

  @Test
  void brokenConnectionIsTold() throws Exception {
    TurnService service = serve();
    TurnClient client = builder(uri(service, TurnListener.Kind.TCP)).open();
    Loopback.await(client.allocated());
    service.close();
    Wait.until(() -> events.stream().anyMatch(TurnEvent.Lost.class::isInstance));
  }

  @Test
  void clientThatIsClosedEarlyGetsNothing() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      TurnClient client =
          builder("turn:127.0.0.1:" + silent.getLocalPort() + "?transport=tcp").open();
      try (Socket connection = silent.accept()) {
        client.close();
        client.close();
        Loopback.await(client.closed());
        assertThat(refusal(client.allocated())).hasMessage("the client was closed");
        connection.setSoTimeout((int) TimeUnit.SECONDS.toMillis(Loopback.LIMIT_SECONDS));
        connection.getInputStream().readAllBytes(); // ends when the client has closed
      }
    }
  }

  @Test
  void runtimeThatEndsEndsItsClients() throws Exception {
    IceRuntime own = IceRuntime.create();
    TurnService service = serve();
    TurnClient client = TurnClient.builder(own, uri(service, TurnListener.Kind.UDP))
        .credential(USER, PASSWORD)
        .open();
    Loopback.await(client.allocated());
    own.close();
    Loopback.await(client.closed());
  }
}

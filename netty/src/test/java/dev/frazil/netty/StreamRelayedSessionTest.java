package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.SendResult;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.turn.TurnServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Sessions that reach each other through a TURN server which they reach by TCP, by TLS or through a proxy. */
class StreamRelayedSessionTest {
  private final IceRuntime runtime = IceRuntime.builder().eventLoops(1).build();
  private TurnService server;
  private int port;

  @BeforeEach
  void start() throws Exception {
    server = Loopback.await(TurnService.start(
        runtime, TurnServices.settings(TurnListener.Kind.TCP).build(), event -> {}));
    port = server.listeners().get(0).address().port();
  }

  @AfterEach
  void close() {
    runtime.close();
  }

  private List<TurnServer.Session> allocations() {
    try {
      return Loopback.await(server.sessions());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static IceSessionBuilder relayOnly(IceSessionBuilder settings, String uri) {
    return settings
        .turnServer(uri, TurnServices.USER.username(), TurnServices.USER.password())
        .candidateTypes(Set.of(CandidateType.RELAYED));
  }

  private void exchange(UnaryOperator<IceSessionBuilder> settings) throws Exception {
    try (Pair pair = new Pair(runtime, settings)) {
      pair.connect();
      assertThat(pair.leftEvents)
          .filteredOn(IceEvent.CandidateGathered.class::isInstance)
          .extracting(event -> ((IceEvent.CandidateGathered) event).candidate())
          .extracting(Candidate::type)
          .containsExactly(CandidateType.RELAYED);
      for (int length : new int[] {3, 1001}) {
        assertThat(pair.left.send(ByteBuffer.allocate(length))).isEqualTo(SendResult.SENT);
        ByteBuffer into = ByteBuffer.allocate(2000);
        assertThat(pair.right.receive(into, Duration.ofSeconds(10))).isEqualTo(length);
      }
      assertThat(allocations())
          .hasSize(2)
          .allMatch(session -> session.client().local().transport() == Transport.TCP);
    }
    Wait.until(() -> allocations().isEmpty());
  }

  @Test
  void sessionsExchangeDataOverTcpAndGiveTheirAllocationsBack() throws Exception {
    exchange(settings -> relayOnly(settings, "turn:127.0.0.1:" + port + "?transport=tcp"));
  }

  @Test
  void sessionsExchangeDataOverTls() throws Exception {
    Certificates certificates = new Certificates();
    KeyStore store = store(certificates);
    try (Pump tls = tls(certificates)) {
      exchange(settings ->
          relayOnly(settings, "turns:127.0.0.1:" + tls.port()).trustedAuthorities(store));
    }
  }

  @Test
  void serverWhoseCertificateIsNotBelievedIsNotUsedAndNamedInAWarning() throws Exception {
    try (Pump tls = tls(new Certificates());
        Pair pair =
            new Pair(runtime, settings -> relayOnly(settings, "turns:127.0.0.1:" + tls.port()))) {
      pair.start();
      String uri = "turns:127.0.0.1:" + tls.port() + "?transport=tcp";
      Wait.until(() -> Pair.told(pair.leftEvents, IceEvent.Warning.class, uri)
          && Pair.told(pair.leftEvents, IceEvent.Warning.class, "certificate"));
      Wait.until(() -> Pair.told(pair.leftEvents, IceEvent.GatheringComplete.class, ""));
    }
    assertThat(allocations()).isEmpty();
  }

  private static KeyStore store(Certificates certificates) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    store.setCertificateEntry("authority", certificates.authority.getCertificate());
    return store;
  }

  /** TLS in front of the server. */
  private Pump tls(Certificates certificates) throws Exception {
    return new Pump(
        Certificates.context(certificates.issueForAddress("127.0.0.1"))
            .getServerSocketFactory()
            .createServerSocket(0, 5, InetAddress.getByName("127.0.0.1")),
        client -> Pump.to(port));
  }

  @Test
  void streamsGoThroughAProxyThatIsSet() throws Exception {
    AtomicReference<String> asked = new AtomicReference<>("");
    try (Pump proxy = new Pump(Pump.listening(), client -> {
      asked.set(head(client));
      Socket server = Pump.to(port);
      client.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      return server;
    })) {
      exchange(settings -> relayOnly(settings, "turn:127.0.0.1:" + port + "?transport=tcp")
          .httpProxy(IpAddress.parse("127.0.0.1"), proxy.port(), null, null));
    }
    assertThat(asked.get()).startsWith("CONNECT 127.0.0.1:" + port);
  }

  private static String head(Socket client) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      head.append((char) client.getInputStream().read());
    }
    return head.toString();
  }

  @Test
  void connectionThatBreaksTakesThePathAlongAndARestartMendsIt() throws Exception {
    try (Pump way = new Pump(Pump.listening(), client -> Pump.to(port));
        Pump later = new Pump(Pump.listening(), client -> Pump.to(port));
        Pair pair = new Pair(
            runtime,
            settings -> relayOnly(settings, "turn:127.0.0.1:" + way.port() + "?transport=tcp")
                .turnServer(
                    "turn:127.0.0.1:" + later.port() + "?transport=tcp",
                    TurnServices.USER.username(),
                    TurnServices.USER.password()))) {
      pair.connect();
      way.close();
      Wait.until(() -> Pair.told(pair.leftEvents, IceEvent.RestartAdvised.class, "is lost"));
      pair.left.restart(0);
      Wait.until(() -> pair.left.path(0, 1) != null && pair.right.path(0, 1) != null);
      Wait.until(() -> {
        pair.left.send(ByteBuffer.allocate(7));
        return pair.right.receive(ByteBuffer.allocate(100), Duration.ofMillis(100)) == 7;
      });
    }
  }
}

package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TurnListener;
import dev.frazil.netty.TurnService;
import dev.frazil.netty.TurnServiceSettings;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.turn.PeerFilter;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class TurnCheckTest {
  private static final LongTermCredential USER = new LongTermCredential("anna", "open:sesame");
  private static final String ARGUMENT = "anna:open:sesame";

  private final IceRuntime runtime = IceRuntime.create();

  @AfterEach
  void close() {
    runtime.close();
  }

  private TurnService serve(Consumer<PeerFilter.Builder> peers) throws Exception {
    return serve(Relay.of(IpAddress.parse("127.0.0.1")), peers);
  }

  private TurnService serve(Relay relay, Consumer<PeerFilter.Builder> peers) throws Exception {
    PeerFilter.Builder filter = PeerFilter.builder();
    peers.accept(filter);
    return TurnService.start(
            runtime,
            TurnServiceSettings.builder(builder -> builder
                    .realm(
                        "example.org",
                        (name, realm, algorithm) ->
                            name.equals("anna") ? USER.key(realm, algorithm) : null)
                    .peerFilter(filter.build())
                    .relay(relay))
                .listen(TurnListener.Kind.UDP, "127.0.0.1", 0)
                .listen(TurnListener.Kind.TCP, "127.0.0.1", 0)
                .build(),
            event -> {})
        .get();
  }

  private static int port(TurnService service, TurnListener.Kind kind) {
    return service.listeners().stream()
        .filter(each -> each.kind() == kind)
        .findAny()
        .orElseThrow()
        .address()
        .port();
  }

  private static JsonNode row(Cli run) {
    return JsonMapper.builder().build().readTree(run.out()).get(0);
  }

  @Test
  void relayIsTestedWithThisHostAsThePeer() throws Exception {
    TurnService service = serve(filter -> filter.loopback(true));
    for (TurnListener.Kind kind : TurnListener.Kind.values()) {
      if (kind.name().equals("UDP") || kind.name().equals("TCP")) {
        String uri = "turn:127.0.0.1:" + port(service, kind) + "?transport=" + kind;
        Cli run = Cli.run("check", "--json", "--user", ARGUMENT, uri);
        JsonNode row = row(run);
        assertThat(row.path("problem").isNull()).as(run.out()).isTrue();
        assertThat(run.exit()).isZero();
        assertThat(row.path("peer").asString()).isEqualTo("this host");
        assertThat(row.path("transport").asString()).isEqualToIgnoringCase(kind.name());
        assertThat(row.path("relayed").get(0).asString()).startsWith("127.0.0.1:");
        assertThat(row.path("mapped").asString()).startsWith("127.0.0.1:");
        assertThat(row.path("allocate_ms").asDouble()).isPositive();
        assertThat(row.path("permission_ms").asDouble()).isPositive();
        assertThat(row.path("relay_ms").asDouble()).isPositive();
        assertThat(run.out()).doesNotContain("sesame");
      }
    }
    assertThat(service.sessions().get()).isEmpty(); // given back
  }

  /** Behind its relayed address, as this host knows it, nobody listens: only the server knows what it stands for. */
  @Test
  void secondAllocationIsThePeerWhereThisHostCannotBe() throws Exception {
    IpAddress bound = IpAddress.parse("127.0.0.1");
    IpAddress told = IpAddress.parse("127.0.0.9");
    TurnService service =
        serve(new Relay(bound, told, 41_000, 42_999), filter -> filter.loopback(true));
    String uri = "turn:127.0.0.1:" + port(service, TurnListener.Kind.UDP) + "?transport=udp";
    JsonNode row = row(Cli.run("check", "--json", "--timeout", "1", "--user", ARGUMENT, uri));
    assertThat(row.path("problem").isNull()).as(row.toString()).isTrue();
    assertThat(row.path("peer").asString()).isEqualTo("a second allocation");
    assertThat(row.path("relayed").get(0).asString()).startsWith("127.0.0.9:");
    assertThat(row.path("relay_ms").asDouble()).isPositive();
  }

  @Test
  void serverThatRelaysToNobodyIsNotCalledGood() throws Exception {
    TurnService service = serve(filter -> {});
    String uri = "turn:127.0.0.1:" + port(service, TurnListener.Kind.UDP) + "?transport=udp";
    Cli run = Cli.run("check", "--user", ARGUMENT, uri);
    assertThat(run.exit()).isEqualTo(1);
    assertThat(run.out())
        .contains("it relays nothing: with this host as the peer", "403 Forbidden")
        .doesNotContain("sesame");
  }

  @Test
  void bothTransportsAreTestedWhereNoneIsNamed() throws Exception {
    TurnService service = serve(filter -> filter.loopback(true));
    String uri = "turn:127.0.0.1:" + port(service, TurnListener.Kind.UDP);
    Cli run = Cli.run("check", "--user", ARGUMENT, uri);
    assertThat(run.exit()).isZero(); // one is enough
    assertThat(run.out())
        .containsPattern("udp .* relays at 127.0.0.1:")
        .containsPattern("tcp .*nobody listens on that port");
  }

  @Test
  void wrongPasswordIsSaid() throws Exception {
    TurnService service = serve(filter -> filter.loopback(true));
    String uri = "turn:127.0.0.1:" + port(service, TurnListener.Kind.TCP) + "?transport=tcp";
    Cli run = Cli.run("check", "--user", "anna:wrong", uri);
    assertThat(run.exit()).isEqualTo(1);
    assertThat(run.out()).contains("401").doesNotContain("wrong ");
    assertThat(Cli.run("check", uri).out()).contains("401");
  }

  @Test
  void silentServerIsGivenUp() throws Exception {
    try (DatagramSocket silent =
        new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
      String uri = "turn:127.0.0.1:" + silent.getLocalPort() + "?transport=udp";
      Cli run = Cli.run("check", "--timeout", "0.2", uri);
      assertThat(run.exit()).isEqualTo(1);
      assertThat(run.out()).contains("no answer to the allocation in 0.9 s");
    }
  }

  @Test
  void serverWithoutTlsIsSaid() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    Cli run = Cli.run("check", "turns:127.0.0.1:" + port);
    assertThat(run.exit()).isEqualTo(1);
    assertThat(run.out())
        .containsPattern("tls .*nobody listens on that port")
        .containsPattern("dtls .*nobody listens on that port");
  }

  @Test
  void accountWithoutAPasswordIsRefusedAndNotShown() {
    Cli run = Cli.run("check", "--user", "hunter2", "turn:127.0.0.1");
    assertThat(run.exit()).isEqualTo(2);
    assertThat(run.err())
        .contains("--user (hidden): must be NAME:PASSWORD")
        .doesNotContain("hunter2");
    assertThat(Cli.run("check", "--trust", "/nowhere.pem", "turns:127.0.0.1").err())
        .contains("--trust /nowhere.pem: can't be read");
  }
}

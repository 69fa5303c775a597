package dev.frazil.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.RestCredentials;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class FrazilServerTest {
  private static final long FAR_FUTURE = 4_000_000_000L;
  private static final LongTermCredential ALICE = new LongTermCredential("alice", "wonder");
  private static final TransportAddress PEER = TransportAddress.udp("203.0.113.9", 5000);

  private final List<FrazilServer> servers = new ArrayList<>();

  @AfterEach
  void close() {
    servers.forEach(FrazilServer::close);
  }

  private static Settings settings() {
    return new Settings()
        .set(Setting.LISTEN, List.of("127.0.0.1:0"))
        .set(Setting.USER, List.of("alice:wonder"))
        .set(Setting.SECRET, List.of("new", "old"))
        .set(Setting.STATISTICS, List.of("0"));
  }

  private FrazilServer start(Settings settings) throws Exception {
    FrazilServer server = FrazilServer.start(settings.build());
    servers.add(server);
    return server;
  }

  private static String statistics(FrazilServer server) throws Exception {
    return server.totals().get(30, TimeUnit.SECONDS).toString();
  }

  private int allocate(FrazilServer server, LongTermCredential user) throws IOException {
    try (TestClient client = new TestClient(server, user)) {
      return client.allocate();
    }
  }

  @Test
  void namedUsersAndThoseOfEverySecretMayAllocate() throws Exception {
    FrazilServer server = start(settings());
    assertThat(allocate(server, ALICE)).isZero();
    assertThat(allocate(server, RestCredentials.credential("new", FAR_FUTURE, "bob")))
        .isZero();
    assertThat(allocate(server, RestCredentials.credential("old", FAR_FUTURE, "bob")))
        .isZero();
  }

  @Test
  void engineIsTheOneThatWasChosen() throws Exception {
    FrazilServer server = start(settings().set(Setting.ENGINE, List.of("nio")));
    assertThat(server.engine()).isEqualTo("nio");
    assertThat(allocate(server, ALICE)).isZero();
  }

  @Test
  @Tag("STUN-1520")
  void alternateAddressAnswersWhereTheClientAsksForIt() throws Exception {
    for (boolean stunOnly : new boolean[] {false, true}) {
      int port = freePorts();
      Settings settings = settings()
          .set(Setting.LISTEN, List.of("127.0.0.1:" + port))
          .set(Setting.ALTERNATE, List.of("127.0.0.2:" + (port + 1)))
          .set(Setting.STUN_ONLY, List.of(Boolean.toString(stunOnly)));
      FrazilServer server = start(settings);
      server.reconfigure(
          settings() // which keeps what is bound
              .set(Setting.LISTEN, List.of("127.0.0.1:" + port))
              .set(Setting.STUN_ONLY, List.of(Boolean.toString(stunOnly)))
              .build());
      try (TestClient client = new TestClient(server, ALICE)) {
        StunMessage answer = client.once(Method.BINDING, builder -> {});
        assertThat(answer.get(AttributeType.OTHER_ADDRESS))
            .isEqualTo(TransportAddress.udp("127.0.0.2", port + 1));
      }
      server.close();
    }
  }

  /** The first of two ports, below those that clients' sockets get, that are free now on both addresses. */
  private static int freePorts() throws IOException {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(20_000, 32_000);
      try {
        for (String address : List.of("127.0.0.1", "127.0.0.2")) {
          for (int each : new int[] {port, port + 1}) {
            new DatagramSocket(new InetSocketAddress(address, each)).close();
            new ServerSocket(each, 0, InetAddress.getByName(address)).close();
          }
        }
        return port;
      } catch (java.net.BindException taken) {
        // another one
      }
    }
  }

  @Test
  void nobodyElseMayAllocate() throws Exception {
    FrazilServer server = start(settings());
    assertThat(allocate(server, new LongTermCredential("alice", "wander"))).isEqualTo(401);
    assertThat(allocate(server, new LongTermCredential("eve", "wonder"))).isEqualTo(401);
    assertThat(allocate(server, RestCredentials.credential("other", FAR_FUTURE, "bob")))
        .isEqualTo(401);
    assertThat(allocate(server, RestCredentials.credential("new", 1_000_000_000L, "bob")))
        .as("expired in 2001")
        .isEqualTo(401);
  }

  @Test
  void withoutUsersBindingRequestsAloneAreAnswered() throws Exception {
    FrazilServer server =
        start(new Settings().set(Setting.LISTEN, List.of("127.0.0.1:0", "127.0.0.1:0")));
    assertThat(server.relays()).isFalse();
    assertThat(server.listeners()).hasSize(2);
    try (TestClient client = new TestClient(server, ALICE)) {
      StunMessage answer = client.ask(Method.BINDING, b -> {});
      assertThat(answer.get(AttributeType.XOR_MAPPED_ADDRESS).port()).isEqualTo(client.port());
    }
    assertThat(statistics(server)).contains("bindings=1 ");
  }

  @Test
  void clientsAreToldTheExternalAddress() throws Exception {
    FrazilServer server = start(settings()
        .set(Setting.EXTERNAL, List.of("203.0.113.1"))
        .set(Setting.PORTS, List.of("40000-42000")));
    try (TestClient client = new TestClient(server, ALICE)) {
      StunMessage answer =
          client.ask(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17));
      TransportAddress relayed = answer.get(AttributeType.XOR_RELAYED_ADDRESS);
      assertThat(relayed.ip()).hasToString("203.0.113.1");
      assertThat(relayed.port()).isBetween(40_000, 42_000);
    }
  }

  @Test
  void peersThatNobodyShouldReachAreRefusedByDefault() throws Exception {
    FrazilServer server = start(settings());
    try (TestClient client = new TestClient(server, ALICE)) {
      assertThat(client.allocate()).isZero();
      assertThat(client.permit(PEER)).isZero();
      for (String ip : List.of("127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.1.1")) {
        assertThat(client.permit(TransportAddress.udp(ip, 5000))).as(ip).isEqualTo(403);
      }
    }
  }

  @Test
  void addressesOfTheHostAreNoPeers() throws Exception {
    FrazilServer server = start(settings());
    try (TestClient client = new TestClient(server, ALICE)) {
      client.allocate();
      for (var each : HostAddresses.now().all()) {
        TransportAddress own = TransportAddress.udp(each.address(), 22);
        if (own.ip().isIpv4()) {
          assertThat(client.permit(own)).as(own.toString()).isEqualTo(403);
        }
      }
    }
  }

  @Test
  void peerRulesOfTheConfigurationHold() throws Exception {
    FrazilServer server = start(settings()
        .set(Setting.ALLOW, List.of("10.1.0.0/16"))
        .set(Setting.DENY, List.of("203.0.113.0/24")));
    try (TestClient client = new TestClient(server, ALICE)) {
      client.allocate();
      assertThat(client.permit(PEER)).isEqualTo(403);
      assertThat(client.permit(TransportAddress.udp("10.1.2.3", 5000))).isZero();
      assertThat(client.permit(TransportAddress.udp("10.2.2.3", 5000))).isEqualTo(403);
    }
  }

  @Test
  void quotaOfAUserHolds() throws Exception {
    FrazilServer server = start(settings().set(Setting.ALLOCATIONS_PER_USER, List.of("1")));
    assertThat(allocate(server, ALICE)).isZero();
    assertThat(allocate(server, ALICE)).isEqualTo(486);
    assertThat(statistics(server)).startsWith("allocations=1 ");
  }

  @Test
  void sourceIsRefusedAsOftenAsItAsksWhereTheLimitIsOff() throws Exception {
    FrazilServer unlimited = start(settings().set(Setting.REFUSALS_PER_SOURCE, List.of("0")));
    for (int i = 0; i < 200; i++) {
      try (TestClient stranger = new TestClient(unlimited, ALICE)) {
        assertThat(TestClient.code(
                stranger.once(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17))))
            .isEqualTo(401);
      }
    }
    assertThat(statistics(unlimited)).contains("refused=200 ", "dropped=0 ");
  }

  @Test
  void portThatIsTakenIsToldWithItsAddress() throws Exception {
    try (DatagramSocket taken = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
      String address = "127.0.0.1:" + taken.getLocalPort();
      for (Settings each : List.of(settings(), new Settings())) {
        ServerConfiguration configuration =
            each.set(Setting.LISTEN, List.of(address)).build();
        assertThatExceptionOfType(IOException.class)
            .isThrownBy(() -> FrazilServer.start(configuration))
            .withMessageContaining(address)
            .withMessageContaining("in use");
      }
    }
  }

  @Test
  void drainingEndsTheServerWithTheLastAllocation() throws Exception {
    FrazilServer server = start(settings().set(Setting.DRAIN, List.of("1000")));
    try (TestClient client = new TestClient(server, ALICE)) {
      client.allocate();
      server.drain();
      CompletableFuture<Void> closed = server.closed();
      assertThat(allocate(server, ALICE)).isEqualTo(508);
      assertThat(closed).isNotDone();
      client.release();
      closed.get(30, TimeUnit.SECONDS);
    }
  }

  @Test
  void drainingEndsAtItsDeadline() throws Exception {
    FrazilServer server = start(settings().set(Setting.DRAIN, List.of("0")));
    assertThat(allocate(server, ALICE)).isZero();
    server.drain();
    server.closed().get(30, TimeUnit.SECONDS);
  }

  @Test
  void otherSecretsAndRulesHoldWithoutARestart() throws Exception {
    FrazilServer server = start(settings());
    try (TestClient client = new TestClient(server, ALICE)) {
      client.allocate();
      assertThat(client.permit(PEER)).isZero();
      server.reconfigure(settings()
          .set(Setting.SECRET, List.of("newest"))
          .set(Setting.DENY, List.of("203.0.113.0/24"))
          .build());
      assertThat(client.permit(PEER)).isEqualTo(403);
    }
    assertThat(allocate(server, RestCredentials.credential("old", FAR_FUTURE, "bob")))
        .isEqualTo(401);
    assertThat(allocate(server, RestCredentials.credential("newest", FAR_FUTURE, "bob")))
        .isZero();
  }
}

package dev.frazil.turn;

import static dev.frazil.turn.ServerHarness.LISTENER;
import static dev.frazil.turn.ServerHarness.PEER;
import static dev.frazil.turn.ServerHarness.SERVER;
import static dev.frazil.turn.ServerHarness.UDP;
import static dev.frazil.turn.ServerHarness.code;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ServerHarness.Client;
import dev.frazil.turn.ServerHarness.Sent;
import dev.frazil.turn.TurnServer.Drop;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Strangers, floods and limits: RFC 8656 21. */
class ServerAbuseTest {
  private final ServerHarness net = new ServerHarness();

  private static TransportAddress anywhere(Random random) {
    int ip = random.nextInt() & 0x3FFFFFFF | 0x40000000; // 64/2: unicast
    return TransportAddress.udp(IpAddress.ofIpv4(ip).toString(), 1024 + random.nextInt(60_000));
  }

  private static void transport(StunBuilder b) {
    b.put(AttributeType.REQUESTED_TRANSPORT, UDP);
  }

  @Test
  @Tag("TURN-0020")
  void nobodyRelaysWithoutAnAccountUnlessThatIsSaid() {
    TurnServerConfiguration.Builder builder =
        TurnServerConfiguration.builder(new Random(1)).relay(Relay.of(SERVER));
    assertThatThrownBy(builder::build)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("realm");
    assertThat(code(net.client(5000).bare(Method.ALLOCATE, ServerAbuseTest::transport)))
        .isEqualTo(401);
    ServerHarness partly = ServerHarness.bare(b -> b.relay(Relay.of(SERVER))
        .realm(LISTENER.withPort(1), ServerHarness.REALM, ServerHarness::key));
    assertThat(code(partly.client(5000).bare(Method.ALLOCATE, ServerAbuseTest::transport)))
        .as("a listening address without a realm")
        .isEqualTo(403);
    ServerHarness open = ServerHarness.bare(b -> b.relay(Relay.of(SERVER)).anonymous(true));
    StunMessage allocated = open.client(5000).bare(Method.ALLOCATE, ServerAbuseTest::transport);
    assertThat(code(allocated)).isZero();
    assertThat(allocated.hasIntegrity()).isFalse();
  }

  @Test
  @Tag("TURN-0030")
  void requestsWithoutTheCookieAreIgnored() {
    Client client = net.client(5000);
    for (int method : new int[] {3, 4, 8, 9, 10, 11}) {
      ByteBuffer classic = ByteBuffer.allocate(20).putShort(0, (short) method);
      assertThat(client.send(classic)).isNull();
    }
    assertThat(net.dropped(Drop.NOT_STUN)).isEqualTo(6);
  }

  @Test
  @Tag("TURN-0040")
  void noncesDifferAndEndWithinTheHour() {
    Set<String> nonces = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      Client each = net.client(5000 + i);
      each.login();
      nonces.add(each.nonce);
    }
    assertThat(nonces).hasSize(20).allMatch(nonce -> nonce.startsWith("obMatJos2"));
    Client client = net.client(6000);
    client.allocate(b -> b.put(AttributeType.LIFETIME, 3600));
    client.refresh(b -> b.put(AttributeType.LIFETIME, 3600));
    ByteBuffer request = client.signed(Method.REFRESH, client.newId(), b -> {});
    net.passSeconds(3590);
    assertThat(code(client.send(request))).isZero();
    client.refresh(b -> b.put(AttributeType.LIFETIME, 3600));
    net.passSeconds(10);
    StunMessage stale = client.send(request);
    assertThat(code(stale)).isEqualTo(438);
    assertThat(stale.get(AttributeType.NONCE)).isNotEqualTo(client.nonce);
    assertThat(client.refresh(b -> {})).as("with the new one").isZero();
    assertThatThrownBy(() -> TurnServerConfiguration.builder(new Random(1))
            .nonceLifetime(java.time.Duration.ofSeconds(3601)))
        .hasMessageContaining("nonceLifetime");
  }

  @Test
  void noncesAreGoodForTheirClientAlone() {
    Client client = net.client(5000);
    client.login();
    Client other = net.client(5001);
    other.nonce = client.nonce;
    assertThat(code(other.send(other.signed(Method.ALLOCATE, other.newId(), b -> transport(b)))))
        .isEqualTo(438);
  }

  /** Regression: spoofed Allocate flood. */
  @Test
  @Tag("TURN-2200")
  void floodOfSpoofedAllocatesLeavesNothingBehind() {
    ServerHarness flooded = new ServerHarness();
    Client honest = flooded.client(5000);
    honest.allocate();
    TurnServer.Statistics before = flooded.server.statistics();
    Random random = new Random(5);
    ByteBuffer request = StunBuilder.request(
            Method.ALLOCATE, honest.newId(), ByteBuffer.allocate(28))
        .put(AttributeType.REQUESTED_TRANSPORT, UDP)
        .finish();
    for (int i = 0; i < 200_000; i++) {
      flooded.now += 10_000; // a hundred thousand a second
      flooded.server.handleDatagram(
          new FiveTuple(LISTENER, anywhere(random)), request.duplicate(), flooded.now);
      flooded.sent.clear();
    }
    TurnServer.Statistics after = flooded.server.statistics();
    assertThat(after.rows()).isEqualTo(before.rows());
    assertThat(after.deadlines()).isEqualTo(before.deadlines());
    assertThat(after.allocations()).isEqualTo(1);
    assertThat(flooded.bound).hasSize(1);
    assertThat(after.refused().get(401)).as("20,000 a second, for 2 s").isBetween(40_000L, 61_000L);
    assertThat(honest.refresh(b -> {})).as("who is known is served").isZero();
  }

  @Test
  @Tag("TURN-2200")
  void challengeIsSmall() {
    Client client = net.client(5000);
    ByteBuffer request = StunBuilder.request(
            Method.ALLOCATE, client.newId(), ByteBuffer.allocate(100))
        .put(AttributeType.REQUESTED_TRANSPORT, UDP)
        .finish();
    assertThat(request.remaining()).isEqualTo(28);
    List<Sent> answer = net.handle(client.path, request);
    assertThat(answer.get(0).bytes().remaining()).isEqualTo(124);
    assertThat(answer.get(0).message().has(AttributeType.SOFTWARE)).isFalse();
    assertThat(client.bare(Method.ALLOCATE, b -> {}))
        .as("a bare header gets nothing")
        .isNull();
    assertThat(net.dropped(Drop.AMPLIFICATION)).isEqualTo(1);
    assertThatThrownBy(() -> TurnServerConfiguration.builder(new Random(1))
            .realm("r".repeat(49), ServerHarness::key))
        .hasMessageContaining("48");
  }

  @Test
  @Tag("TURN-2210")
  void errorsAreLimitedForASourceAndInAll() {
    ServerHarness limited = new ServerHarness(b -> b.errors(30, 10));
    int answered = 0;
    for (int i = 0; i < 100; i++) {
      answered += limited.client(5000 + i).bare(Method.ALLOCATE, b -> transport(b)) == null ? 0 : 1;
    }
    assertThat(answered).isEqualTo(10);
    for (int i = 0; i < 100; i++) {
      Client other = limited.client(TransportAddress.udp("203.0." + i + ".1", 5000));
      answered += other.bare(Method.ALLOCATE, b -> transport(b)) == null ? 0 : 1;
    }
    assertThat(answered).isEqualTo(30);
    assertThat(limited.dropped(Drop.RATE_LIMIT)).isEqualTo(170);
    limited.passSeconds(2);
    Client client = limited.client(5000);
    client.allocate();
    for (int i = 0; i < 100; i++) {
      assertThat(client.permit()).as("who is known hears of every error").isEqualTo(400);
    }
    Client bad = limited.client(5001);
    int refused = 0;
    bad.nonce = "obMatJos2AAAB";
    for (int i = 0; i < 100; i++) {
      refused += bad.send(bad.signed(Method.REFRESH, bad.newId(), b -> {})) == null ? 0 : 1;
    }
    assertThat(refused).as("stale nonces count too").isLessThanOrEqualTo(10);
  }

  /** Regression: a wrong password must not open a socket, whatever is asked. */
  @Test
  void wrongCredentialsOpenNothing() {
    ServerHarness tcp = new ServerHarness(b -> b.tcp(true));
    Client thief = tcp.client(5000).as(new LongTermCredential("user", "guess"));
    assertThat(code(thief.allocate(b -> {}))).isEqualTo(401);
    for (int method : new int[] {Method.CONNECT, Method.CONNECTION_BIND, Method.REFRESH}) {
      assertThat(code(thief.request(method, b -> b.put(AttributeType.XOR_PEER_ADDRESS, PEER))))
          .isEqualTo(401);
    }
    assertThat(tcp.bound).isEmpty();
    assertThat(tcp.connects).isEmpty();
  }

  @Test
  @Tag("TURN-2220")
  void responsesIndicationsAndOwnAddressesAreNotAnswered() {
    Client client = net.client(5000);
    TransportAddress relayed = client.allocate();
    for (int type : new int[] {0x0103, 0x0113, 0x0101, 0x0111, 0x0017, 0x001C, 0x0011, 0x0013}) {
      ByteBuffer message = ByteBuffer.allocate(20).putShort((short) type).putShort((short) 0);
      assertThat(client.send(message.putInt(0x2112A442).clear())).isNull();
    }
    assertThat(net.dropped(Drop.UNEXPECTED_STUN)).isEqualTo(8);
    for (TransportAddress source : List.of(
        relayed,
        LISTENER,
        client.path.remote().withPort(0),
        TransportAddress.udp("224.0.0.1", 5),
        TransportAddress.udp("255.255.255.255", 5),
        TransportAddress.udp("0.0.0.0", 5))) {
      Client spoofed = net.client(source);
      assertThat(spoofed.bare(Method.ALLOCATE, b -> transport(b)))
          .as(source.toString())
          .isNull();
      assertThat(spoofed.bare(Method.BINDING, b -> {})).isNull();
    }
    assertThat(net.dropped(Drop.UNANSWERABLE_SOURCE)).isEqualTo(12);
  }

  /** Two servers whose answers are led to each other fall silent at once. */
  @Test
  @Tag("TURN-2220")
  void craftedLoopEnds() {
    ServerHarness a = new ServerHarness();
    ServerHarness b = new ServerHarness();
    TransportAddress other = TransportAddress.udp("203.0.113.1", 3478);
    List<Sent> packets = a.handle(new FiveTuple(LISTENER, other), allocateRequest(a.client(5000)));
    int rounds = 0;
    for (; !packets.isEmpty() && rounds < 10; rounds++) {
      ServerHarness at = rounds % 2 == 0 ? b : a;
      packets = at.handle(new FiveTuple(LISTENER, other), packets.get(0).bytes());
    }
    assertThat(rounds).isEqualTo(1);
  }

  private static ByteBuffer allocateRequest(Client client) {
    StunBuilder builder =
        StunBuilder.request(Method.ALLOCATE, client.newId(), ByteBuffer.allocate(100));
    return builder.put(AttributeType.REQUESTED_TRANSPORT, UDP).finish();
  }

  @Test
  @Tag("TURN-2230")
  void limitsOfUserAndServerHold() {
    ServerHarness small = new ServerHarness(b -> b.allocations(3, 2).peers(2, 1).bandwidth(0, 10));
    Client first = small.client(5000);
    first.allocate();
    small.client(5001).allocate();
    assertThat(code(small.client(5002).allocate(b -> {}))).isEqualTo(486);
    small.client(5003).as(ServerHarness.OTHER).allocate();
    assertThat(code(small.client(5004).as(ServerHarness.OTHER).allocate(b -> {})))
        .as("the server is full")
        .isEqualTo(508);
    assertThat(first.permit(PEER, TransportAddress.udp("198.51.100.8", 1))).isZero();
    assertThat(first.permit(TransportAddress.udp("198.51.100.9", 1))).isEqualTo(508);
    assertThat(first.bind(0x4000, PEER)).isZero();
    assertThat(first.bind(0x4001, PEER.withPort(1))).isEqualTo(508);
    assertThat(first.channelData(0x4000, new byte[10])).hasSize(1);
    assertThat(first.channelData(0x4000, new byte[1])).isEmpty();
    assertThat(small.dropped(Drop.BANDWIDTH)).isEqualTo(1);
  }

  /** Regression: permission flood. */
  @Test
  @Tag("TURN-2230")
  void permissionsAndChannelsAreCappedAtAThousand() {
    Client client = net.client(5000);
    client.allocate();
    int permitted = 0;
    for (int i = 0; i < 1100; i++) {
      TransportAddress peer = TransportAddress.udp("198.51." + (i >> 8) + "." + (i & 255), 1000);
      permitted += client.permit(peer) == 0 ? 1 : 0;
    }
    assertThat(permitted).isEqualTo(1024);
    int bound = 0;
    for (int i = 0; i < 1100; i++) {
      bound += client.bind(0x4000 + i, TransportAddress.udp("198.51.0.1", 1000 + i)) == 0 ? 1 : 0;
    }
    assertThat(bound).isEqualTo(1024);
    assertThat(client.release()).isZero();
    net.passSeconds(10);
    assertThat(net.server.statistics().rows()).isEqualTo(1); // the release is remembered
    assertThat(net.server.statistics().deadlines()).isZero();
  }

  /** Regression: over-long USERNAME, REALM, NONCE. */
  @Test
  void longAttributesAreRefused() {
    Client client = net.client(5000);
    client.login();
    String nonce = client.nonce;
    for (int code : new int[] {0x0006, 0x0014, 0x0015}) {
      AttributeType<ByteBuffer> raw = AttributeType.ofBytes(code, "long", 0, 65_000);
      StunBuilder builder =
          StunBuilder.request(Method.ALLOCATE, client.newId(), ByteBuffer.allocate(70_000));
      builder.put(raw, ByteBuffer.wrap(new byte[60_000]));
      builder.put(AttributeType.USERNAME, "user").put(AttributeType.REALM, ServerHarness.REALM);
      builder.put(AttributeType.NONCE, nonce).integrity(client.signingKey());
      assertThat(code(client.send(builder.finish()))).isIn(400, 401, 438);
    }
    assertThat(net.server.statistics().rows()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"%n %s", "a b", "'; drop table", "\"", "\\u0000", "user\n"})
  void strangeUsernamesAreNobody(String username) {
    Client client = net.client(5000);
    client.username = username;
    assertThat(code(client.allocate(b -> {}))).isEqualTo(401);
  }

  @Test
  void fingerprintIsAnsweredAndAWrongOneIsDropped() {
    Client client = net.client(5000);
    client.login();
    StunBuilder builder = StunBuilder.request(
            Method.ALLOCATE, client.newId(), ByteBuffer.allocate(300))
        .put(AttributeType.REQUESTED_TRANSPORT, UDP)
        .put(AttributeType.USERNAME, "user")
        .put(AttributeType.REALM, ServerHarness.REALM)
        .put(AttributeType.NONCE, client.nonce)
        .integrity(client.signingKey())
        .fingerprint();
    ByteBuffer request = builder.finish();
    assertThat(client.send(request).hasValidFingerprint()).isTrue();
    request.put(request.limit() - 1, (byte) (request.get(request.limit() - 1) ^ 1));
    assertThat(client.send(request)).isNull();
    assertThat(net.dropped(Drop.BAD_FINGERPRINT)).isEqualTo(1);
  }

  @Test
  @Tag("STUN-1020")
  void bindingRequestsAreAnsweredToEverybody() {
    Client client = net.client(5000);
    StunMessage response = client.bare(Method.BINDING, b -> {});
    assertThat(response.get(AttributeType.XOR_MAPPED_ADDRESS)).isEqualTo(client.path.remote());
    client.allocate();
    assertThat(code(client.bare(Method.BINDING, b -> {}))).isZero();
    assertThat(net.server.statistics().binding().answered()).isEqualTo(2);
  }

  @Test
  void eachListeningAddressHasItsRealm() {
    LongTermCredential tenant = new LongTermCredential("tenant", "secret");
    TransportAddress listener = LISTENER.withPort(3500);
    ServerHarness two = new ServerHarness(b -> b.realm(
        listener,
        "tenant.example",
        (name, realm, algorithm) -> name.equals("tenant") ? tenant.key(realm, algorithm) : null));
    Client usual = two.client(5000);
    usual.allocate();
    Client other = two.client(5001);
    other.path = new FiveTuple(listener, other.path.remote());
    StunMessage challenge = other.bare(Method.ALLOCATE, b -> transport(b));
    assertThat(challenge.get(AttributeType.REALM)).isEqualTo("tenant.example");
    other.nonce = challenge.get(AttributeType.NONCE);
    assertThat(code(other.allocate(b -> {}))).as("a user of the other realm").isEqualTo(401);
    other.user = tenant;
    other.key = tenant.key("tenant.example", dev.frazil.stun.PasswordAlgorithm.MD5);
    assertThat(code(other.allocate(b -> {}))).isZero();
  }

  /** Whatever comes in, nothing is thrown, no denied peer is reached, and closing frees all. */
  @Test
  void mutatedTrafficNeverThrowsAndLeavesNothing() {
    ServerHarness fuzzed = new ServerHarness(b -> b.mobility(true).tcp(true).dontFragment(true));
    Random random = new Random(11);
    Client client = fuzzed.client(5000);
    client.allocate(b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2));
    client.bind(0x4000, PEER);
    ByteBuffer send = StunBuilder.indication(Method.SEND, client.newId(), ByteBuffer.allocate(200))
        .put(AttributeType.XOR_PEER_ADDRESS, PEER)
        .put(AttributeType.DATA, ByteBuffer.wrap(new byte[13]))
        .finish();
    List<ByteBuffer> seeds = List.of(
        send,
        client.signed(Method.REFRESH, client.newId(), b -> b.put(AttributeType.LIFETIME, 600)),
        client.signed(
            Method.CHANNEL_BIND,
            client.newId(),
            b -> b.put(AttributeType.CHANNEL_NUMBER, 0x4001)
                .put(AttributeType.XOR_PEER_ADDRESS, PEER)),
        client.signed(Method.ALLOCATE, client.newId(), ServerAbuseTest::transport),
        ByteBuffer.wrap(new byte[] {0x40, 0, 0, 4, 1, 2, 3, 4}));
    for (int i = 0; i < 50_000; i++) {
      ByteBuffer seed = seeds.get(random.nextInt(seeds.size()));
      ByteBuffer mutated = ByteBuffer.allocate(seed.remaining());
      mutated.put(0, seed, seed.position(), seed.remaining());
      for (int flips = random.nextInt(4); flips > 0; flips--) {
        mutated.put(random.nextInt(mutated.capacity()), (byte) random.nextInt());
      }
      mutated.limit(random.nextInt(10) == 0 ? random.nextInt(mutated.capacity()) : mutated.limit());
      fuzzed.now += 1_000_000;
      for (Sent sent : fuzzed.handle(client.path, mutated)) {
        if (fuzzed.bound.contains(sent.path().local())) {
          assertThat(sent.path().remote().ip()).isEqualTo(PEER.ip());
        }
      }
      fuzzed.sent.clear();
    }
    fuzzed.server.close(fuzzed.now);
    fuzzed.passSeconds(60);
    assertThat(fuzzed.bound).isEmpty();
    assertThat(fuzzed.server.statistics().deadlines()).isZero();
  }

  @Test
  @Tag("TURN-2250")
  void eventsTellWhoDidWhatWithWhomAndHowMuchButNoSecret() {
    Client client = net.client(5000);
    TransportAddress relayed = client.allocate();
    client.bind(0x4000, PEER);
    client.channelData(0x4000, new byte[100]);
    net.peerSends(relayed, PEER, new byte[30]);
    net.peerSends(relayed, PEER, new byte[30]);
    client.release();
    assertThat(net.events)
        .containsExactly(
            new TurnServerEvent.AllocationCreated(1, "user", client.path, List.of(relayed)),
            new TurnServerEvent.PermissionCreated(1, PEER.ip()),
            new TurnServerEvent.ChannelBound(1, 0x4000, PEER),
            new TurnServerEvent.AllocationEnded(
                1,
                "user",
                TurnServerEvent.EndReason.RELEASED,
                new TurnServer.Traffic(1, 100, 2, 60)));
    assertThat(net.events.toString()).doesNotContain(ServerHarness.USER.password(), client.nonce);
  }
}

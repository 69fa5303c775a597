package dev.frazil.turn;

import static dev.frazil.turn.ServerHarness.PEER;
import static dev.frazil.turn.ServerHarness.SERVER;
import static dev.frazil.turn.ServerHarness.UDP;
import static dev.frazil.turn.ServerHarness.code;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AddressErrorCode;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ServerHarness.Client;
import dev.frazil.turn.TurnServerConfiguration.Alternate;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Allocate requests, RFC 8656 7.2. */
class ServerAllocateTest {
  private static final AttributeType<ByteBuffer> RAW_TRANSPORT =
      AttributeType.ofBytes(0x0019, "REQUESTED-TRANSPORT", 0, 100);
  private static final AttributeType<ByteBuffer> RAW_FAMILY =
      AttributeType.ofBytes(0x0017, "REQUESTED-ADDRESS-FAMILY", 0, 100);

  private final ServerHarness net = new ServerHarness();
  private final Client client = net.client(5000);

  /** One that has IPv4 alone. */
  private static ServerHarness only4() {
    return ServerHarness.bare(
        b -> b.realm(ServerHarness.REALM, ServerHarness::key).relay(Relay.of(SERVER)));
  }

  private static void withTransport(StunBuilder b) {
    b.put(AttributeType.REQUESTED_TRANSPORT, UDP);
  }

  @Test
  @Tag("TURN-0460")
  void successTellsRelayedAndMappedAddressAndLifetime() {
    StunMessage response = client.allocate(b -> {});
    TransportAddress relayed = response.get(AttributeType.XOR_RELAYED_ADDRESS);
    assertThat(net.bound).containsExactly(relayed);
    assertThat(relayed.ip()).isEqualTo(SERVER);
    assertThat(response.intValue(AttributeType.LIFETIME, -1)).isEqualTo(600);
    assertThat(response.get(AttributeType.XOR_MAPPED_ADDRESS)).isEqualTo(client.path.remote());
    assertThat(response.has(AttributeType.RESERVATION_TOKEN)).isFalse();
    assertThat(response.verifyIntegrity(client.signingKey())).isTrue();
    assertThat(net.events)
        .containsExactly(
            new TurnServerEvent.AllocationCreated(1, "user", client.path, List.of(relayed)));
  }

  /** Each request has this defect and all later ones. */
  @Test
  @Tag("TURN-0200")
  @Tag("TURN-0310")
  @Tag("TURN-0070")
  void firstFailingCheckDecides() {
    assertThat(code(client.bare(
            Method.ALLOCATE,
            b -> b.put(AttributeType.PRIORITY, 1).put(AttributeType.REQUESTED_TRANSPORT, 99))))
        .isEqualTo(401);
    Consumer<StunBuilder> families = b -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, 9)
        .put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 1)
        .put(AttributeType.EVEN_PORT, true);
    assertThat(code(client.request(Method.ALLOCATE, b -> {
          b.put(AttributeType.PRIORITY, 1);
          b.put(AttributeType.REQUESTED_TRANSPORT, 99);
          families.accept(b);
        })))
        .as("unknown attribute before transport")
        .isEqualTo(420);
    assertThat(code(client.request(Method.ALLOCATE, b -> {
          b.put(AttributeType.REQUESTED_TRANSPORT, 99);
          b.flag(AttributeType.DONT_FRAGMENT);
          families.accept(b);
        })))
        .as("transport before DONT-FRAGMENT")
        .isEqualTo(442);
    assertThat(code(client.request(Method.ALLOCATE, b -> {
          withTransport(b);
          b.flag(AttributeType.DONT_FRAGMENT);
          b.put(AttributeType.RESERVATION_TOKEN, 1L);
          families.accept(b);
        })))
        .as("DONT-FRAGMENT before RESERVATION-TOKEN")
        .isEqualTo(420);
    assertThat(code(client.request(Method.ALLOCATE, b -> {
          withTransport(b);
          b.put(AttributeType.RESERVATION_TOKEN, 1L);
          families.accept(b);
        })))
        .as("a token with others before the unknown token")
        .isEqualTo(400);
    client.allocate();
    assertThat(code(client.request(Method.ALLOCATE, b -> {
          b.put(AttributeType.REQUESTED_TRANSPORT, 99);
          families.accept(b);
        })))
        .as("a present allocation before everything but authentication")
        .isEqualTo(437);
  }

  @Test
  @Tag("TURN-0310")
  void errorsToKnownUsersCarryIntegrity() {
    for (StunMessage error : List.of(
        client.request(Method.ALLOCATE, b -> {}),
        client.request(Method.ALLOCATE, b -> b.put(AttributeType.PRIORITY, 1)),
        client.request(Method.REFRESH, b -> {}),
        client.request(Method.CREATE_PERMISSION, b -> {}))) {
      assertThat(code(error)).isPositive();
      assertThat(error.verifyIntegrity(client.signingKey())).isTrue();
      assertThat(error.has(AttributeType.NONCE)).isFalse();
    }
    StunMessage unknown = client.request(Method.ALLOCATE, b -> b.put(AttributeType.PRIORITY, 1));
    assertThat(unknown.get(AttributeType.UNKNOWN_ATTRIBUTES)).containsExactly(0x0024);
  }

  @Test
  @Tag("TURN-0210")
  void secondAllocationOnAPathIsAMismatch() {
    client.allocate();
    assertThat(code(client.allocate(b -> {}))).isEqualTo(437);
    assertThat(net.server.statistics().allocations()).isEqualTo(1);
  }

  @Test
  @Tag("TURN-0090")
  @Tag("TURN-0210")
  void retransmissionGetsTheSameAnswer() {
    client.login();
    ByteBuffer request = client.signed(
        Method.ALLOCATE,
        client.newId(),
        b -> b.put(AttributeType.REQUESTED_TRANSPORT, UDP).put(AttributeType.EVEN_PORT, true));
    ByteBuffer first = client.send(request).bytes();
    net.passSeconds(39);
    assertThat(client.send(request).bytes()).isEqualTo(first);
    assertThat(net.bound).hasSize(1 + 0); // the reservation has ended, the allocation has not
    ByteBuffer refresh =
        client.signed(Method.REFRESH, client.newId(), b -> b.put(AttributeType.LIFETIME, 0));
    ByteBuffer released = client.send(refresh).bytes();
    assertThat(client.send(refresh).bytes()).isEqualTo(released);
    net.passSeconds(41);
    assertThat(code(client.send(refresh))).isEqualTo(437);
  }

  @Test
  @Tag("TURN-0060")
  void pathIsTheKey() {
    client.allocate();
    net.client(5001).allocate();
    net.streamClient(5000).allocate();
    assertThat(net.server.sessions()).hasSize(3);
  }

  @Test
  @Tag("TURN-0220")
  void transportIsRequiredAndIsUdp() {
    assertThat(code(client.request(Method.ALLOCATE, b -> {}))).isEqualTo(400);
    assertThat(code(client.request(
            Method.ALLOCATE, b -> b.put(RAW_TRANSPORT, ByteBuffer.wrap(new byte[3])))))
        .isEqualTo(400);
    for (int transport : new int[] {0, 1, 6, 33, 132, 255}) {
      assertThat(code(client.request(
              Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, transport))))
          .isEqualTo(442);
    }
  }

  @Test
  @Tag("TURN-0230")
  void dontFragmentIsUnknownWhereItCantBeDone() {
    StunMessage response = client.allocate(b -> b.flag(AttributeType.DONT_FRAGMENT));
    assertThat(code(response)).isEqualTo(420);
    assertThat(response.get(AttributeType.UNKNOWN_ATTRIBUTES)).containsExactly(0x001A);
  }

  @Test
  @Tag("TURN-0410")
  @Tag("TURN-0400")
  @Tag("TURN-0240")
  void evenPortReservesTheNextForWhoeverShowsTheToken() {
    StunMessage first = client.allocate(b -> b.put(AttributeType.EVEN_PORT, true));
    TransportAddress even = first.get(AttributeType.XOR_RELAYED_ADDRESS);
    long token = first.longValue(AttributeType.RESERVATION_TOKEN, 0);
    assertThat(even.port() % 2).isZero();
    assertThat(net.bound).containsExactlyInAnyOrder(even, even.withPort(even.port() + 1));
    Client other = net.client(TransportAddress.udp("203.0.113.77", 9)).as(ServerHarness.OTHER);
    StunMessage second = other.allocate(b -> b.put(AttributeType.RESERVATION_TOKEN, token));
    assertThat(second.get(AttributeType.XOR_RELAYED_ADDRESS))
        .isEqualTo(even.withPort(even.port() + 1));
    assertThat(code(net.client(5009).allocate(b -> b.put(AttributeType.RESERVATION_TOKEN, token))))
        .as("used once")
        .isEqualTo(508);
    net.passSeconds(60);
    assertThat(net.server.sessions())
        .as("the reservation's end is not the allocation's")
        .hasSize(2);
  }

  @Test
  @Tag("TURN-0410")
  void evenPortAloneReservesNothing() {
    StunMessage response = client.allocate(b -> b.put(AttributeType.EVEN_PORT, false));
    assertThat(response.get(AttributeType.XOR_RELAYED_ADDRESS).port() % 2).isZero();
    assertThat(response.has(AttributeType.RESERVATION_TOKEN)).isFalse();
    assertThat(net.bound).hasSize(1);
  }

  @Test
  @Tag("TURN-0420")
  @Tag("TURN-0240")
  void reservationIsHeldForThirtySeconds() {
    long token = client
        .allocate(b -> b.put(AttributeType.EVEN_PORT, true))
        .longValue(AttributeType.RESERVATION_TOKEN, 0);
    client.release();
    net.passSeconds(29);
    assertThat(net.bound).hasSize(1);
    net.passSeconds(1);
    assertThat(net.bound).isEmpty();
    assertThat(code(client.allocate(b -> b.put(AttributeType.RESERVATION_TOKEN, token))))
        .isEqualTo(508);
    long another = client
        .allocate(b -> b.put(AttributeType.EVEN_PORT, true))
        .longValue(AttributeType.RESERVATION_TOKEN, 0);
    net.passSeconds(29);
    assertThat(
            code(net.client(5001).allocate(b -> b.put(AttributeType.RESERVATION_TOKEN, another))))
        .isZero();
  }

  @Test
  void reservedPortRelaysAndAnswersNothing() {
    TransportAddress even = client
        .allocate(b -> b.put(AttributeType.EVEN_PORT, true))
        .get(AttributeType.XOR_RELAYED_ADDRESS);
    Client hostile = net.client(6000);
    StunBuilder request =
        StunBuilder.request(Method.BINDING, hostile.newId(), ByteBuffer.allocate(100));
    hostile.path =
        new dev.frazil.net.FiveTuple(even.withPort(even.port() + 1), hostile.path.remote());
    assertThat(hostile.send(request.finish())).isNull();
  }

  @Test
  @Tag("TURN-0240")
  void tokenStandsAlone() {
    for (Consumer<StunBuilder> with : List.<Consumer<StunBuilder>>of(
        b -> b.put(AttributeType.EVEN_PORT, false),
        b -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, 1),
        b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2))) {
      assertThat(code(client.allocate(b -> {
            b.put(AttributeType.RESERVATION_TOKEN, 5L);
            with.accept(b);
          })))
          .isEqualTo(400);
    }
    assertThat(code(client.allocate(b -> b.put(AttributeType.RESERVATION_TOKEN, 5L))))
        .isEqualTo(508);
  }

  @Test
  @Tag("TURN-0250")
  void requestedAndAdditionalFamilyExcludeEachOther() {
    assertThat(code(client.allocate(b -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, 1)
            .put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2))))
        .isEqualTo(400);
  }

  @Test
  void clientsThatKnowTheAdditionalFamilyByItsDraftGetBothToo() {
    StunMessage response =
        client.allocate(b -> b.put(AttributeType.DRAFT_ADDITIONAL_ADDRESS_FAMILY, 2));
    assertThat(response.all(AttributeType.XOR_RELAYED_ADDRESS)).hasSize(2);
  }

  @Test
  @Tag("TURN-0260")
  void familyIsIpv4UnlessRequested() {
    assertThat(client.allocate().ip().isIpv4()).isTrue();
    assertThat(net.client(5001)
            .allocate(b -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, 2))
            .get(AttributeType.XOR_RELAYED_ADDRESS)
            .ip()
            .isIpv6())
        .isTrue();
    Client third = net.client(5002);
    assertThat(code(third.allocate(b -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, 3))))
        .isEqualTo(400);
    assertThat(code(third.allocate(b -> b.put(RAW_FAMILY, ByteBuffer.wrap(new byte[2])))))
        .isEqualTo(400);
    assertThat(code(
            only4().client(5000).allocate(b -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, 2))))
        .isEqualTo(440);
    ServerHarness only6 = ServerHarness.bare(b ->
        b.realm(ServerHarness.REALM, ServerHarness::key).relay(Relay.of(ServerHarness.SERVER6)));
    assertThat(code(only6.client(5000).allocate(b -> {}))).isEqualTo(440);
  }

  @Test
  @Tag("TURN-0270")
  void pairOfPortsAndPairOfFamiliesExcludeEachOther() {
    assertThat(code(client.allocate(b ->
            b.put(AttributeType.EVEN_PORT, true).put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2))))
        .isEqualTo(400);
    ServerHarness odd = new ServerHarness();
    for (int port = 49152; port <= 65535; port += 2) {
      odd.taken.add(port);
    }
    assertThat(code(odd.client(5000).allocate(b -> b.put(AttributeType.EVEN_PORT, false))))
        .isEqualTo(508);
  }

  @Test
  @Tag("TURN-0280")
  void additionalFamilyGivesBothOrOneAndTheReason() {
    StunMessage both = client.allocate(b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2));
    assertThat(both.all(AttributeType.XOR_RELAYED_ADDRESS))
        .extracting(address -> address.ip().family())
        .containsExactly(4, 6);
    assertThat(both.has(AttributeType.ADDRESS_ERROR_CODE)).isFalse();

    StunMessage one =
        only4().client(5000).allocate(b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2));
    assertThat(one.all(AttributeType.XOR_RELAYED_ADDRESS)).hasSize(1);
    AddressErrorCode error = one.get(AttributeType.ADDRESS_ERROR_CODE);
    assertThat(error.family()).isEqualTo(2);
    assertThat(error.error().code()).isEqualTo(440);

    ServerHarness full6 = new ServerHarness();
    full6.bindable = address -> address.ip().isIpv4();
    StunMessage full =
        full6.client(5000).allocate(b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2));
    assertThat(full.get(AttributeType.ADDRESS_ERROR_CODE).error().code()).isEqualTo(508);

    net.bindable = address -> false;
    Client none = net.client(5001);
    assertThat(code(none.allocate(b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2))))
        .isEqualTo(508);
    assertThat(code(none.allocate(b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 1))))
        .isEqualTo(400);
  }

  @Test
  @Tag("TURN-0290")
  void quotaIsOfTheUserWhateverTheAddress() {
    ServerHarness strict = new ServerHarness(builder -> builder.allocations(100, 2));
    strict.client(5000).allocate();
    strict.client(TransportAddress.udp("203.0.113.99", 1)).allocate();
    Client third = strict.client(5002);
    assertThat(code(third.allocate(b -> {}))).isEqualTo(486);
    strict.client(5003).as(ServerHarness.OTHER).allocate();
    strict.server.end(1, strict.now);
    third.allocate();
  }

  @Test
  @Tag("STUN-1000")
  @Tag("TURN-0290")
  void redirectionNamesTheServerOfTheClientsFamilyFirst() {
    TransportAddress four = TransportAddress.udp("192.0.2.200", 3478);
    TransportAddress six = TransportAddress.udp("2001:db8::200", 3478);
    Alternate alternate = new Alternate(four, six, "other.example.org");
    ServerHarness busy = new ServerHarness(b -> b.redirection(path -> alternate));
    StunMessage response = busy.client(5000).allocate(b -> {});
    assertThat(code(response)).isEqualTo(300);
    assertThat(response.all(AttributeType.ALTERNATE_SERVER)).containsExactly(four, six);
    assertThat(response.get(AttributeType.ALTERNATE_DOMAIN)).isEqualTo("other.example.org");
    assertThat(response.hasIntegrity()).isTrue();
    StunMessage response6 =
        busy.client(TransportAddress.udp("2001:db8:9::9", 5000)).allocate(b -> {});
    assertThat(response6.all(AttributeType.ALTERNATE_SERVER)).containsExactly(six, four);
    Client stranger = busy.client(5001);
    assertThat(code(stranger.bare(Method.ALLOCATE, b -> withTransport(b)))).isEqualTo(401);
    ServerHarness open = ServerHarness.bare(
        b -> b.anonymous(true).relay(Relay.of(SERVER)).redirection(path -> alternate));
    StunMessage anonymous = open.client(5000).bare(Method.ALLOCATE, b -> withTransport(b));
    assertThat(code(anonymous)).isEqualTo(400);
  }

  @Test
  void drainingServerMakesNoNewAllocationsAndKeepsTheOld() {
    client.allocate();
    net.server.drain();
    assertThat(code(net.client(5001).allocate(b -> {}))).isEqualTo(508);
    assertThat(client.refresh(b -> {})).isZero();
  }

  @Test
  @Tag("TURN-0300")
  void exhaustedPortsAreToldAndComeBack() {
    ServerHarness small = ServerHarness.bare(b -> b.realm(ServerHarness.REALM, ServerHarness::key)
        .relay(new Relay(SERVER, SERVER, 50_000, 50_009)));
    for (int i = 0; i < 10; i++) {
      small.client(5000 + i).allocate();
    }
    assertThat(code(small.client(6000).allocate(b -> {}))).isEqualTo(508);
    small.server.end(3, small.now);
    assertThat(code(small.client(6000).allocate(b -> {}))).as("the port rests").isEqualTo(508);
    small.passSeconds(10);
    small.client(6000).allocate();
    assertThat(small.bound).hasSize(10);
  }

  /** Regression: EVEN-PORT, R=0 and R=1, repeated. */
  @Test
  void noPortLeaksHoweverOftenEvenPortsAreAskedFor() {
    for (int i = 0; i < 3000; i++) {
      boolean pair = i % 3 == 0;
      assertThat(code(client.allocate(b -> b.put(AttributeType.EVEN_PORT, pair))))
          .isZero();
      assertThat(client.release()).isZero();
      net.passSeconds(1);
    }
    net.passSeconds(60);
    assertThat(net.bound).isEmpty();
    assertThat(net.server.statistics().reservations()).isZero();
    assertThat(net.server.statistics().deadlines()).isZero();
  }

  @Test
  void reservationsCountAgainstTheQuota() {
    ServerHarness strict = new ServerHarness(builder -> builder.allocations(100, 3));
    strict.client(5000).allocate(b -> b.put(AttributeType.EVEN_PORT, true));
    Client second = strict.client(5001);
    assertThat(code(second.allocate(b -> b.put(AttributeType.EVEN_PORT, true)))).isEqualTo(486);
    second.allocate();
    assertThat(code(strict.client(5002).allocate(b -> {}))).isEqualTo(486);
    strict.passSeconds(30);
    strict.client(5002).allocate();
  }

  @Test
  @Tag("TURN-0430")
  @Tag("TURN-0440")
  void portsComeByChanceFromTheDynamicRange() {
    Set<Integer> ports = new HashSet<>();
    int last = 0;
    int sequential = 0;
    int upperHalf = 0;
    int count = 4000;
    ServerHarness large = new ServerHarness(b -> b.allocations(10_000, 10_000).errors(0, 0));
    for (int i = 0; i < count; i++) {
      int port = large.client(10_000 + i).allocate().port();
      assertThat(port).isBetween(49152, 65535);
      sequential += Math.abs(port - last) <= 2 ? 1 : 0;
      upperHalf += port >= 57344 ? 1 : 0;
      last = port;
      ports.add(port);
    }
    assertThat(ports).hasSize(count);
    assertThat(sequential).isLessThan(20);
    assertThat(upperHalf).isBetween(count * 45 / 100, count * 55 / 100);
    IpAddress ip = SERVER;
    assertThatThrownBy(() -> new Relay(ip, ip, 1023, 2000)).hasMessageContaining("1024");
    assertThatThrownBy(() -> new Relay(ip, ip, 3000, 2000)).hasMessageContaining("3000");
  }

  @ParameterizedTest
  @CsvSource({"-1, 600", "0, 600", "30, 600", "1200, 1200", "7200, 3600", "4294967295, 3600"})
  @Tag("TURN-0450")
  void lifetimeIsBetweenDefaultAndMaximum(long asked, int granted) {
    StunMessage response = client.allocate(b -> {
      if (asked >= 0) {
        b.put(AttributeType.LIFETIME, (int) asked);
      }
    });
    assertThat(response.intValue(AttributeType.LIFETIME, -1)).isEqualTo(granted);
    net.passSeconds(granted - 1);
    assertThat(net.server.sessions()).hasSize(1);
    net.passSeconds(1);
    assertThat(net.server.sessions()).isEmpty();
  }

  @Test
  void externalAddressIsToldAndReachedThroughTheLocalOne() {
    IpAddress external = IpAddress.parse("203.0.113.200");
    ServerHarness natted = ServerHarness.bare(b -> b.realm(ServerHarness.REALM, ServerHarness::key)
        .relay(new Relay(IpAddress.parse("10.0.0.5"), external, 50_000, 50_100)));
    Client first = natted.client(5000);
    Client second = natted.client(5001);
    TransportAddress a = first.allocate();
    TransportAddress b = second.allocate();
    assertThat(a.ip()).isEqualTo(external);
    TransportAddress localA = TransportAddress.udp("10.0.0.5", a.port());
    TransportAddress localB = TransportAddress.udp("10.0.0.5", b.port());
    assertThat(natted.bound).containsExactlyInAnyOrder(localA, localB);
    assertThat(first.permit(b)).isZero();
    assertThat(second.bind(0x4000, a)).isZero();
    // From one allocation to the other no packet leaves the host, and both see external addresses.
    assertThat(first.indicate(b, (byte) 1)).singleElement().satisfies(sent -> {
      assertThat(sent.path().local()).isEqualTo(localA);
      assertThat(sent.path().remote()).isEqualTo(localB);
    });
    assertThat(natted.peerSends(localB, localA, (byte) 1).get(0).bytes().getShort(0))
        .isEqualTo((short) 0x4000);
    assertThat(natted
            .peerSends(localA, localB, (byte) 1)
            .get(0)
            .message()
            .get(AttributeType.XOR_PEER_ADDRESS))
        .isEqualTo(b);
    assertThat(first.permit(PEER)).isZero();
  }

  @Test
  @Tag("TURN-2050")
  void relayedAddressOfAnotherShardIsAPeerAndItsNeighbourIsNot() {
    IpAddress external = IpAddress.parse("203.0.113.200");
    TransportAddress elsewhere = TransportAddress.udp("10.0.0.5", 50_050);
    ServerHarness natted = ServerHarness.bare(b -> b.realm(ServerHarness.REALM, ServerHarness::key)
        .relay(new Relay(elsewhere.ip(), external, 50_000, 50_010))
        .shard(3)
        .relayedElsewhere(elsewhere::equals));
    Client first = natted.client(5000);
    first.allocate();
    assertThat(first.bind(0x4000, new TransportAddress(external, 50_050, Transport.UDP)))
        .isZero();
    assertThat(first.bind(0x4001, new TransportAddress(external, 50_051, Transport.UDP)))
        .isEqualTo(403);
    assertThat(natted.server.sessions())
        .singleElement()
        .satisfies(session -> assertThat(TurnServer.shardOf(session.id())).isEqualTo(3));
  }

  @Test
  @Tag("TURN-0050")
  void passwordsAndKeysAreNotKept() {
    client.allocate();
    assertThat(net.server.sessions().toString() + net.events).doesNotContain("pass");
    for (Class<?> type : List.of(Allocation.class, Allocation.Creation.class)) {
      for (java.lang.reflect.Field field : type.getDeclaredFields()) {
        assertThat(field.getType().getSimpleName())
            .as(field.toString())
            .isNotIn("IntegrityKey", "LongTermCredential", "Verdict", "Request");
      }
    }
  }

  @Test
  void sha256IsNegotiated() {
    client.login();
    List<PasswordAlgorithm> offered = List.of(PasswordAlgorithm.SHA_256, PasswordAlgorithm.MD5);
    var key = ServerHarness.USER.key(ServerHarness.REALM, PasswordAlgorithm.SHA_256);
    StunBuilder request = StunBuilder.request(
            Method.ALLOCATE, client.newId(), ByteBuffer.allocate(500))
        .put(AttributeType.REQUESTED_TRANSPORT, UDP)
        .put(AttributeType.USERNAME, "user")
        .put(AttributeType.REALM, ServerHarness.REALM)
        .put(AttributeType.NONCE, client.nonce)
        .put(AttributeType.PASSWORD_ALGORITHMS, offered)
        .put(AttributeType.PASSWORD_ALGORITHM, PasswordAlgorithm.SHA_256)
        .integritySha256(key);
    StunMessage response = client.send(request.finish());
    assertThat(code(response)).isZero();
    assertThat(response.has(AttributeType.MESSAGE_INTEGRITY_SHA256)).isTrue();
    assertThat(response.verifyIntegrity(key)).isTrue();
  }
}

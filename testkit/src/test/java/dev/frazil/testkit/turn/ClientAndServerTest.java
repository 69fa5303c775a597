package dev.frazil.testkit.turn;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.ClientAuthentication.ThirdPartyToken;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Link;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.VirtualSocket;
import dev.frazil.turn.AccessToken;
import dev.frazil.turn.RestCredentials;
import dev.frazil.turn.TurnAllocation.SendResult;
import dev.frazil.turn.TurnConfiguration;
import dev.frazil.turn.TurnConfiguration.Families;
import dev.frazil.turn.TurnEvent;
import dev.frazil.turn.TurnEvent.Allocated;
import dev.frazil.turn.TurnEvent.ChannelBound;
import dev.frazil.turn.TurnEvent.Closed;
import dev.frazil.turn.TurnEvent.Lost;
import dev.frazil.turn.TurnEvent.PermissionRefused;
import dev.frazil.turn.TurnEvent.Refused;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerConfiguration.Alternate;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The TURN client against the TURN server, over the virtual Internet. */
class ClientAndServerTest {
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");
  private static final IpAddress SERVER_IP = IpAddress.parse("198.51.100.1");
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private final VirtualInternet net = new VirtualInternet(5);
  private final Host serverHost = host("server", "198.51.100.1/24", "2001:db8:1::1/64");
  private final Host clientHost = host("client", "192.0.2.1/24", "2001:db8:2::1/64");
  private final Host peerHost = host("peer", "203.0.113.7/24", "2001:db8:3::7/64");
  private final List<String> atPeer = new ArrayList<>();
  private final List<TransportAddress> relays = new ArrayList<>();
  private final List<String> atClient = new ArrayList<>();
  private final VirtualSocket peer = echo("203.0.113.7");
  private final VirtualSocket peer6 = echo("2001:db8:3::7");

  private Host host(String name, String... ips) {
    Host host = net.host(name);
    host.attach(net.internet(), ips).link(Link.ofMillis(15));
    return host;
  }

  private VirtualSocket echo(String ip) {
    return peerHost.bind(TransportAddress.udp(ip, 7000), (path, payload, now) -> {
      atPeer.add(text(payload));
      relays.add(path.remote());
    });
  }

  private static String text(ByteBuffer payload) {
    return UTF_8.decode(payload.duplicate()).toString();
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(UTF_8));
  }

  private TurnServerConfiguration.Builder serving() {
    return VirtualTurnServer.configuration(serverHost, net.random("server"), USER);
  }

  private TurnConfiguration.Builder asking() {
    return TurnConfiguration.builder(net.random("client")).credential(USER);
  }

  private VirtualTurnServer server(TurnServerConfiguration.Builder configuration) {
    return new VirtualTurnServer(serverHost, configuration.build());
  }

  private VirtualTurnClient client(TurnConfiguration.Builder configuration, VirtualTurnServer at) {
    VirtualTurnClient client = new VirtualTurnClient(clientHost, configuration.build());
    client.onData((from, payload) -> atClient.add(text(payload)));
    client.start(at.listeners().get(0));
    net.runFor(SECOND);
    return client;
  }

  private static <T extends TurnEvent> List<T> events(VirtualTurnClient client, Class<T> type) {
    return client.events().stream().filter(type::isInstance).map(type::cast).toList();
  }

  private static TransportAddress relayed(VirtualTurnClient client) {
    return client.allocation().relayed().get(0);
  }

  /** Whether data passes both ways at once. */
  private boolean relays(VirtualTurnClient client, VirtualSocket other, String word) {
    assertThat(client.send(other.local(), bytes(word))).isEqualTo(SendResult.SENT);
    net.runFor(SECOND);
    boolean reached = atPeer.contains(word);
    if (reached) {
      other.send(relays.get(relays.size() - 1), bytes(word + " back"));
    }
    net.runFor(SECOND);
    return reached && atClient.contains(word + " back");
  }

  @Test
  void dataPassesThroughBothRelayedAddressesOfOneAllocation() {
    VirtualTurnServer server = server(serving());
    VirtualTurnClient client = client(asking().families(Families.BOTH), server);
    assertThat(client.allocation().relayed())
        .extracting(address -> address.ip().family())
        .containsExactlyInAnyOrder(4, 6);
    client.permit(peer.local(), peer6.local());
    assertThat(relays(client, peer, "four")).isTrue();
    assertThat(relays(client, peer6, "six")).isTrue();
    client.bind(peer.local());
    client.bind(peer6.local());
    net.runFor(SECOND);
    assertThat(events(client, ChannelBound.class)).hasSize(2);
    assertThat(relays(client, peer, "four by channel")).isTrue();
    assertThat(relays(client, peer6, "six by channel")).isTrue();
    client.close();
    net.runFor(SECOND);
    assertThat(server.server().sessions()).isEmpty();
    assertThat(client.events()).endsWith(new Closed());
  }

  @Test
  @Tag("TURN-0850")
  void permissionAndFirstDataLeaveTogether() {
    VirtualTurnClient client = client(asking(), server(serving()));
    client.permit(peer.local());
    client.send(peer.local(), bytes("together"));
    net.runFor(SECOND);
    assertThat(atPeer).containsExactly("together");
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "0.1, 2", "0.3, 3"})
  @Tag("TURN-0730")
  @Tag("TURN-0740")
  @Tag("TURN-1160")
  void dayOfRefreshesPassesWithLossAndNoncesThatRollOver(double loss, int seed) {
    VirtualTurnServer server =
        server(VirtualTurnServer.configuration(serverHost, new Random(seed), USER));
    TurnConfiguration.Builder settings =
        TurnConfiguration.builder(new Random(seed)).credential(USER).families(Families.BOTH);
    VirtualTurnClient client = client(settings, server);
    client.permit(peer.local());
    client.bind(peer6.local());
    net.runFor(MINUTE);
    Link lossy = Link.ofMillis(15).withLoss(loss);
    long opened = server.events().size();
    for (int hour = 0; hour < 24; hour++) {
      clientHost.interfaces().get(0).link(lossy);
      net.runFor(Duration.ofMinutes(59));
      clientHost.interfaces().get(0).link(Link.ofMillis(15));
      assertThat(relays(client, peer, "hour " + hour)).as("IPv4, hour " + hour).isTrue();
      assertThat(relays(client, peer6, "six, hour " + hour))
          .as("IPv6, hour " + hour)
          .isTrue();
    }
    assertThat(events(client, Lost.class)).isEmpty();
    assertThat(events(client, Allocated.class)).hasSize(1);
    assertThat(server.server().sessions()).hasSize(1);
    assertThat(server.events()).as("nothing expired and came back").hasSize((int) opened);
  }

  @Test
  @Tag("TURN-0740")
  void serverThatRestartsIsAskedForAnotherAllocation() {
    VirtualTurnServer server = server(serving());
    VirtualTurnClient client = client(asking().reallocate(true), server);
    client.permit(peer.local());
    client.bind(peer.local());
    net.runFor(MINUTE);
    server.restart();
    net.runFor(Duration.ofMinutes(5));
    assertThat(events(client, Lost.class)).hasSize(1);
    assertThat(events(client, Allocated.class)).hasSize(2);
    assertThat(relays(client, peer, "again")).isTrue();
    assertThat(server.server().sessions()).hasSize(1);
  }

  @Test
  @Tag("TURN-0740")
  void serverThatRestartsIsToldOfWhereNoOtherAllocationIsWanted() {
    VirtualTurnServer server = server(serving());
    VirtualTurnClient client = client(asking(), server);
    net.runFor(MINUTE);
    server.restart();
    net.runFor(Duration.ofMinutes(5));
    assertThat(events(client, Lost.class))
        .singleElement()
        .satisfies(lost -> assertThat(lost.error().code()).isEqualTo(437));
    assertThat(client.allocation().nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
    assertThat(clientHost.canBind(TransportAddress.udp("192.0.2.1", 49152))).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "0.3, 2"})
  @Tag("TURN-1600")
  void allocationMovesWithItsHost(double loss, int seed) {
    VirtualTurnServer server = server(serving().mobility(true));
    VirtualTurnClient client = client(asking().mobility(true), server);
    client.permit(peer.local());
    client.bind(peer.local());
    net.runFor(SECOND);
    TransportAddress relayed = relayed(client);
    assertThat(events(client, Allocated.class).get(0).mobile()).isTrue();
    clientHost.interfaces().get(0).addAddress("192.0.2.99/24");
    clientHost.interfaces().get(0).link(Link.ofMillis(15).withLoss(loss));
    for (int move = 0; move < 6; move++) {
      client.move(IpAddress.parse(move % 2 == 0 ? "192.0.2.99" : "192.0.2.1"));
      net.runFor(MINUTE);
      clientHost.interfaces().get(0).link(Link.ofMillis(15));
      assertThat(relays(client, peer, "move " + move)).isTrue();
      clientHost.interfaces().get(0).link(Link.ofMillis(15).withLoss(loss));
    }
    assertThat(events(client, TurnEvent.Moved.class)).hasSize(6);
    assertThat(relayed(client)).isEqualTo(relayed);
    assertThat(Set.copyOf(relays)).containsExactly(relayed);
    assertThat(server.server().sessions()).hasSize(1);
    clientHost.interfaces().get(0).link(Link.ofMillis(15));
    net.runFor(Duration.ofHours(2));
    assertThat(relays(client, peer, "much later")).isTrue();
    client.close();
    net.runFor(SECOND);
    assertThat(server.server().sessions()).isEmpty();
  }

  @Test
  @Tag("TURN-1600")
  void serverWithoutMobilityGivesAnAllocationThatStays() {
    VirtualTurnClient client = client(asking().mobility(true), server(serving()));
    assertThat(events(client, Allocated.class))
        .singleElement()
        .satisfies(allocated -> assertThat(allocated.mobile()).isFalse());
  }

  @Test
  @Tag("TURN-0560")
  void whenAllPortsAreTakenTheNextClientWaitsForOne() {
    TurnServerConfiguration.Builder small = TurnServerConfiguration.builder(net.random("server"))
        .realm(VirtualTurnServer.REALM, (name, realm, algorithm) -> USER.key(realm, algorithm))
        .relay(new Relay(SERVER_IP, SERVER_IP, 50_000, 50_003));
    VirtualTurnServer server = server(small);
    List<VirtualTurnClient> clients = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      clients.add(client(asking().reallocate(true), server));
    }
    VirtualTurnClient last = clients.get(4);
    assertThat(last.allocation().relayed()).isEmpty();
    assertThat(events(last, Refused.class).get(0).error()).isEqualTo(ErrorCode.of(508));
    assertThat(clients.subList(0, 4).stream().map(ClientAndServerTest::relayed).distinct())
        .hasSize(4);
    net.runFor(Duration.ofMinutes(3));
    assertThat(events(last, Refused.class)).hasSizeBetween(3, 4);
    clients.get(0).close();
    net.runFor(Duration.ofMinutes(2));
    assertThat(last.allocation().relayed()).hasSize(1);
    assertThat(server.server().sessions()).hasSize(4);
  }

  @Test
  @Tag("TURN-0560")
  void userWithTooManyAllocationsIsToldSo() {
    VirtualTurnServer server = server(serving().allocations(100, 1));
    client(asking(), server);
    VirtualTurnClient second = client(asking(), server);
    assertThat(events(second, Refused.class).get(0).error()).isEqualTo(ErrorCode.of(486));
  }

  @Test
  void secondAllocationTakesThePortThatTheFirstReserved() {
    VirtualTurnServer server = server(serving());
    VirtualTurnClient first = client(asking().evenPort(true), server);
    Long token = events(first, Allocated.class).get(0).reservationToken();
    assertThat(relayed(first).port() % 2).isZero();
    VirtualTurnClient second = client(asking().reservationToken(token), server);
    assertThat(relayed(second)).isEqualTo(relayed(first).withPort(relayed(first).port() + 1));
    VirtualTurnClient third = client(asking().reservationToken(token), server);
    assertThat(third.allocation().relayed()).as("a token is used once").hasSize(1);
    assertThat(relayed(third)).isNotEqualTo(relayed(second));
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  @Tag("TURN-0570")
  void unfragmentedDataIsSentWhereTheServerCan(boolean able) {
    VirtualTurnClient client =
        client(asking().dontFragment(true), server(serving().dontFragment(able)));
    client.permit(peer.local());
    net.runFor(SECOND);
    assertThat(relays(client, peer, "whole")).isTrue();
  }

  @Test
  @Tag("TURN-0860")
  void peerThatTheServerRefusesIsNoMatterForTheOthers() {
    VirtualTurnClient client = client(asking(), server(serving()));
    TransportAddress inside = TransportAddress.udp("10.0.0.1", 80);
    client.permit(inside, peer.local());
    net.runFor(SECOND);
    assertThat(events(client, PermissionRefused.class)).singleElement().satisfies(refused -> {
      assertThat(refused.peer()).isEqualTo(inside.ip());
      assertThat(refused.error().code()).isEqualTo(403);
    });
    assertThat(client.send(inside, bytes("x"))).isEqualTo(SendResult.NO_PERMISSION);
    assertThat(relays(client, peer, "others")).isTrue();
  }

  @Test
  void twoClientsReachEachOtherThroughTheirRelayedAddresses() {
    VirtualTurnServer server = server(serving());
    VirtualTurnClient one = client(asking(), server);
    VirtualTurnClient two = client(asking(), server);
    List<String> heard = new ArrayList<>();
    one.onData((from, payload) -> heard.add(from + " " + text(payload)));
    two.onData((from, payload) -> heard.add(from + " " + text(payload)));
    one.permit(relayed(two));
    two.permit(relayed(one));
    net.runFor(SECOND);
    one.send(relayed(two), bytes("hello"));
    net.runFor(SECOND);
    two.send(relayed(one), bytes("you"));
    net.runFor(SECOND);
    assertThat(heard).containsExactly(relayed(one) + " hello", relayed(two) + " you");
  }

  @Test
  @Tag("STUN-1010")
  void serverThatIsFullSendsItsClientsToAnother() {
    Host otherHost = host("other", "198.51.100.2/24");
    VirtualTurnServer other = new VirtualTurnServer(
        otherHost,
        VirtualTurnServer.configuration(otherHost, net.random("other"), USER).build());
    Alternate alternate = new Alternate(other.listeners().get(0), null, "other.example");
    VirtualTurnServer full = server(serving().redirection(path -> alternate));
    VirtualTurnClient client = client(asking(), full);
    net.runFor(SECOND);
    assertThat(client.allocation().path().remote()).isEqualTo(other.listeners().get(0));
    client.permit(peer.local());
    assertThat(relays(client, peer, "over there")).isTrue();
  }

  @Test
  void credentialOfAWebApplicationLetsItsUserInWhileItLasts() {
    TurnServerConfiguration.Builder rest = TurnServerConfiguration.builder(net.random("server"))
        .realm(VirtualTurnServer.REALM, new RestCredentials(List.of("secret"), Set.of()))
        .epoch(Duration.ofSeconds(1_000_000))
        .relay(Relay.of(SERVER_IP));
    VirtualTurnServer server = server(rest);
    LongTermCredential credential = RestCredentials.credential("secret", 1_000_600, "alice");
    VirtualTurnClient client = client(asking().credential(credential), server);
    net.runFor(Duration.ofHours(1));
    assertThat(server.server().sessions()).as("an allocation outlives its user").hasSize(1);
    VirtualTurnClient late = client(asking().credential(credential), server);
    assertThat(events(late, Refused.class).get(0).error().code()).isEqualTo(401);
    assertThat(events(client, Lost.class)).isEmpty();
  }

  private static final byte[] SHARED = new byte[32];

  private static ThirdPartyToken token(long issued, int lifetime) {
    byte[] macKey = new byte[20];
    macKey[0] = (byte) issued;
    ByteBuffer sealed =
        new AccessToken(macKey, issued, lifetime).encode(SHARED, "turn.example", new byte[12]);
    return new ThirdPartyToken("kid", sealed, ByteBuffer.wrap(macKey));
  }

  @Test
  @Tag("TURN-1710")
  void tokenOfAnAuthorizationServerLetsItsBearerInAndANewerOneProlongs() {
    long epoch = 1_000_000;
    VirtualTurnServer server = server(serving()
        .tokens("turn.example", keyId -> keyId.equals("kid") ? SHARED : null)
        .epoch(Duration.ofSeconds(epoch)));
    TurnConfiguration.Builder anybody = TurnConfiguration.builder(net.random("client"));
    VirtualTurnClient client = client(anybody, server);
    assertThat(client.events()).containsExactly(new TurnEvent.TokenWanted("turn.example"));
    client.call(now -> client.allocation().setAccessToken(token(epoch, 900), now));
    client.permit(peer.local());
    net.runFor(SECOND);
    assertThat(relays(client, peer, "by token")).isTrue();
    net.runFor(Duration.ofMinutes(14));
    client.call(now -> client.allocation().setAccessToken(token(epoch + 850, 3600), now));
    net.runFor(Duration.ofMinutes(30));
    assertThat(events(client, Lost.class)).isEmpty();
    assertThat(relays(client, peer, "by the newer token")).isTrue();
    net.runFor(Duration.ofHours(2));
    assertThat(events(client, TurnEvent.TokenWanted.class)).hasSizeGreaterThan(1);
    assertThat(events(client, Lost.class)).hasSize(1);
    assertThat(server.server().sessions()).isEmpty();
  }

  @Test
  void clientOfAClosedServerHearsOfItByIcmp() {
    TurnServerConfiguration.Builder settings = serving();
    VirtualTurnServer server = server(settings);
    TransportAddress address = server.listeners().get(0);
    server.close();
    VirtualTurnClient client = new VirtualTurnClient(clientHost, asking().build());
    client.start(address);
    net.runFor(SECOND);
    assertThat(events(client, Refused.class)).hasSize(1);
    TurnServer idle = server.server();
    assertThat(idle.sessions()).isEmpty();
  }
}

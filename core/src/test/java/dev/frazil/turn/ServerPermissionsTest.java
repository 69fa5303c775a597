package dev.frazil.turn;

import static dev.frazil.turn.ServerHarness.PEER;
import static dev.frazil.turn.ServerHarness.PEER6;
import static dev.frazil.turn.ServerHarness.code;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.turn.ServerHarness.Client;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** CreatePermission and ChannelBind requests, RFC 8656 10.2 and 12.2. */
class ServerPermissionsTest {
  private static final TransportAddress PRIVATE = TransportAddress.udp("10.0.0.1", 4000);
  private static final TransportAddress SECOND = TransportAddress.udp("198.51.100.8", 4000);
  private static final AttributeType<ByteBuffer> RAW_PEER =
      AttributeType.ofBytes(0x0012, "XOR-PEER-ADDRESS", 0, 100);

  private final ServerHarness net = new ServerHarness(builder -> builder.peers(3, 2));
  private final Client client = net.client(5000);
  private final TransportAddress relayed = client.allocate();

  private boolean relays(TransportAddress peer) {
    return !net.peerSends(relayed, peer, (byte) 1).isEmpty();
  }

  @Test
  @Tag("TURN-0820")
  void permissionNeedsPeersAndNoneMalformed() {
    assertThat(client.permit()).isEqualTo(400);
    assertThat(code(client.request(
            Method.CREATE_PERMISSION,
            b -> b.put(AttributeType.XOR_PEER_ADDRESS, PEER)
                .put(RAW_PEER, ByteBuffer.wrap(new byte[9])))))
        .isEqualTo(400);
    assertThat(relays(PEER)).isFalse();
  }

  @Test
  @Tag("TURN-0830")
  void familyPolicyAndCapacityHaveTheirErrorsInThatOrder() {
    assertThat(client.permit(PRIVATE, PEER6)).isEqualTo(443);
    assertThat(client.permit(PRIVATE)).isEqualTo(403);
    assertThat(client.permit(ip(1), ip(2), ip(3), PRIVATE)).isEqualTo(403);
    assertThat(client.permit(ip(1), ip(2), ip(3), ip(4))).isEqualTo(508);
    assertThat(client.permit(ip(1), ip(2), ip(3), ip(3))).isZero();
    assertThat(client.permit(ip(4))).isEqualTo(508);
    assertThat(client.permit(ip(2))).as("a refresh takes no room").isZero();
    net.passSeconds(301);
    assertThat(client.permit(ip(4))).isZero();
  }

  private static TransportAddress ip(int last) {
    return TransportAddress.udp("198.51.100." + last, 1000);
  }

  @Test
  @Tag("TURN-0840")
  void oneBadPeerAmongSeveralInstallsNone() {
    assertThat(client.permit(PEER, SECOND, PRIVATE)).isEqualTo(403);
    assertThat(client.permit(PEER, PEER6, SECOND)).isEqualTo(443);
    assertThat(relays(PEER) || relays(SECOND)).isFalse();
    assertThat(client.permit(PEER, SECOND)).isZero();
    assertThat(relays(PEER) && relays(SECOND)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 0x3FFF, 0x5000, 0x7FFF, 0xFFFF})
  @Tag("TURN-1100")
  void channelNumbersOutsideTheRangeAreRefused(int number) {
    assertThat(client.bind(number, PEER)).isEqualTo(400);
  }

  @Test
  void channelNumbersOfRfc5766AreTakenWhereTurnedOn() {
    ServerHarness old = new ServerHarness(builder -> builder.oldChannelNumbers(true));
    Client chance = old.client(5000);
    TransportAddress address = chance.allocate();
    assertThat(chance.bind(0x3FFF, PEER)).isEqualTo(400);
    assertThat(chance.bind(0x8000, PEER)).isEqualTo(400);
    assertThat(chance.bind(0x4000, SECOND)).isZero();
    assertThat(chance.bind(0x7FFF, PEER)).isZero();
    assertThat(chance.channelData(0x7FFF, (byte) 1).get(0).path())
        .isEqualTo(new FiveTuple(address, PEER));
    assertThat(old.peerSends(address, PEER, (byte) 2).get(0).bytes())
        .isEqualTo(ByteBuffer.wrap(new byte[] {0x7F, (byte) 0xFF, 0, 1, 2}));
  }

  @Test
  @Tag("TURN-1100")
  void channelNeedsNumberAndPeerAndClashesWithNone() {
    assertThat(code(
            client.request(Method.CHANNEL_BIND, b -> b.put(AttributeType.CHANNEL_NUMBER, 0x4000))))
        .isEqualTo(400);
    assertThat(code(
            client.request(Method.CHANNEL_BIND, b -> b.put(AttributeType.XOR_PEER_ADDRESS, PEER))))
        .isEqualTo(400);
    assertThat(client.bind(0x4000, PEER)).isZero();
    assertThat(client.bind(0x4FFF, SECOND)).isZero();
    assertThat(client.bind(0x4000, SECOND)).as("number of another peer").isEqualTo(400);
    assertThat(client.bind(0x4001, PEER)).as("peer of another number").isEqualTo(400);
    assertThat(client.bind(0x4000, SECOND.withPort(1)))
        .as("number of another, peer of none")
        .isEqualTo(400);
    assertThat(client.bind(0x4000, PEER)).as("the same again").isZero();
  }

  /** Regression: two XOR-PEER-ADDRESS. */
  @Test
  void ofTwoPeersInAChannelBindTheFirstCounts() {
    assertThat(code(client.request(
            Method.CHANNEL_BIND,
            b -> b.put(AttributeType.CHANNEL_NUMBER, 0x4000)
                .put(AttributeType.XOR_PEER_ADDRESS, PEER)
                .put(AttributeType.XOR_PEER_ADDRESS, SECOND))))
        .isZero();
    assertThat(client.channelData(0x4000, (byte) 1).get(0).path().remote()).isEqualTo(PEER);
    assertThat(relays(SECOND)).isFalse();
  }

  @Test
  @Tag("TURN-1110")
  void channelErrorsStandInOrder() {
    assertThat(client.bind(0x5000, PEER6)).isEqualTo(400);
    assertThat(client.bind(0x4000, PEER6)).isEqualTo(443);
    assertThat(client.bind(0x4000, PRIVATE)).isEqualTo(403);
    assertThat(client.bind(0x4000, ip(1))).isZero();
    assertThat(client.bind(0x4001, ip(2))).isZero();
    assertThat(client.bind(0x4002, ip(3))).isEqualTo(508);
    assertThat(client.bind(0x4002, PRIVATE)).as("policy before capacity").isEqualTo(403);
    assertThat(client.bind(0x4001, ip(2))).isZero();
  }

  @Test
  @Tag("TURN-1120")
  void channelLivesLongerThanThePermissionItInstalls() {
    client.bind(0x4000, PEER);
    net.passSeconds(299);
    assertThat(client.channelData(0x4000, (byte) 1)).hasSize(1);
    assertThat(relays(PEER)).isTrue();
    net.passSeconds(2);
    assertThat(client.channelData(0x4000, (byte) 1)).isEmpty();
    assertThat(relays(PEER)).isFalse();
    client.permit(PEER);
    assertThat(client.channelData(0x4000, (byte) 1))
        .as("the channel is still bound")
        .hasSize(1);
    assertThat(net.peerSends(relayed, PEER, (byte) 1).get(0).bytes().get(0)).isEqualTo((byte) 0x40);
  }

  @Test
  @Tag("TURN-1120")
  @Tag("TURN-1130")
  void rebindingRefreshesBothAndDataNeither() {
    client.bind(0x4000, PEER);
    net.passSeconds(290);
    client.bind(0x4000, PEER);
    client.refresh(b -> b.put(AttributeType.LIFETIME, 3600));
    net.passSeconds(299);
    assertThat(client.channelData(0x4000, (byte) 1)).hasSize(1);
    net.passSeconds(290);
    client.permit(PEER);
    assertThat(client.channelData(0x4000, (byte) 1)).hasSize(1);
    net.passSeconds(11); // 600 s after the last binding
    assertThat(client.channelData(0x4000, (byte) 1)).isEmpty();
    assertThat(net.peerSends(relayed, PEER, (byte) 1)
            .get(0)
            .message()
            .is(MessageClass.INDICATION, Method.DATA))
        .isTrue();
    assertThat(client.bind(0x4000, SECOND)).as("the number is free").isZero();
    assertThat(client.bind(0x4001, PEER)).as("the peer is free").isZero();
  }

  @Test
  @Tag("TURN-2070")
  void reloadedFilterRevokesPermissions() {
    ServerHarness reloaded = new ServerHarness();
    Client user = reloaded.client(5000);
    TransportAddress at = user.allocate();
    user.bind(0x4000, PEER);
    user.permit(SECOND);
    PeerFilter filter = PeerFilter.builder().deny("198.51.100.7/32").build();
    reloaded.server.reconfigure(
        reloaded.configuration(builder -> builder.peerFilter(filter)), reloaded.now);
    assertThat(user.channelData(0x4000, (byte) 1)).isEmpty();
    assertThat(user.indicate(PEER, (byte) 1)).isEmpty();
    assertThat(reloaded.peerSends(at, PEER, (byte) 1)).isEmpty();
    assertThat(user.indicate(SECOND, (byte) 1)).hasSize(1);
    assertThat(user.permit(PEER)).isEqualTo(403);
    assertThat(user.refresh(b -> {})).as("the allocation stays").isZero();
    assertThat(reloaded.client(5001).allocate()).isNotEqualTo(at);
  }

  @Test
  void eventsTellWhatWasOpened() {
    client.bind(0x4000, PEER);
    client.bind(0x4000, PEER);
    client.permit(PRIVATE);
    assertThat(net.events)
        .contains(
            new TurnServerEvent.PermissionCreated(1, IpAddress.parse("198.51.100.7")),
            new TurnServerEvent.ChannelBound(1, 0x4000, PEER),
            new TurnServerEvent.PeerRefused(1, PRIVATE))
        .hasSize(4);
  }

  /** Found by fuzzing: a revoked permission outlived its allocation by its deadline. */
  @Test
  void revokedPermissionOfAChannelGoesWithItsAllocation() {
    ServerHarness reloaded = new ServerHarness();
    Client user = reloaded.client(5000);
    user.allocate();
    user.bind(0x4000, PEER);
    PeerFilter filter = PeerFilter.builder().deny("198.51.100.7").build();
    reloaded.server.reconfigure(
        reloaded.configuration(builder -> builder.peerFilter(filter)), reloaded.now);
    user.release();
    reloaded.passSeconds(10); // the port has rested
    assertThat(reloaded.server.statistics().deadlines()).isZero();
  }
}

package dev.frazil.testkit.turn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.Network;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.VirtualSocket;
import dev.frazil.turn.TurnServerEvent;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class VirtualTurnServerTest {
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");
  private static final IntegrityKey KEY = USER.key(VirtualTurnServer.REALM, PasswordAlgorithm.MD5);

  private final VirtualInternet net = new VirtualInternet(1);
  private final Random random = new Random(2);
  private final Network network = net.internet();
  private final Host serverHost = host("server", "198.51.100.1/24");
  private final Host clientHost = host("client", "198.51.100.2/24");
  private final Host peerHost = host("peer", "198.51.100.3/24");
  private final VirtualTurnServer server = new VirtualTurnServer(
      serverHost, VirtualTurnServer.configuration(serverHost, random, USER).build());
  private final TransportAddress address = server.listeners().get(0);
  private final List<ByteBuffer> atClient = new ArrayList<>();
  private final List<FiveTuple> atPeer = new ArrayList<>();
  private final VirtualSocket client = clientHost.bind(
      TransportAddress.udp("198.51.100.2", 5000),
      (path, payload, now) -> atClient.add(copy(payload)));

  private Host host(String name, String ip) {
    Host host = net.host(name);
    host.attach(network, ip);
    return host;
  }

  private static ByteBuffer copy(ByteBuffer payload) {
    return ByteBuffer.allocate(payload.remaining()).put(payload).flip();
  }

  private StunMessage request(int method, String nonce, Consumer<StunBuilder> attributes) {
    StunBuilder builder =
        StunBuilder.request(method, TransactionId.random(random), ByteBuffer.allocate(500));
    attributes.accept(builder);
    if (!nonce.isEmpty()) {
      builder
          .put(AttributeType.USERNAME, "user")
          .put(AttributeType.REALM, VirtualTurnServer.REALM)
          .put(AttributeType.NONCE, nonce)
          .integrity(KEY);
    }
    client.send(address, builder.finish());
    net.runFor(Duration.ofSeconds(1));
    return StunMessage.tryParse(atClient.get(atClient.size() - 1));
  }

  private String login() {
    return request(Method.ALLOCATE, "", b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17))
        .get(AttributeType.NONCE);
  }

  private TransportAddress allocate(String nonce) {
    return request(Method.ALLOCATE, nonce, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17))
        .get(AttributeType.XOR_RELAYED_ADDRESS);
  }

  @Test
  void dataGoesThroughTheRelayAndBack() {
    VirtualSocket peer = peerHost.bind(
        TransportAddress.udp("198.51.100.3", 6000), (path, payload, now) -> atPeer.add(path));
    String nonce = login();
    TransportAddress relayed = allocate(nonce);
    request(
        Method.CHANNEL_BIND,
        nonce,
        b -> b.put(AttributeType.CHANNEL_NUMBER, 0x4000)
            .put(AttributeType.XOR_PEER_ADDRESS, peer.local()));
    client.send(address, ByteBuffer.wrap(new byte[] {0x40, 0, 0, 1, 9}));
    net.runFor(Duration.ofSeconds(1));
    assertThat(atPeer).containsExactly(new FiveTuple(peer.local(), relayed));
    peer.send(relayed, ByteBuffer.wrap(new byte[] {7, 8}));
    net.runFor(Duration.ofSeconds(1));
    assertThat(atClient.get(atClient.size() - 1).array()).containsExactly(0x40, 0, 0, 2, 7, 8);
    assertThat(server.events())
        .hasAtLeastOneElementOfType(TurnServerEvent.AllocationCreated.class)
        .hasAtLeastOneElementOfType(TurnServerEvent.ChannelBound.class);
  }

  @Test
  void closedPortOfAPeerIsToldByIcmp() {
    String nonce = login();
    allocate(nonce);
    request(
        Method.CHANNEL_BIND,
        nonce,
        b -> b.put(AttributeType.CHANNEL_NUMBER, 0x4000)
            .put(AttributeType.XOR_PEER_ADDRESS, TransportAddress.udp("198.51.100.3", 6000)));
    client.send(address, ByteBuffer.wrap(new byte[] {0x40, 0, 0, 1, 9}));
    net.runFor(Duration.ofSeconds(1));
    assertThat(StunMessage.tryParse(atClient.get(atClient.size() - 1)).get(AttributeType.ICMP))
        .isEqualTo(new IcmpMessage(3, 3, 0));
  }

  @Test
  void restartForgetsEverythingAndFreesThePorts() {
    TransportAddress relayed = allocate(login());
    assertThat(serverHost.canBind(relayed)).isFalse();
    server.restart();
    assertThat(serverHost.canBind(relayed)).isTrue();
    assertThat(server.server().sessions()).isEmpty();
    assertThat(allocate(login())).isNotNull();
    net.runFor(Duration.ofSeconds(601));
    assertThat(server.server().sessions()).as("expired").isEmpty();
  }
}

package dev.frazil.turn;

import static dev.frazil.turn.ServerHarness.PEER;
import static dev.frazil.turn.ServerHarness.code;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ServerHarness.Client;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** TCP allocations, RFC 6062. */
class ServerConnectionsTest {
  private static final int TCP = 6;
  private static final TransportAddress PEER_STREAM =
      new TransportAddress(PEER.ip(), 80, Transport.TCP);

  private final ServerHarness net = new ServerHarness(builder -> builder.tcp(true));
  private final Client control = net.streamClient(5000);

  private TransportAddress allocate(Client client) {
    StunMessage response =
        client.request(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, TCP));
    assertThat(code(response)).isZero();
    TransportAddress relayed = response.get(AttributeType.XOR_RELAYED_ADDRESS, Transport.TCP);
    assertThat(net.bound).contains(relayed);
    return relayed;
  }

  private StunMessage connect(TransportAddress peer) {
    return control.request(Method.CONNECT, b -> b.put(AttributeType.XOR_PEER_ADDRESS, peer));
  }

  private StunMessage bind(Client data, int id) {
    return data.request(Method.CONNECTION_BIND, b -> b.put(AttributeType.CONNECTION_ID, id));
  }

  /** What the server sent last. */
  private StunMessage last() {
    return net.sent.get(net.sent.size() - 1).message();
  }

  private int connected(TransportAddress relayed) {
    assertThat(connect(PEER_STREAM)).isNull();
    net.server.handleConnected(new FiveTuple(relayed, PEER_STREAM), net.now);
    return last().intValue(AttributeType.CONNECTION_ID, 0);
  }

  @Test
  @Tag("TURN-1400")
  void tcpAllocationComesOverTcpAlone() {
    assertThat(code(net.client(5000)
            .request(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, TCP))))
        .isEqualTo(400);
    for (int i = 0; i < 3; i++) {
      int which = i;
      assertThat(code(control.request(Method.ALLOCATE, b -> {
            b.put(AttributeType.REQUESTED_TRANSPORT, TCP);
            if (which == 0) {
              b.put(AttributeType.EVEN_PORT, false);
            } else if (which == 1) {
              b.put(AttributeType.RESERVATION_TOKEN, 1L);
            } else {
              b.flag(AttributeType.DONT_FRAGMENT);
            }
          })))
          .isEqualTo(400);
    }
    assertThat(allocate(control).transport()).isEqualTo(Transport.TCP);
    ServerHarness off = new ServerHarness();
    assertThat(code(off.streamClient(5000)
            .request(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, TCP))))
        .as("off by default")
        .isEqualTo(442);
  }

  @Test
  @Tag("TURN-1410")
  void connectIsCheckedInOrder() {
    assertThat(code(connect(PEER))).as("no allocation").isEqualTo(437);
    TransportAddress relayed = allocate(control);
    assertThat(connect(PEER_STREAM)).as("the answer waits for the stream").isNull();
    assertThat(net.connects).containsExactly(new FiveTuple(relayed, PEER_STREAM));
    assertThat(code(connect(PEER_STREAM))).as("pending").isEqualTo(446);
    assertThat(code(control.request(Method.CONNECT, b -> {}))).isEqualTo(400);
    assertThat(code(connect(TransportAddress.udp("10.0.0.1", 80)))).isEqualTo(403);
    assertThat(code(connect(PEER.withPort(0)))).isEqualTo(403);
    net.server.handleConnected(new FiveTuple(relayed, PEER_STREAM), net.now);
    StunMessage response = last();
    assertThat(response.is(MessageClass.SUCCESS, Method.CONNECT)).isTrue();
    assertThat(response.has(AttributeType.CONNECTION_ID)).isTrue();
    assertThat(response.verifyIntegrity(control.signingKey())).isTrue();
    assertThat(code(connect(PEER_STREAM))).as("active").isEqualTo(446);
    Client udp = net.client(5000);
    udp.allocate();
    assertThat(code(udp.request(Method.CONNECT, b -> b.put(AttributeType.XOR_PEER_ADDRESS, PEER))))
        .as("not of a UDP allocation")
        .isEqualTo(400);
  }

  @Test
  void dataConnectionMayShowTheNonceOfItsControlConnection() {
    TransportAddress relayed = allocate(control);
    int id = connected(relayed);
    Client data = net.streamClient(5001);
    data.nonce = control.nonce;
    assertThat(code(data.send(data.signed(
            Method.CONNECTION_BIND,
            data.newId(),
            b -> b.put(AttributeType.CONNECTION_ID, id + 1)))))
        .as("of no connection")
        .isEqualTo(438);
    assertThat(code(data.send(data.signed(
            Method.CONNECTION_BIND, data.newId(), b -> b.put(AttributeType.CONNECTION_ID, id)))))
        .isZero();
    assertThat(net.joined).hasSize(1);
  }

  @Test
  void tcpAllocationsReachEachOther() {
    TransportAddress relayed = allocate(control);
    Client other = net.streamClient(6000);
    TransportAddress theirs = allocate(other);
    assertThat(control.permit(theirs)).isZero();
    assertThat(other.permit(relayed)).isZero();
    assertThat(control.permit(theirs.withPort(1))).as("nobody's port").isEqualTo(403);
    assertThat(connect(theirs)).isNull();
    assertThat(net.connects).containsExactly(new FiveTuple(relayed, theirs));
    net.server.handleAccepted(new FiveTuple(theirs, relayed), net.now);
    assertThat(last().is(MessageClass.INDICATION, Method.CONNECTION_ATTEMPT)).isTrue();
    assertThat(last().get(AttributeType.XOR_PEER_ADDRESS, Transport.TCP)).isEqualTo(relayed);
  }

  @Test
  @Tag("TURN-1410")
  void failedOrSlowConnectionIsTold() {
    TransportAddress relayed = allocate(control);
    FiveTuple path = new FiveTuple(relayed, PEER_STREAM);
    connect(PEER_STREAM);
    net.server.handleConnectFailed(path, net.now);
    assertThat(code(last())).isEqualTo(447);
    connect(PEER_STREAM);
    int before = net.sent.size();
    net.passSeconds(29);
    assertThat(net.sent).hasSize(before);
    net.passSeconds(1);
    assertThat(code(last())).isEqualTo(447);
    assertThat(net.closed).contains(path);
    net.closed.clear();
    net.server.handleConnected(path, net.now);
    assertThat(net.closed).as("too late").containsExactly(path);
    assertThat(connect(PEER_STREAM)).as("and again").isNull();
  }

  @Test
  @Tag("TURN-1420")
  void connectionThatNobodyBindsIsClosed() {
    TransportAddress relayed = allocate(control);
    int id = connected(relayed);
    net.passSeconds(29);
    assertThat(net.closed).isEmpty();
    net.passSeconds(1);
    assertThat(net.closed).containsExactly(new FiveTuple(relayed, PEER_STREAM));
    assertThat(code(bind(net.streamClient(5001), id))).isEqualTo(400);
  }

  @Test
  @Tag("TURN-1430")
  void incomingConnectionNeedsAPermission() {
    TransportAddress relayed = allocate(control);
    FiveTuple incoming = new FiveTuple(relayed, PEER_STREAM.withPort(9999));
    net.server.handleAccepted(incoming, net.now);
    assertThat(net.closed).containsExactly(incoming);
    assertThat(control.permit(PEER)).isZero();
    net.server.handleAccepted(incoming, net.now);
    StunMessage attempt = last();
    assertThat(attempt.is(MessageClass.INDICATION, Method.CONNECTION_ATTEMPT)).isTrue();
    assertThat(attempt.get(AttributeType.XOR_PEER_ADDRESS, Transport.TCP))
        .isEqualTo(incoming.remote());
    assertThat(net.closed).hasSize(1);
    int id = attempt.intValue(AttributeType.CONNECTION_ID, 0);
    Client data = net.streamClient(5001);
    assertThat(code(bind(data, id))).isZero();
    assertThat(net.joined).containsExactly(List.of(data.path, incoming));
  }

  @Test
  @Tag("TURN-1440")
  void connectionBindMakesAPipe() {
    TransportAddress relayed = allocate(control);
    int id = connected(relayed);
    assertThat(code(bind(net.client(5001), id))).as("over UDP").isEqualTo(400);
    Client data = net.streamClient(5002);
    assertThat(code(data.request(Method.CONNECTION_BIND, b -> {}))).isEqualTo(400);
    assertThat(code(bind(data, id + 1))).as("not pending").isEqualTo(400);
    assertThat(code(bind(net.streamClient(5003).as(ServerHarness.OTHER), id))).isEqualTo(441);
    assertThat(code(bind(control, id))).as("on the control connection").isEqualTo(400);
    StunMessage response = bind(data, id);
    assertThat(response.is(MessageClass.SUCCESS, Method.CONNECTION_BIND)).isTrue();
    assertThat(response.verifyIntegrity(data.signingKey())).isTrue();
    assertThat(net.joined).containsExactly(List.of(data.path, new FiveTuple(relayed, PEER_STREAM)));
    assertThat(code(bind(net.streamClient(5004), id))).as("joined already").isEqualTo(400);
    net.passSeconds(500);
    assertThat(net.closed).as("a pipe has no deadline").isEmpty();
  }

  @Test
  @Tag("TURN-1450")
  void oneEndClosesTheOtherAndTheAllocationAll() {
    TransportAddress relayed = allocate(control);
    FiveTuple peerPath = new FiveTuple(relayed, PEER_STREAM);
    Client data = net.streamClient(5001);
    bind(data, connected(relayed));
    net.server.handleClosed(peerPath, net.now);
    assertThat(net.closed).contains(data.path);
    net.closed.clear();
    Client second = net.streamClient(5002);
    bind(second, connected(relayed));
    net.server.handleClosed(second.path, net.now);
    assertThat(net.closed).contains(peerPath);
    net.closed.clear();
    Client third = net.streamClient(5003);
    bind(third, connected(relayed));
    net.server.handleClosed(control.path, net.now);
    assertThat(net.closed).contains(peerPath, third.path);
    assertThat(net.bound).isEmpty();
    net.passSeconds(60);
    assertThat(net.server.statistics().rows()).isZero();
    assertThat(net.server.statistics().deadlines()).isZero();
  }

  @Test
  @Tag("TURN-1450")
  void expiryClosesAllAndDataIsNotForTcpAllocations() {
    TransportAddress relayed = allocate(control);
    Client data = net.streamClient(5001);
    bind(data, connected(relayed));
    control.permit(PEER);
    assertThat(control.bind(0x4000, PEER)).isEqualTo(400);
    assertThat(control.indicate(PEER, (byte) 1)).isEmpty();
    net.passSeconds(600);
    assertThat(net.closed).contains(data.path, new FiveTuple(relayed, PEER_STREAM));
    assertThat(net.server.sessions()).isEmpty();
  }

  @Test
  void connectionsAreCappedAndNameTheShard() {
    ServerHarness small =
        new ServerHarness(builder -> builder.tcp(true).peers(10, 2).shard(129));
    Client client = small.streamClient(5000);
    client.request(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, TCP));
    for (int i = 0; i < 3; i++) {
      TransportAddress peer = PEER.withPort(80 + i);
      StunMessage response =
          client.request(Method.CONNECT, b -> b.put(AttributeType.XOR_PEER_ADDRESS, peer));
      assertThat(code(response)).isEqualTo(i < 2 ? -1 : 508);
    }
    small.server.handleConnected(small.connects.get(0), small.now);
    int id =
        small.sent.get(small.sent.size() - 1).message().intValue(AttributeType.CONNECTION_ID, 0);
    Client data = small.streamClient(5001);
    data.login();
    assertThat(TurnServer.shardOf(data.signed(
            Method.CONNECTION_BIND, data.newId(), b -> b.put(AttributeType.CONNECTION_ID, id))))
        .isEqualTo(129);
  }
}

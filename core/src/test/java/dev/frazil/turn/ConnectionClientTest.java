package dev.frazil.turn;

import static dev.frazil.turn.TurnHarness.LOCAL;
import static dev.frazil.turn.TurnHarness.PATH;
import static dev.frazil.turn.TurnHarness.SECOND;
import static dev.frazil.turn.TurnHarness.STREAM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunClient.Failure;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import dev.frazil.turn.TurnAllocation.DropReason;
import dev.frazil.turn.TurnEvent.ConnectRefused;
import dev.frazil.turn.TurnEvent.Connected;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** TCP to peers (RFC 6062). */
class ConnectionClientTest {
  private static final TransportAddress PEER =
      new TransportAddress(TurnHarness.PEER.ip(), 80, Transport.TCP);
  private static final FiveTuple DATA =
      new FiveTuple(STREAM.local().withPort(6000), STREAM.remote());

  private final TurnHarness harness = started();

  private static TurnHarness started() {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().transport(Transport.TCP).build());
    harness.call(now -> harness.allocation.start(STREAM, now));
    harness.run(SECOND);
    return harness;
  }

  private void connect(int id) {
    harness.server.answerNext(
        Method.CONNECT, 0, builder -> builder.put(AttributeType.CONNECTION_ID, id));
    harness.call(now -> harness.allocation.connect(PEER, now));
  }

  private void attempt(TransportAddress peer, int id) {
    harness.receive(
        STREAM,
        StunBuilder.indication(
                Method.CONNECTION_ATTEMPT, new TransactionId(1, id), ByteBuffer.allocate(100))
            .put(AttributeType.XOR_PEER_ADDRESS, peer)
            .put(AttributeType.CONNECTION_ID, id)
            .finish());
  }

  @Test
  @Tag("TURN-1460")
  void allocationIsForTcpOverAStream() {
    StunMessage asked = harness.last(Method.ALLOCATE);
    assertThat(asked.get(AttributeType.REQUESTED_TRANSPORT)).isEqualTo(6);
    assertThat(harness.allocation.relayed().get(0).transport()).isEqualTo(Transport.TCP);
    TurnHarness datagrams =
        new TurnHarness(TurnHarness.settings().transport(Transport.TCP).build());
    assertThatThrownBy(datagrams::start)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("RFC 6062");
  }

  @Test
  @Tag("TURN-1460")
  void connectionIsBoundOverAStreamOfItsOwnFromTheSameAddressToTheSameServer() {
    harness.server.bindsConnections = true;
    connect(0x77);
    Connected connected = harness.await(Connected.class);
    assertThat(connected).isEqualTo(new Connected(PEER, DATA, false));
    assertThat(harness.requests)
        .containsExactly(new TurnRequest.OpenConnection(0x77, LOCAL.ip(), STREAM.remote(), null));
    assertThat(harness.last(Method.CONNECT).get(AttributeType.XOR_PEER_ADDRESS, Transport.TCP))
        .isEqualTo(PEER);
    StunMessage bind = harness.last(Method.CONNECTION_BIND);
    assertThat(bind.get(AttributeType.CONNECTION_ID)).isEqualTo(0x77);
    assertThat(bind.get(AttributeType.USERNAME)).isEqualTo("user");
    harness.receive(DATA, ByteBuffer.allocate(30));
    assertThat(harness.allocation.statistics().dropped())
        .as("the stream is the application's now")
        .containsEntry(DropReason.NOT_MINE, 1L);
    harness.run(60 * SECOND);
    assertThat(harness.requests).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 403, 446, 447})
  @Tag("TURN-1460")
  void connectionThatTheServerRefusesIsTold(int code) {
    harness.server.refuseNext(Method.CONNECT, code);
    harness.call(now -> harness.allocation.connect(PEER, now));
    ConnectRefused refused = harness.await(ConnectRefused.class);
    assertThat(refused)
        .isEqualTo(new ConnectRefused(PEER, Failure.ERROR_RESPONSE, ErrorCode.of(code)));
    assertThat(harness.requests).isEmpty();
    assertThat(harness.allocation.relayed()).hasSize(1);
  }

  @Test
  @Tag("TURN-1460")
  void peerThatConnectsIsAnsweredWhenItIsPermitted() {
    harness.server.bindsConnections = true;
    attempt(PEER, 5);
    harness.run(SECOND);
    assertThat(harness.requests).isEmpty();
    harness.permit(PEER);
    attempt(PEER, 6);
    assertThat(harness.await(Connected.class)).isEqualTo(new Connected(PEER, DATA, true));
    assertThat(harness.last(Method.CONNECTION_BIND).get(AttributeType.CONNECTION_ID))
        .isEqualTo(6);
    assertThat(harness.allocation.statistics().dropped())
        .containsEntry(DropReason.NO_PERMISSION, 1L);
  }

  @Test
  @Tag("TURN-1460")
  void connectionThatIsNotBoundWithinHalfAMinuteIsGivenUp() {
    harness.server.answerNext(Method.CONNECTION_BIND, -1, builder -> builder);
    connect(1);
    harness.run(30 * SECOND);
    assertThat(harness.events(ConnectRefused.class)).isEmpty();
    harness.run(SECOND);
    assertThat(harness.events(ConnectRefused.class))
        .containsExactly(new ConnectRefused(PEER, Failure.TIMEOUT, null));
    assertThat(harness.requests).endsWith(new TurnRequest.Close(DATA));
  }

  @Test
  @Tag("TURN-1460")
  void bindingThatIsRefusedClosesTheStream() {
    harness.server.refuseNext(Method.CONNECTION_BIND, 400);
    connect(1);
    assertThat(harness.await(ConnectRefused.class).error().code()).isEqualTo(400);
    assertThat(harness.requests).endsWith(new TurnRequest.Close(DATA));
  }

  @Test
  void streamThatCannotBeHadIsTold() {
    harness.opens = false;
    connect(1);
    assertThat(harness.await(ConnectRefused.class).failure()).isEqualTo(Failure.UNREACHABLE);
  }

  @Test
  void streamThatBreaksBeforeItIsBoundIsTold() {
    harness.server.answerNext(Method.CONNECTION_BIND, -1, builder -> builder);
    connect(1);
    harness.run(SECOND);
    harness.call(now -> harness.allocation.handleUnreachable(DATA, now));
    assertThat(harness.events(ConnectRefused.class)).hasSize(1);
  }

  @Test
  void streamThatComesTooLateIsClosed() {
    harness.call(now -> harness.allocation.handleConnectionOpened(99, DATA, now));
    assertThat(harness.requests).containsExactly(new TurnRequest.Close(DATA));
  }

  @Test
  void serverCannotMakeUsOpenStreamsWithoutEnd() {
    harness.permit(PEER);
    harness.answersOpens = false;
    for (int i = 0; i < 1000; i++) {
      attempt(PEER, i);
      attempt(PEER, i);
    }
    assertThat(harness.requests(TurnRequest.OpenConnection.class)).hasSize(64);
    assertThat(harness.allocation.statistics().dropped())
        .containsEntry(DropReason.TABLE_FULL, 2000L - 64);
  }

  @Test
  void dataAndChannelsAreNotForTcp() {
    assertThatThrownBy(() -> harness.allocation.send(PEER, ByteBuffer.allocate(1), 0))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> harness.allocation.bind(PEER, 0))
        .isInstanceOf(IllegalStateException.class);
    TurnHarness udp = TurnHarness.allocated(TurnHarness.settings());
    assertThatThrownBy(() -> udp.allocation.connect(PEER, udp.now()))
        .isInstanceOf(IllegalStateException.class);
    udp.permit(TurnHarness.PEER);
    udp.receive(
        PATH,
        StunBuilder.indication(
                Method.CONNECTION_ATTEMPT, new TransactionId(1, 1), ByteBuffer.allocate(100))
            .put(AttributeType.XOR_PEER_ADDRESS, TurnHarness.PEER)
            .put(AttributeType.CONNECTION_ID, 1)
            .finish());
    assertThat(udp.requests).isEmpty();
  }
}

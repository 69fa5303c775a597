package dev.frazil.turn;

import static dev.frazil.turn.TurnHarness.LOCAL;
import static dev.frazil.turn.TurnHarness.PATH;
import static dev.frazil.turn.TurnHarness.PEER;
import static dev.frazil.turn.TurnHarness.PEER2;
import static dev.frazil.turn.TurnHarness.SECOND;
import static dev.frazil.turn.TurnHarness.STREAM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunClient.Failure;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.TurnAllocation.SendResult;
import dev.frazil.turn.TurnEvent.Allocated;
import dev.frazil.turn.TurnEvent.Closed;
import dev.frazil.turn.TurnEvent.Expiring;
import dev.frazil.turn.TurnEvent.Lost;
import dev.frazil.turn.TurnEvent.MoveRefused;
import dev.frazil.turn.TurnEvent.Moved;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RefreshClientTest {
  private static final long MINUTE = 60 * SECOND;

  private static TurnHarness allocated() {
    return TurnHarness.allocated(TurnHarness.settings());
  }

  /** Runs until so many requests of a method were made; the time of the last. */
  private static long timeOf(TurnHarness harness, int method, int number) {
    for (int i = 0; i < 100_000 && harness.asked(method).size() < number; i++) {
      harness.run(100 * TurnHarness.MS);
    }
    return harness.sent.get(harness.sent.size() - 1).time();
  }

  @Test
  @Tag("TURN-0730")
  @Tag("TURN-0530")
  void refreshComesAtHalfOfTheLifetimeThatTheServerGave() {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().lifetime(Duration.ofHours(1)).build());
    harness.server.lifetime = 1000;
    harness.start();
    harness.await(Allocated.class);
    assertThat(harness.last(Method.ALLOCATE).get(AttributeType.LIFETIME)).isEqualTo(3600);
    harness.server.lifetime = 200;
    harness.run(501 * SECOND);
    assertThat(harness.asked(Method.REFRESH)).hasSize(1);
    StunMessage refresh = harness.last(Method.REFRESH);
    assertThat(refresh.get(AttributeType.LIFETIME)).isEqualTo(3600);
    assertThat(refresh.get(AttributeType.USERNAME)).isEqualTo("user");
    assertThat(refresh.has(AttributeType.REQUESTED_ADDRESS_FAMILY)).isFalse();
    harness.run(98 * SECOND);
    assertThat(harness.asked(Method.REFRESH)).hasSize(1);
    harness.run(2 * SECOND);
    assertThat(harness.asked(Method.REFRESH)).hasSize(2);
  }

  @Test
  @Tag("TURN-0730")
  void refreshThatFailedIsTriedAgainWhileThereIsTime() {
    TurnHarness harness = allocated();
    harness.run(299 * SECOND);
    harness.server.silent = true;
    harness.run(60 * SECOND); // one transaction fails after 39.5 s
    harness.server.silent = false;
    harness.run(Duration.ofHours(1));
    assertThat(harness.events(Lost.class)).isEmpty();
    assertThat(harness.server.allocations()).isEqualTo(1);
  }

  @Test
  void allocationThatCannotBeRefreshedIsLostWhenItExpires() {
    TurnHarness harness = allocated();
    harness.server.silent = true;
    harness.run(598 * SECOND);
    assertThat(harness.events(Lost.class)).isEmpty();
    harness.run(2 * SECOND);
    assertThat(harness.events(Lost.class)).hasSize(1);
    assertThat(harness.allocation.relayed()).isEmpty();
    assertThat(harness.send(PEER, "x")).isEqualTo(SendResult.NO_ALLOCATION);
    assertThat(harness.allocation.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  @Tag("TURN-0740")
  void serverThatForgotTheAllocationHasLostIt() {
    TurnHarness harness = allocated();
    harness.server.restart();
    Lost lost = harness.await(Lost.class);
    assertThat(lost.error().code()).isEqualTo(437);
    assertThat(harness.requests).containsExactly(new TurnRequest.Close(PATH));
  }

  @Test
  @Tag("TURN-0740")
  void afterARestartOfTheServerAllIsThereAgainWhereThatIsWanted() {
    TurnHarness harness = TurnHarness.allocated(TurnHarness.settings().reallocate(true));
    harness.permit(PEER, PEER2);
    harness.call(now -> harness.allocation.bind(PEER, now));
    harness.run(20 * SECOND);
    harness.server.restart();
    harness.await(Allocated.class);
    harness.run(SECOND);
    assertThat(harness.events(Lost.class)).hasSize(1);
    harness.send(PEER, "one");
    harness.send(PEER2, "two");
    harness.run(SECOND);
    assertThat(harness.server.relayed)
        .containsExactly(
            new TurnHarness.Delivered(PEER, "one"), new TurnHarness.Delivered(PEER2, "two"));
    assertThat(harness.events(TurnEvent.ChannelBound.class)).hasSize(2);
    assertThat(harness.server.violations()).isZero();
  }

  @Test
  @Tag("TURN-0740")
  void nonceThatHasExpiredIsReplacedEverywhere() {
    TurnHarness harness = allocated();
    harness.permit(PEER);
    harness.call(now -> harness.allocation.bind(PEER, now));
    harness.run(Duration.ofHours(5)); // the server's nonces last an hour
    assertThat(harness.events(Lost.class)).isEmpty();
    assertThat(harness.server.allocations()).isEqualTo(1);
    List<String> nonces = harness
        .messages()
        .map(message -> message.get(AttributeType.NONCE))
        .filter(nonce -> nonce != null)
        .distinct()
        .toList();
    assertThat(nonces).hasSizeBetween(5, 7);
    harness.send(PEER, "x");
    harness.run(SECOND);
    assertThat(harness.server.relayed).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.1, 0.3})
  @Tag("TURN-0730")
  @Tag("TURN-0850")
  @Tag("TURN-1160")
  void dayPassesWithoutTheLossOfAllocationPermissionOrChannel(double loss) {
    TurnHarness harness = allocated();
    harness.permit(PEER, PEER2);
    harness.call(now -> harness.allocation.bind(PEER, now));
    harness.run(MINUTE);
    harness.loss = loss;
    int refused = 0;
    for (int second = 0; second < 24 * 60 * 60; second++) {
      harness.run(SECOND);
      refused += harness.server.reaches(PATH, PEER) && harness.server.reaches(PATH, PEER2) ? 0 : 1;
    }
    assertThat(refused).isZero();
    harness.loss = 0;
    harness.send(PEER, "by channel");
    assertThat(harness.sent.get(harness.sent.size() - 1).header()).isEqualTo(4);
    harness.run(SECOND);
    assertThat(harness.server.relayed)
        .containsExactly(new TurnHarness.Delivered(PEER, "by channel"));
    assertThat(harness.server.violations()).isZero();
    assertThat(harness.events(Lost.class)).isEmpty();
    assertThat(harness.server.allocations()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 403, 441})
  void refreshThatIsRefusedIsNotRepeatedAndTheRestOfTheLifetimeUsed(int code) {
    TurnHarness harness = allocated();
    harness.permit(PEER);
    harness.server.refuseNext(Method.REFRESH, code);
    Expiring expiring = harness.await(Expiring.class);
    assertThat(expiring.error().code()).isEqualTo(code);
    assertThat(harness.send(PEER, "x")).isEqualTo(SendResult.SENT);
    Lost lost = harness.await(Lost.class);
    assertThat(lost.error().code()).isEqualTo(code);
    assertThat(harness.now()).isBetween(expiring.expiresAt(), expiring.expiresAt() + SECOND);
    assertThat(harness.asked(Method.REFRESH)).hasSize(1);
  }

  @Test
  @Tag("STUN-1010")
  void serverThatIsDrainedSendsItsClientsElsewhere() {
    TransportAddress other = TransportAddress.udp("198.51.100.2", 3478);
    TurnHarness harness = allocated();
    harness.server(other);
    harness.permit(PEER);
    harness.server.answerNext(
        Method.REFRESH, 300, builder -> builder.put(AttributeType.ALTERNATE_SERVER, other));
    harness.await(Lost.class);
    harness.run(SECOND);
    assertThat(harness.events(Allocated.class)).hasSize(2);
    assertThat(harness.allocation.path().remote()).isEqualTo(other);
    assertThat(harness.events(TurnEvent.PermissionInstalled.class)).hasSize(2);
  }

  @Test
  void brokenStreamLosesTheAllocationAndANewStreamBringsAnother() {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().reallocate(true).build());
    harness.call(now -> harness.allocation.start(STREAM, now));
    harness.run(MINUTE);
    harness.call(now -> harness.allocation.handleUnreachable(STREAM, now));
    harness.await(Allocated.class);
    assertThat(harness.requests)
        .containsExactly(
            new TurnRequest.Open(LOCAL.ip(), STREAM.remote(), null), new TurnRequest.Close(STREAM));
  }

  @Test
  void streamThatBreaksWhileNothingIsAskedIsReplacedWhenSomethingIs() {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().reallocate(true).build());
    harness.server.refuseNext(Method.ALLOCATE, 486);
    harness.call(now -> harness.allocation.start(STREAM, now));
    harness.run(30 * SECOND);
    harness.call(now -> harness.allocation.handleUnreachable(STREAM, now));
    harness.run(29 * SECOND);
    assertThat(harness.requests).isEmpty();
    harness.await(Allocated.class);
    assertThat(harness.requests(TurnRequest.Open.class)).hasSize(1);
  }

  @Test
  void streamThatBreaksWhileItsAllocationIsDeletedIsReplaced() {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().reallocate(true).build());
    harness.call(now -> harness.allocation.start(STREAM, now));
    harness.run(MINUTE);
    harness.server.refuseNext(Method.CHANNEL_BIND, 400);
    harness.server.answerNext(Method.REFRESH, -1, builder -> builder);
    harness.call(now -> harness.allocation.bind(PEER, now));
    harness.run(SECOND);
    harness.call(now -> harness.allocation.handleUnreachable(STREAM, now));
    harness.await(Allocated.class);
    assertThat(harness.requests(TurnRequest.Open.class)).hasSize(1);
  }

  @Test
  void streamOverWhichNoAnswerComesIsReplaced() {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().reallocate(true).build());
    harness.server.silent = true;
    harness.call(now -> harness.allocation.start(STREAM, now));
    harness.await(TurnEvent.Refused.class);
    harness.server.silent = false;
    harness.await(Allocated.class);
    assertThat(harness.requests(TurnRequest.Open.class)).hasSize(1);
  }

  @Test
  void icmpErrorDoesNotEndAnAllocation() {
    TurnHarness harness = allocated();
    harness.call(now -> harness.allocation.handleUnreachable(PATH, now));
    assertThat(harness.events(Lost.class)).isEmpty();
    assertThat(harness.allocation.relayed()).hasSize(1);
  }

  @Test
  void requestsOverAStreamAreSentOnce() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.server.silent = true;
    harness.call(now -> harness.allocation.start(STREAM, now));
    TurnEvent.Refused refused = harness.await(TurnEvent.Refused.class);
    assertThat(refused.failure()).isEqualTo(Failure.TIMEOUT);
    assertThat(harness.sent).hasSize(1);
  }

  // closing

  @Test
  @Tag("TURN-0730")
  void closingDeletesTheAllocation() {
    TurnHarness harness = allocated();
    harness.call(harness.allocation::close);
    assertThat(harness.events(Closed.class)).isEmpty();
    harness.run(100 * TurnHarness.MS);
    assertThat(harness.last(Method.REFRESH).get(AttributeType.LIFETIME)).isZero();
    assertThat(harness.server.allocations()).isZero();
    assertThat(harness.events(Closed.class)).hasSize(1);
    assertThat(harness.requests).containsExactly(new TurnRequest.Close(PATH));
    assertThat(harness.allocation.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
    harness.call(harness.allocation::close);
    assertThat(harness.events(Closed.class)).hasSize(1);
    assertThatThrownBy(harness::start).isInstanceOf(IllegalStateException.class);
  }

  @Test
  @Tag("TURN-0740")
  void deletionThatFindsNothingIsASuccess() {
    TurnHarness harness = allocated();
    harness.server.restart();
    harness.call(harness.allocation::close);
    harness.run(100 * TurnHarness.MS);
    assertThat(harness.events(Closed.class)).hasSize(1);
    assertThat(harness.events(Lost.class)).isEmpty();
  }

  @Test
  @Tag("TURN-0740")
  void deletionWithAnOldNonceIsRepeated() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.server.lifetime = 20_000;
    harness.start();
    harness.run(2 * 60 * MINUTE);
    harness.call(harness.allocation::close);
    harness.run(100 * TurnHarness.MS);
    assertThat(harness.server.allocations()).isZero();
    assertThat(harness.events(Closed.class)).hasSize(1);
  }

  @Test
  @Tag("TURN-0730")
  void closingLingersForASecondAtMost() {
    TurnHarness harness = allocated();
    harness.server.silent = true;
    int before = harness.sent.size();
    harness.call(harness.allocation::close);
    harness.run(999 * TurnHarness.MS);
    assertThat(harness.events(Closed.class)).isEmpty();
    assertThat(harness.sent).hasSize(before + 2);
    harness.run(TurnHarness.MS);
    assertThat(harness.events(Closed.class)).hasSize(1);
    assertThat(harness.allocation.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  @Tag("TURN-0730")
  void allocationThatComesAfterClosingIsGivenBack() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.start();
    harness.run(25 * TurnHarness.MS); // the second Allocate is on its way
    harness.call(harness.allocation::close);
    harness.run(500 * TurnHarness.MS);
    assertThat(harness.asked(Method.ALLOCATE)).hasSize(2);
    assertThat(harness.server.allocations()).isZero();
    assertThat(harness.events).containsExactly(new Closed());
  }

  @Test
  void closingBeforeAnybodyKnowsUsSaysNothingMore() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.start();
    harness.call(harness.allocation::close);
    harness.run(SECOND);
    assertThat(harness.sent).hasSize(1);
    assertThat(harness.events).containsExactly(new Closed());
  }

  // credentials

  @Test
  @Tag("TURN-0530")
  void newAccountIsForTheNextAllocation() {
    TurnHarness harness = TurnHarness.allocated(TurnHarness.settings().reallocate(true));
    harness.call(now -> harness.allocation.setCredential(new LongTermCredential("other", "word")));
    timeOf(harness, Method.REFRESH, 1);
    assertThat(harness.last(Method.REFRESH).get(AttributeType.USERNAME)).isEqualTo("user");
    harness.server.restart();
    harness.await(TurnEvent.Refused.class);
    assertThat(harness.last(Method.ALLOCATE).get(AttributeType.USERNAME)).isEqualTo("other");
  }

  // mobility

  private static final FiveTuple MOBILE =
      new FiveTuple(TransportAddress.udp("192.0.2.99", 5001), PATH.remote());

  private static ByteBuffer ticket(int value) {
    return ByteBuffer.allocate(8).putLong(0, value);
  }

  private static TurnHarness mobile() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().mobility(true).build());
    harness.server.answerNext(Method.ALLOCATE, 0, builder -> {
      harness.server.allocate(PATH);
      return harness.server.granted(builder, PATH).put(AttributeType.MOBILITY_TICKET, ticket(1));
    });
    harness.start();
    harness.run(SECOND);
    return harness;
  }

  private static void move(TurnHarness harness, int next) {
    harness.server.answerNext(Method.REFRESH, 0, builder -> {
      harness.server.move(PATH, MOBILE);
      return builder
          .put(AttributeType.LIFETIME, 600)
          .put(AttributeType.MOBILITY_TICKET, ticket(next));
    });
    harness.call(now -> harness.allocation.move(MOBILE, now));
  }

  @Test
  @Tag("TURN-1600")
  void emptyTicketIsAskedForAndTheServersIsShownOnMovingAlone() {
    TurnHarness harness = mobile();
    assertThat(harness.last(Method.ALLOCATE).get(AttributeType.MOBILITY_TICKET).remaining())
        .isZero();
    assertThat(harness.events(Allocated.class).get(0).mobile()).isTrue();
    harness.run(301 * SECOND);
    assertThat(harness.last(Method.REFRESH).has(AttributeType.MOBILITY_TICKET)).isFalse();
    move(harness, 2);
    harness.await(Moved.class);
    assertThat(harness.last(Method.REFRESH).get(AttributeType.MOBILITY_TICKET))
        .isEqualTo(ticket(1));
    assertThat(harness.allocation.path()).isEqualTo(MOBILE);
    assertThat(harness.allocation.isMobile()).isTrue();
    harness.run(Duration.ofHours(1));
    assertThat(harness.events(Lost.class)).isEmpty();
  }

  @Test
  @Tag("TURN-1600")
  void dataGoesOverTheOldPathUntilTheMoveAndComesOverBothForAWhile() {
    TurnHarness harness = mobile();
    harness.permit(PEER);
    harness.run(SECOND);
    move(harness, 2);
    harness.send(PEER, "before");
    assertThat(harness.sent.get(harness.sent.size() - 1).path()).isEqualTo(PATH);
    harness.await(Moved.class);
    harness.send(PEER, "after");
    assertThat(harness.sent.get(harness.sent.size() - 1).path()).isEqualTo(MOBILE);
    harness.server.fromPeer(PATH, PEER, "old");
    harness.run(SECOND);
    assertThat(harness.requests).isEmpty();
    harness.server.fromPeer(MOBILE, PEER, "new");
    harness.run(SECOND);
    assertThat(harness.delivered)
        .extracting(TurnHarness.Delivered::payload)
        .containsExactly("old", "new");
    assertThat(harness.requests).containsExactly(new TurnRequest.Close(PATH));
    assertThat(harness.server.relayed)
        .extracting(TurnHarness.Delivered::payload)
        .containsExactly("before", "after");
  }

  @Test
  @Tag("TURN-1600")
  void oldPathIsKeptUntilDataWentOverTheNewOneAndAWhileLonger() {
    TurnHarness harness = mobile();
    harness.permit(PEER);
    move(harness, 2);
    harness.await(Moved.class);
    harness.run(200 * SECOND);
    assertThat(harness.requests).as("the server may still use it").isEmpty();
    harness.send(PEER, "x");
    harness.run(29 * SECOND);
    assertThat(harness.requests).isEmpty();
    harness.run(2 * SECOND);
    assertThat(harness.requests).containsExactly(new TurnRequest.Close(PATH));
  }

  @Test
  @Tag("TURN-1600")
  void requestThatWasUnderWayIsMadeAgainOverTheNewPath() {
    TurnHarness harness = mobile();
    harness.server.silent = true;
    harness.permit(PEER);
    harness.run(SECOND);
    harness.server.silent = false;
    move(harness, 2);
    harness.await(Moved.class);
    harness.run(SECOND);
    assertThat(harness.events(TurnEvent.PermissionInstalled.class)).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 405, 437, 441})
  @Tag("TURN-1600")
  void moveThatIsRefusedLeavesTheAllocationWhereItIs(int code) {
    TurnHarness harness = mobile();
    harness.server.refuseNext(Method.REFRESH, code);
    harness.call(now -> harness.allocation.move(MOBILE, now));
    MoveRefused refused = harness.await(MoveRefused.class);
    assertThat(refused.error()).isEqualTo(ErrorCode.of(code));
    assertThat(harness.allocation.path()).isEqualTo(PATH);
    assertThat(harness.requests).containsExactly(new TurnRequest.Close(MOBILE));
    harness.run(Duration.ofHours(1));
    assertThat(harness.events(Lost.class)).isEmpty();
  }

  @Test
  @Tag("TURN-1600")
  void serverThatForbidsMobilityIsAskedWithoutIt() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().mobility(true).build());
    harness.server.refuseNext(Method.ALLOCATE, 405);
    harness.start();
    assertThat(harness.await(Allocated.class).mobile()).isFalse();
    assertThat(harness.last(Method.ALLOCATE).has(AttributeType.MOBILITY_TICKET)).isFalse();
    assertThatThrownBy(() -> harness.allocation.move(MOBILE, harness.now()))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  @Tag("TURN-1600")
  void serverThatDoesNotKnowMobilityGivesAnAllocationThatStays() {
    TurnHarness harness = TurnHarness.allocated(TurnHarness.settings().mobility(true));
    assertThat(harness.events(Allocated.class).get(0).mobile()).isFalse();
    assertThat(harness.allocation.isMobile()).isFalse();
  }
}

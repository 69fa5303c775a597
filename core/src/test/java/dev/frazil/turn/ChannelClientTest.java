package dev.frazil.turn;

import static dev.frazil.turn.TurnHarness.PATH;
import static dev.frazil.turn.TurnHarness.PEER;
import static dev.frazil.turn.TurnHarness.PEER2;
import static dev.frazil.turn.TurnHarness.SECOND;
import static dev.frazil.turn.TurnHarness.STREAM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.TurnAllocation.SendResult;
import dev.frazil.turn.TurnEvent.Allocated;
import dev.frazil.turn.TurnEvent.ChannelBound;
import dev.frazil.turn.TurnEvent.Lost;
import dev.frazil.turn.TurnEvent.PermissionRefused;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChannelClientTest {
  private final TurnHarness harness =
      TurnHarness.allocated(TurnHarness.settings().reallocate(true));

  private void bind(TransportAddress peer) {
    harness.call(now -> harness.allocation.bind(peer, now));
  }

  private int binds() {
    return harness.asked(Method.CHANNEL_BIND).size();
  }

  private TurnHarness.Sent lastSent() {
    return harness.sent.get(harness.sent.size() - 1);
  }

  private boolean goesByChannel(TransportAddress peer) {
    assertThat(harness.send(peer, "data")).isEqualTo(SendResult.SENT);
    return lastSent().message() == null;
  }

  @Test
  @Tag("TURN-1160")
  void dataGoesByIndicationsUntilTheServerHasBoundTheChannel() {
    bind(PEER);
    assertThat(goesByChannel(PEER)).isFalse();
    harness.run(SECOND);
    assertThat(harness.events(ChannelBound.class)).containsExactly(new ChannelBound(PEER, 0x4000));
    assertThat(goesByChannel(PEER)).isTrue();
    assertThat(lastSent().bytes()).isEqualTo(ScriptedTurnServer.channelData(0x4000, "data"));
    assertThat(lastSent().header()).as("the payload is a part of its own").isEqualTo(4);
    assertThat(goesByChannel(PEER.withPort(1))).as("another port").isFalse();
    harness.run(SECOND);
    assertThat(harness.server.relayed).hasSize(3);
  }

  @Test
  @Tag("TURN-1160")
  void channelDataIsTakenFromTheMomentTheChannelIsAskedFor() {
    harness.receive(PATH, ScriptedTurnServer.channelData(0x4000, "too early"));
    bind(PEER);
    harness.receive(PATH, ScriptedTurnServer.channelData(0x4000, "early"));
    harness.receive(PATH, ScriptedTurnServer.channelData(0x4001, "another"));
    assertThat(harness.delivered).containsExactly(new TurnHarness.Delivered(PEER, "early"));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5})
  @Tag("TURN-1170")
  void lengthDoesNotCountWhatFollowsThePayload(int length) {
    bind(PEER);
    ByteBuffer padded = ByteBuffer.allocate(4 + length + 3);
    padded.put(ScriptedTurnServer.channelData(0x4000, "y".repeat(length))).clear();
    harness.receive(PATH, padded);
    assertThat(harness.delivered)
        .containsExactly(new TurnHarness.Delivered(PEER, "y".repeat(length)));
  }

  @ParameterizedTest
  @CsvSource({"0, 4", "1, 8", "2, 8", "3, 8", "4, 8", "5, 12"})
  @Tag("TURN-1170")
  void channelDataIsPaddedOverStreamsAndNotOverDatagrams(int length, int padded) {
    TurnHarness stream = new TurnHarness(TurnHarness.settings().build());
    stream.call(now -> stream.allocation.start(STREAM, now));
    stream.run(SECOND);
    for (TurnHarness each : List.of(stream, harness)) {
      each.call(now -> each.allocation.bind(PEER, now));
      each.run(SECOND);
      each.send(PEER, "z".repeat(length));
      ByteBuffer bytes = each.sent.get(each.sent.size() - 1).bytes();
      assertThat(bytes.remaining()).isEqualTo(each == stream ? padded : 4 + length);
      assertThat(bytes.slice(0, 4 + length))
          .isEqualTo(ScriptedTurnServer.channelData(0x4000, "z".repeat(length)));
      for (int i = 4 + length; i < bytes.limit(); i++) {
        assertThat(bytes.get(i)).isZero();
      }
    }
  }

  @Test
  @Tag("TURN-1160")
  void channelThatIsWantedIsRefreshedInTime() {
    bind(PEER);
    harness.run(Duration.ofMinutes(60));
    assertThat(binds()).isEqualTo(16);
    assertThat(goesByChannel(PEER)).isTrue();
    harness.run(SECOND);
    assertThat(harness.server.violations()).isZero();
    assertThat(harness.server.relayed).hasSize(1);
  }

  @Test
  @Tag("TURN-1160")
  void channelThatCannotBeRefreshedIsNotUsedWhenItMayHaveExpired() {
    TurnHarness patient = new TurnHarness(TurnHarness.settings().build());
    patient.server.lifetime = 20_000;
    patient.start();
    patient.run(SECOND);
    patient.call(now -> patient.allocation.bind(PEER, now));
    patient.run(SECOND);
    patient.server.silent = true;
    patient.run(598 * SECOND);
    patient.send(PEER, "a");
    assertThat(patient.sent.get(patient.sent.size() - 1).message()).isNull();
    patient.run(2 * SECOND);
    patient.send(PEER, "a");
    assertThat(patient.sent.get(patient.sent.size() - 1).message()).isNotNull();
  }

  @Test
  @Tag("TURN-1140")
  void numberRestsFiveMinutesAfterItsChannelExpiredAndItsPeerKeepsIt() {
    bind(PEER);
    harness.run(SECOND);
    harness.allocation.release(PEER.ip());
    harness.run(700 * SECOND);
    bind(PEER2);
    bind(PEER);
    harness.run(SECOND);
    assertThat(harness.events(ChannelBound.class))
        .extracting(ChannelBound::number)
        .as("the peer has its former number")
        .containsExactly(0x4000, 0x4001);
    assertThat(harness.last(Method.CHANNEL_BIND).get(AttributeType.XOR_PEER_ADDRESS))
        .isEqualTo(PEER);
    assertThat(harness.last(Method.CHANNEL_BIND).get(AttributeType.CHANNEL_NUMBER))
        .isEqualTo(0x4000);
    assertThat(harness.server.violations()).isZero();
  }

  @Test
  @Tag("TURN-1140")
  void allNumbersAreUsedAndNoneTooEarly() {
    TurnHarness open = new TurnHarness(TurnConfiguration.builder(new Random(1)).build());
    open.server.anonymous = true;
    open.server.lifetime = 20_000;
    open.start();
    open.run(SECOND);
    int all = 0x1000;
    for (int i = 0; i < all + 10; i++) {
      TransportAddress peer = peer(i);
      open.call(now -> open.allocation.bind(peer, now));
      open.allocation.release(peer.ip()); // so that permissions don't run out
      if (i % 8 == 0) {
        open.run(100 * TurnHarness.MS);
      }
    }
    open.run(60 * SECOND);
    Set<Integer> numbers = new HashSet<>();
    open.events(ChannelBound.class).forEach(bound -> numbers.add(bound.number()));
    assertThat(open.events(ChannelBound.class)).hasSize(all);
    assertThat(numbers).hasSize(all).allMatch(ChannelData::isChannel);
    open.call(now -> open.allocation.bind(peer(all + 5), now));
    open.run(901 * SECOND);
    assertThat(open.events(ChannelBound.class)).hasSize(all);
    open.call(now -> open.allocation.bind(peer(all + 5), now));
    open.run(SECOND);
    assertThat(open.events(ChannelBound.class)).hasSize(all + 1);
    assertThat(open.server.violations()).isZero();
  }

  private static TransportAddress peer(int i) {
    return TransportAddress.udp(IpAddress.ofIpv4(0x08000001 + i), 7);
  }

  @Test
  void channelThatIsReleasedBetweenTwoAllocationsIsNotBoundAgain() {
    bind(PEER);
    harness.run(SECOND);
    harness.server.restart();
    harness.server.answerNext(Method.ALLOCATE, -1, builder -> builder);
    harness.await(Lost.class);
    int before = binds();
    harness.call(now -> harness.allocation.release(PEER.ip()));
    harness.await(Allocated.class);
    harness.run(SECOND);
    assertThat(binds()).isEqualTo(before);
  }

  @Test
  void allocationWhoseChannelIsWrongIsNotReplacedUnlessItIsTo() {
    TurnHarness once = TurnHarness.allocated(TurnHarness.settings());
    once.server.refuseNext(Method.CHANNEL_BIND, 400);
    once.call(now -> once.allocation.bind(PEER, now));
    once.await(Lost.class);
    once.run(Duration.ofMinutes(10));
    assertThat(once.asked(Method.ALLOCATE)).as("of the first time").hasSize(2);
    assertThat(once.server.allocations()).isZero();
  }

  @Test
  @Tag("TURN-1150")
  void channelThatTheServerFindsWrongIsAReasonToStartOver() {
    harness.server.refuseNext(Method.CHANNEL_BIND, 400);
    harness.permit(PEER2);
    bind(PEER);
    Allocated again = harness.await(Allocated.class);
    assertThat(again.relayed()).hasSize(1);
    assertThat(harness.events(Lost.class)).hasSize(1);
    assertThat(harness.asked(Method.REFRESH))
        .singleElement()
        .satisfies(refresh -> assertThat(refresh.get(AttributeType.LIFETIME)).isZero());
    harness.run(SECOND);
    assertThat(goesByChannel(PEER)).isFalse();
    harness.server.refuseNext(Method.CHANNEL_BIND, 400);
    bind(PEER);
    harness.run(Duration.ofHours(1));
    assertThat(harness.events(Lost.class)).as("once").hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {403, 443})
  @Tag("TURN-0860")
  void peerThatGetsNoChannelIsRefused(int code) {
    harness.server.refuseNext(Method.CHANNEL_BIND, code);
    bind(PEER);
    harness.run(SECOND);
    assertThat(harness.events(PermissionRefused.class))
        .singleElement()
        .satisfies(refused -> assertThat(refused.error().code()).isEqualTo(code));
    assertThat(harness.send(PEER, "x")).isEqualTo(SendResult.NO_PERMISSION);
    harness.run(Duration.ofHours(1));
    assertThat(binds()).isEqualTo(1);
  }

  @Test
  @Tag("TURN-0860")
  void serverWithoutRoomForAChannelIsAskedAgainAndIndicationsGoOn() {
    harness.server.refuseNext(Method.CHANNEL_BIND, 508);
    bind(PEER);
    harness.run(SECOND);
    assertThat(goesByChannel(PEER)).isFalse();
    harness.run(61 * SECOND);
    assertThat(goesByChannel(PEER)).isTrue();
  }

  @Test
  void channelIsBoundWhereItPays() {
    harness.permit(PEER, PEER2);
    harness.run(SECOND);
    for (int i = 0; i < 19; i++) {
      harness.send(PEER, "data");
    }
    for (int i = 0; i < 40; i++) {
      harness.send(PEER2, "data");
      harness.run(20 * SECOND); // rarely
    }
    assertThat(binds()).isZero();
    for (int i = 0; i < 20; i++) {
      harness.send(PEER, "data");
    }
    harness.run(SECOND);
    assertThat(binds()).isEqualTo(1);
    assertThat(goesByChannel(PEER)).isTrue();
    harness.run(Duration.ofMinutes(30));
    assertThat(binds()).as("nobody uses it any more").isEqualTo(2);
    assertThat(goesByChannel(PEER)).isFalse();
  }

  @Test
  void channelsCanBeLeftToTheOwner() {
    TurnHarness manual = TurnHarness.allocated(TurnHarness.settings().channelAfter(0));
    manual.permit(PEER);
    for (int i = 0; i < 1000; i++) {
      manual.send(PEER, "data");
    }
    manual.run(SECOND);
    assertThat(manual.asked(Method.CHANNEL_BIND)).isEmpty();
  }

  @Test
  void payloadThatFitsIntoNoMessageIsAMistake() {
    harness.permit(PEER);
    assertThatThrownBy(
            () -> harness.allocation.send(PEER, ByteBuffer.allocate(65536), harness.now()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("65536");
    assertThat(harness.allocation.send(PEER, ByteBuffer.allocate(65480), harness.now()))
        .isEqualTo(SendResult.SENT);
    StunMessage message = harness.sent.get(harness.sent.size() - 1).message();
    assertThat(message.get(AttributeType.DATA).remaining()).isEqualTo(65480);
  }

  @Test
  void sendingAllocatesNothing() {
    harness.permit(PEER2);
    bind(PEER);
    harness.run(SECOND);
    harness.recording = false;
    ByteBuffer payload = ByteBuffer.allocate(160);
    ByteBuffer incoming = ScriptedTurnServer.channelData(0x4000, "x".repeat(160));
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 5; round++) {
      long before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
      for (int i = 0; i < 10_000; i++) {
        harness.allocation.send(PEER, payload, harness.now());
        harness.allocation.send(PEER2, payload, harness.now());
        harness.allocation.handleDatagram(PATH, incoming.clear(), harness.now());
      }
      long after = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
      least = Math.min(least, after - before);
    }
    assertThat(least).as("bytes for 30,000 datagrams").isLessThan(3000);
    assertThat(harness.allocation.statistics().packetsReceived()).isEqualTo(50_000);
  }
}

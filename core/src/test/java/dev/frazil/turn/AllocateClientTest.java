package dev.frazil.turn;

import static dev.frazil.turn.TurnHarness.LOCAL;
import static dev.frazil.turn.TurnHarness.PATH;
import static dev.frazil.turn.TurnHarness.PEER;
import static dev.frazil.turn.TurnHarness.SECOND;
import static dev.frazil.turn.TurnHarness.SERVER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AddressErrorCode;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunClient.Failure;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.TurnConfiguration.Families;
import dev.frazil.turn.TurnEvent.Allocated;
import dev.frazil.turn.TurnEvent.Refused;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class AllocateClientTest {
  private static final TransportAddress RELAY4 = TransportAddress.udp("198.51.100.1", 50000);
  private static final TransportAddress RELAY6 = TransportAddress.udp("2001:db8::1", 50000);

  private static TurnHarness started(TurnConfiguration.Builder settings) {
    TurnHarness harness = new TurnHarness(settings.build());
    harness.start();
    return harness;
  }

  private static TurnHarness started() {
    return started(TurnHarness.settings());
  }

  private static int allocates(TurnHarness harness) {
    return (int) harness.asked(Method.ALLOCATE).stream()
        .filter(StunMessage::hasIntegrity)
        .count();
  }

  @Test
  @Tag("TURN-0500")
  void everyAllocateAsksForUdpAndTheSecondShowsWhoWeAre() {
    TurnHarness harness = started();
    Allocated allocated = harness.await(Allocated.class);
    assertThat(allocated.relayed()).containsExactly(RELAY4);
    assertThat(allocated.mapped()).isEqualTo(LOCAL);
    assertThat(allocated.lifetime()).isEqualTo(Duration.ofMinutes(10));
    assertThat(allocated.reservationToken()).isNull();
    assertThat(allocated.mobile()).isFalse();
    List<StunMessage> asked = harness.asked(Method.ALLOCATE);
    assertThat(asked).hasSize(2).allSatisfy(message -> {
      assertThat(message.get(AttributeType.REQUESTED_TRANSPORT)).isEqualTo(17);
      assertThat(message.has(AttributeType.REQUESTED_ADDRESS_FAMILY)).isFalse();
      assertThat(message.has(AttributeType.LIFETIME)).isFalse();
    });
    assertThat(asked.get(0).hasIntegrity()).isFalse();
    assertThat(asked.get(1).get(AttributeType.USERNAME)).isEqualTo("user");
    assertThat(asked.get(1).get(AttributeType.PASSWORD_ALGORITHM))
        .as("the best that the server offers")
        .isEqualTo(PasswordAlgorithm.SHA_256);
    assertThat(asked.get(1).has(AttributeType.MESSAGE_INTEGRITY_SHA256)).isTrue();
    assertThat(harness.sent).allSatisfy(sent -> assertThat(sent.path()).isEqualTo(PATH));
  }

  @ParameterizedTest
  @EnumSource(Families.class)
  @Tag("TURN-0510")
  void familiesAreAskedForByOneAttributeAtMost(Families families) {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().families(families).build());
    harness.server.relays = switch (families) {
      case IPV4 -> List.of(RELAY4);
      case IPV6 -> List.of(RELAY6);
      case BOTH -> List.of(RELAY4, RELAY6);
    };
    harness.start();
    assertThat(harness.await(Allocated.class).relayed()).isEqualTo(harness.server.relays);
    StunMessage asked = harness.last(Method.ALLOCATE);
    assertThat(asked.get(AttributeType.REQUESTED_ADDRESS_FAMILY))
        .isEqualTo(families == Families.IPV6 ? 2 : null);
    assertThat(asked.get(AttributeType.ADDITIONAL_ADDRESS_FAMILY))
        .isEqualTo(families == Families.BOTH ? 2 : null);
  }

  @Test
  @Tag("TURN-0510")
  void settingsThatExcludeEachOtherAreAMistake() {
    List<UnaryOperator<TurnConfiguration.Builder>> wrong = List.of(
        b -> b.families(Families.BOTH).evenPort(true),
        b -> b.families(Families.BOTH).reservationToken(1),
        b -> b.evenPort(false).reservationToken(1),
        b -> b.transport(Transport.TCP).evenPort(false),
        b -> b.transport(Transport.TCP).dontFragment(true),
        b -> b.transport(Transport.TCP).reservationToken(1),
        b -> b.transport(Transport.TCP).mobility(true));
    assertThat(wrong)
        .allSatisfy(settings -> assertThatThrownBy(
                () -> settings.apply(TurnHarness.settings()).build())
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("exclude each other"));
    TurnHarness.settings().families(Families.BOTH).evenPort(false).build();
    assertThatThrownBy(() -> TurnHarness.settings().lifetime(Duration.ZERO))
        .hasMessageContaining("lifetime");
    assertThatThrownBy(() -> TurnHarness.settings().channelAfter(-1))
        .hasMessageContaining("channelAfter");
  }

  @Test
  @Tag("TURN-1470")
  void serverThatIgnoresTheAdditionalFamilyGivesOneAndThatIsTaken() {
    TurnHarness harness = started(TurnHarness.settings().families(Families.BOTH));
    Allocated allocated = harness.await(Allocated.class);
    assertThat(allocated.relayed()).containsExactly(RELAY4);
    assertThat(allocated.missing()).isEmpty();
    harness.run(SECOND);
    assertThat(allocates(harness)).isEqualTo(1);
  }

  @Test
  @Tag("TURN-1470")
  void serverWithoutIpv4ThatKnowsNoAdditionalFamilyIsAskedForIpv6() {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().families(Families.BOTH).build());
    harness.server.refuseNext(Method.ALLOCATE, 440);
    harness.server.relays = List.of(RELAY6);
    harness.start();
    assertThat(harness.await(Allocated.class).relayed()).containsExactly(RELAY6);
    assertThat(harness.last(Method.ALLOCATE).get(AttributeType.REQUESTED_ADDRESS_FAMILY))
        .isEqualTo(2);
  }

  @Test
  @Tag("TURN-0520")
  void addressThatIsOfNoUseIsGivenBackAndTheServerNotAskedAgain() {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().reallocate(true).build());
    harness.server.relays = List.of(RELAY6);
    harness.start();
    Refused refused = harness.await(Refused.class);
    assertThat(refused.failure()).isEqualTo(Failure.BAD_RESPONSE);
    assertThat(refused.retryAt()).isEqualTo(ProtocolMachine.NEVER);
    harness.run(SECOND);
    assertThat(harness.server.allocations()).isZero();
    assertThat(harness.last(Method.REFRESH).get(AttributeType.LIFETIME)).isZero();
    harness.run(Duration.ofHours(1));
    assertThat(allocates(harness)).isEqualTo(1);
    harness.start();
    harness.run(SECOND);
    assertThat(allocates(harness)).isEqualTo(1);
    assertThat(harness.events(Refused.class)).hasSize(2);
  }

  @Test
  void anotherServerIsAskedWhileAnAllocationOfNoUseIsGivenBack() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.server.relays = List.of(RELAY6);
    harness.start();
    harness.await(Refused.class);
    harness.server.silent = true; // it has no answer to the Refresh request
    TransportAddress other = TransportAddress.udp("192.0.2.99", 3478);
    harness.server(other);
    harness.call(now ->
        harness.allocation.start(new FiveTuple(TurnHarness.LOCAL.withPort(6000), other), now));
    harness.await(Allocated.class);
  }

  @Test
  @Tag("TURN-0540")
  void familyWithoutSupportIsNeverAskedForAgain() {
    TurnHarness harness = new TurnHarness(
        TurnHarness.settings().families(Families.BOTH).reallocate(true).build());
    grantIpv4Only(harness, 440);
    harness.start();
    Allocated allocated = harness.await(Allocated.class);
    assertThat(allocated.missing()).containsExactly(new AddressErrorCode(2, ErrorCode.of(440)));
    harness.server.restart();
    harness.run(Duration.ofHours(1));
    assertThat(harness.events(Allocated.class)).hasSize(2);
    assertThat(harness.last(Method.ALLOCATE).has(AttributeType.ADDITIONAL_ADDRESS_FAMILY))
        .isFalse();
  }

  @Test
  @Tag("TURN-0540")
  void familyWithoutRoomIsAskedForAgainAfterAMinute() {
    for (int wait : new int[] {30, 90}) {
      TurnHarness harness = new TurnHarness(
          TurnHarness.settings().families(Families.BOTH).reallocate(true).build());
      grantIpv4Only(harness, 508);
      harness.start();
      harness.await(Allocated.class);
      harness.run(wait * SECOND);
      harness.server.restart();
      harness.permit(PEER); // it learns from this that the allocation is gone
      harness.await(Allocated.class);
      assertThat(harness.last(Method.ALLOCATE).has(AttributeType.ADDITIONAL_ADDRESS_FAMILY))
          .isEqualTo(wait > 60);
    }
  }

  private static void grantIpv4Only(TurnHarness harness, int code) {
    harness.server.answerNext(
        Method.ALLOCATE,
        0,
        builder -> harness
            .server
            .granted(builder, PATH)
            .put(AttributeType.ADDRESS_ERROR_CODE, new AddressErrorCode(2, ErrorCode.of(code))));
  }

  @Test
  @Tag("TURN-0550")
  void portThatIsKnownToTheServerIsLeftForAnotherAtMostTwice() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    for (int i = 0; i < 4; i++) {
      harness.server.refuseNext(Method.ALLOCATE, 437);
    }
    harness.start();
    Refused refused = harness.await(Refused.class);
    assertThat(refused.error()).isEqualTo(ErrorCode.of(437));
    assertThat(harness.requests(TurnRequest.Open.class))
        .containsOnly(new TurnRequest.Open(LOCAL.ip(), SERVER, null))
        .hasSize(2);
    assertThat(harness.requests(TurnRequest.Close.class)).hasSize(3);
    assertThat(harness.sent.stream().map(sent -> sent.path().local()).distinct())
        .hasSize(3);
    assertThat(refused.retryAt()).isEqualTo(lastAnswer(harness) + 120 * SECOND);

    int before = harness.sent.size();
    harness.start();
    harness.run(119 * SECOND);
    assertThat(harness.sent).as("the server is left alone").hasSize(before);
    harness.run(SECOND);
    assertThat(harness.sent).hasSizeGreaterThan(before);
  }

  /** When the answer to the last request came in. */
  private static long lastAnswer(TurnHarness harness) {
    return harness.sent.get(harness.sent.size() - 1).time() + 20 * TurnHarness.MS;
  }

  @Test
  @Tag("TURN-0550")
  void anotherPortThatIsFreeGivesAnAllocation() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.server.refuseNext(Method.ALLOCATE, 437);
    harness.start();
    harness.await(Allocated.class);
    assertThat(harness.allocation.path().local().port()).isEqualTo(6000);
    assertThat(harness.requests).contains(new TurnRequest.Close(PATH));
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 403, 440, 441, 442, 499})
  @Tag("TURN-0560")
  void refusalForGoodIsNotArguedWith(int code) {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().reallocate(true).build());
    harness.server.refuseNext(Method.ALLOCATE, code);
    harness.start();
    Refused refused = harness.await(Refused.class);
    assertThat(refused.error().code()).isEqualTo(code);
    assertThat(refused.retryAt()).isEqualTo(ProtocolMachine.NEVER);
    harness.run(Duration.ofHours(1));
    assertThat(allocates(harness)).isEqualTo(1);
    assertThat(harness.requests).containsExactly(new TurnRequest.Close(PATH));
    assertThat(harness.allocation.path()).isNull();
  }

  @Test
  @Tag("TURN-0560")
  void wrongPasswordIsTriedOnce() {
    TurnHarness harness =
        started(TurnHarness.settings().credential(new LongTermCredential("user", "wrong")));
    Refused refused = harness.await(Refused.class);
    assertThat(refused.failure()).isEqualTo(Failure.UNAUTHENTICATED);
    assertThat(refused.error().code()).isEqualTo(401);
    assertThat(allocates(harness)).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {486, 508, 500})
  @Tag("TURN-0560")
  void serverThatIsFullIsAskedAgainAfterAMinute(int code) {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().reallocate(true).build());
    harness.server.refuseNext(Method.ALLOCATE, code);
    harness.start();
    Refused refused = harness.await(Refused.class);
    assertThat(refused.retryAt()).isEqualTo(lastAnswer(harness) + 60 * SECOND);
    harness.run(59 * SECOND);
    assertThat(allocates(harness)).isEqualTo(1);
    harness.await(Allocated.class);
    assertThat(allocates(harness)).isEqualTo(2);
  }

  @Test
  @Tag("TURN-0560")
  void particularPortIsGivenUpAtOnceWhereThereIsNone() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().evenPort(true).build());
    harness.server.refuseNext(Method.ALLOCATE, 508);
    harness.start();
    harness.await(Allocated.class);
    List<StunMessage> asked = harness.asked(Method.ALLOCATE);
    assertThat(asked.get(1).get(AttributeType.EVEN_PORT)).isTrue();
    assertThat(asked.get(2).has(AttributeType.EVEN_PORT)).isFalse();
    assertThat(harness.now()).isLessThan(2 * SECOND);
  }

  @Test
  @Tag("TURN-0560")
  void reservedPortIsAskedForByItsTokenAlone() {
    TurnHarness harness = new TurnHarness(
        TurnHarness.settings().families(Families.IPV6).reservationToken(0x1234).build());
    harness.server.refuseNext(Method.ALLOCATE, 508);
    harness.server.relays = List.of(RELAY6);
    harness.start();
    harness.await(Allocated.class);
    List<StunMessage> asked = harness.asked(Method.ALLOCATE);
    assertThat(asked.get(1).get(AttributeType.RESERVATION_TOKEN)).isEqualTo(0x1234L);
    assertThat(asked.get(1).has(AttributeType.REQUESTED_ADDRESS_FAMILY)).isFalse();
    assertThat(asked.get(2).has(AttributeType.RESERVATION_TOKEN)).isFalse();
    assertThat(asked.get(2).get(AttributeType.REQUESTED_ADDRESS_FAMILY)).isEqualTo(2);
  }

  @Test
  void reservationTokenIsHandedOn() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().evenPort(true).build());
    harness.server.answerNext(
        Method.ALLOCATE,
        0,
        builder -> harness.server.granted(builder, PATH).put(AttributeType.RESERVATION_TOKEN, 77L));
    harness.start();
    assertThat(harness.await(Allocated.class).reservationToken()).isEqualTo(77);
  }

  @Test
  @Tag("TURN-0570")
  void serverThatCannotForbidFragmentsIsAskedWithoutThat() {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().dontFragment(true).build());
    harness.server.answerNext(
        Method.ALLOCATE,
        420,
        builder -> builder.put(AttributeType.UNKNOWN_ATTRIBUTES, new int[] {0x001A}));
    harness.start();
    harness.await(Allocated.class);
    List<StunMessage> asked = harness.asked(Method.ALLOCATE);
    assertThat(asked.get(1).has(AttributeType.DONT_FRAGMENT)).isTrue();
    assertThat(asked.get(2).has(AttributeType.DONT_FRAGMENT)).isFalse();
    harness.permit(PEER);
    harness.send(PEER, "x");
    assertThat(harness.messages().filter(m -> m.is(MessageClass.INDICATION, Method.SEND)))
        .hasSize(1)
        .noneMatch(m -> m.has(AttributeType.DONT_FRAGMENT));
  }

  @Test
  @Tag("TURN-0570")
  void attributeThatWasNotSentCannotBeLeftOut() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.server.answerNext(
        Method.ALLOCATE,
        420,
        builder -> builder.put(AttributeType.UNKNOWN_ATTRIBUTES, new int[] {0x001A}));
    harness.start();
    assertThat(harness.await(Refused.class).error().code()).isEqualTo(420);
  }

  @Test
  @Tag("TURN-0570")
  void silenceIsToldAfterTheRetransmissions() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.server.silent = true;
    harness.start();
    Refused refused = harness.await(Refused.class);
    assertThat(refused.failure()).isEqualTo(Failure.TIMEOUT);
    assertThat(refused.error()).isNull();
    assertThat(harness.sent).hasSize(7);
  }

  @Test
  void addressWhereNobodyListensIsToldAtOnce() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.start();
    harness.call(now -> harness.allocation.handleUnreachable(PATH, now));
    assertThat(harness.events(Refused.class))
        .singleElement()
        .satisfies(refused -> assertThat(refused.failure()).isEqualTo(Failure.UNREACHABLE));
  }

  // redirection

  private static final TransportAddress OTHER = TransportAddress.udp("198.51.100.2", 3478);

  private static UnaryOperator<StunBuilder> to(TransportAddress... servers) {
    return builder -> {
      for (TransportAddress each : servers) {
        builder.put(AttributeType.ALTERNATE_SERVER, each);
      }
      return builder.put(AttributeType.ALTERNATE_DOMAIN, "other.example");
    };
  }

  @Test
  @Tag("STUN-1010")
  @Tag("TURN-0570")
  void alternateServerIsTriedWithTheSameRequestAndItsNameIsVerified() {
    TurnHarness harness =
        new TurnHarness(TurnHarness.settings().dontFragment(true).build());
    TransportAddress other6 = TransportAddress.udp("2001:db8::2", 3478);
    harness.server.answerNext(Method.ALLOCATE, 300, to(other6, OTHER));
    harness.server(OTHER);
    harness.start();
    harness.await(Allocated.class);
    assertThat(harness.requests)
        .containsExactly(
            new TurnRequest.Open(LOCAL.ip(), OTHER, "other.example"), new TurnRequest.Close(PATH));
    assertThat(harness.allocation.path().remote()).isEqualTo(OTHER);
    StunMessage asked = harness.last(Method.ALLOCATE);
    assertThat(asked.has(AttributeType.DONT_FRAGMENT)).isTrue();
    assertThat(asked.get(AttributeType.USERNAME)).isEqualTo("user");
  }

  @Test
  @Tag("STUN-1010")
  void serversThatSendUsToEachOtherAreLeft() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.server.answerNext(Method.ALLOCATE, 300, to(OTHER));
    harness.server(OTHER).answerNext(Method.ALLOCATE, 300, to(SERVER));
    harness.start();
    Refused refused = harness.await(Refused.class);
    assertThat(refused.error().code()).isEqualTo(300);
    assertThat(harness.requests(TurnRequest.Open.class)).hasSize(1);
  }

  @Test
  @Tag("STUN-1010")
  void serverThatWasTriedFiveMinutesAgoIsTriedAgain() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.server.answerNext(Method.ALLOCATE, 300, to(OTHER));
    harness.start();
    ScriptedTurnServer other = harness.server(OTHER);
    other.refuseNext(Method.ALLOCATE, 486);
    harness.await(Refused.class);
    harness.run(301 * SECOND);
    other.answerNext(Method.ALLOCATE, 300, to(SERVER));
    harness.call(now -> harness.allocation.start(new FiveTuple(LOCAL, OTHER), now));
    harness.await(Allocated.class);
    assertThat(harness.allocation.path().remote()).isEqualTo(SERVER);
  }

  @Test
  @Tag("STUN-1010")
  void alternateServerOfAnUnknownSenderIsNotBelieved() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.server.answerAnybody(Method.ALLOCATE, 300, to(OTHER));
    harness.start();
    harness.await(Refused.class);
    assertThat(harness.requests(TurnRequest.Open.class)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"})
  @Tag("STUN-1010")
  void alternateServerThatCannotBeOneIsNotTried(String ip) {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.server.answerNext(Method.ALLOCATE, 300, to(TransportAddress.udp(ip, 3478)));
    harness.start();
    harness.await(Refused.class);
    assertThat(harness.requests(TurnRequest.Open.class)).isEmpty();
  }

  @Test
  void serverThatIsOpenToEverybodyNeedsNoCredential() {
    TurnHarness harness =
        new TurnHarness(TurnConfiguration.builder(new Random(1)).build());
    harness.server.anonymous = true;
    harness.start();
    harness.await(Allocated.class);
    assertThat(harness.asked(Method.ALLOCATE)).hasSize(1);
  }

  @Test
  void allocationThatIsUnderWayCannotBeStarted() {
    TurnHarness harness = started();
    assertThatThrownBy(harness::start).isInstanceOf(IllegalStateException.class);
    harness.await(Allocated.class);
    assertThatThrownBy(harness::start).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void newPathThatCannotBeHadIsTold() {
    TurnHarness harness = new TurnHarness(TurnHarness.settings().build());
    harness.opens = false;
    harness.server.refuseNext(Method.ALLOCATE, 437);
    harness.start();
    assertThat(harness.await(Refused.class).reason()).isEqualTo("no socket");
  }
}

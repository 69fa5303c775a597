package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class StunClientTest {
  private static final long MS = 1_000_000;
  private static final AttributeSet NOTHING = AttributeSet.of(AttributeType.ERROR_CODE);
  private static final FiveTuple UDP = new FiveTuple(
      TransportAddress.udp("192.0.2.1", 5000), TransportAddress.udp("198.51.100.1", 3478));
  private static final FiveTuple TCP = new FiveTuple(
      new TransportAddress(UDP.local().ip(), 5000, Transport.TCP),
      new TransportAddress(UDP.remote().ip(), 3478, Transport.TCP));

  private final Recorder outbox = new Recorder();
  private final RoundTripTimes roundTrips = new RoundTripTimes(Duration.ofMillis(500));
  private FiveTuple path = UDP;
  private StunClient client = client(ClientAuthentication.none(), StunClient.Options.DEFAULT);
  private long now = 1_000 * MS;

  private StunClient client(ClientAuthentication authentication, StunClient.Options options) {
    return new StunClient(path, options, authentication, roundTrips, new Random(1), outbox);
  }

  private StunClient.Request ask() {
    return client.request(Method.BINDING, b -> {}, NOTHING, now);
  }

  /** Lets the last request be answered. */
  private void respond(MessageClass messageClass, Consumer<StunBuilder> attributes) {
    client.handleDatagram(
        path, response(messageClass, outbox.last().transactionId(), attributes), now);
  }

  private static ByteBuffer response(
      MessageClass messageClass, TransactionId id, Consumer<StunBuilder> attributes) {
    StunBuilder builder =
        StunBuilder.message(messageClass, Method.BINDING, id, ByteBuffer.allocate(1000));
    attributes.accept(builder);
    return builder.finish();
  }

  private static Consumer<StunBuilder> code(int code) {
    return b -> b.put(AttributeType.ERROR_CODE, ErrorCode.of(code));
  }

  /** Lets time pass until there is nothing to wait for. */
  private void runOut() {
    while (client.nextTimeout() != ProtocolMachine.NEVER) {
      now = client.nextTimeout();
      client.handleTimeout(now);
    }
  }

  @Test
  @Tag("STUN-0830")
  @Tag("STUN-0560")
  void requestsCarrySoftwareUnlessItIsSwitchedOff() {
    ask();
    assertThat(outbox.last()).asString().endsWith(" SOFTWARE");
    assertThat(outbox.last().get(AttributeType.SOFTWARE)).isEqualTo("frazil");
    client = client(
        ClientAuthentication.none(),
        new StunClient.Options(Retransmission.DEFAULT, null, true, false));
    ask();
    assertThat(outbox.last()).asString().endsWith(" FINGERPRINT");
    assertThat(outbox.last().hasValidFingerprint()).isTrue();
  }

  @Test
  @Tag("STUN-0030")
  void eachTransactionHasANewId() {
    Set<TransactionId> ids = new HashSet<>();
    for (int i = 0; i < 100; i++) {
      ask();
      assertThat(ids.add(outbox.last().transactionId())).isTrue();
      respond(MessageClass.SUCCESS, b -> {});
    }
  }

  @Test
  @Tag("STUN-0400")
  void eleventhRequestWaitsForOneToEnd() {
    for (int i = 0; i < 11; i++) {
      ask();
    }
    assertThat(outbox.sent).hasSize(10);
    respond(MessageClass.SUCCESS, b -> {});
    assertThat(outbox.answered).hasSize(1);
    assertThat(outbox.sent).hasSize(11);
    runOut();
    assertThat(outbox.failures).hasSize(10).containsOnly(StunClient.Failure.TIMEOUT);
  }

  @Test
  void cancelledRequestMakesRoomAndIsForgotten() {
    StunClient.Request first = ask();
    for (int i = 0; i < 11; i++) {
      ask();
    }
    StunClient.Request waiting = ask();
    client.cancel(waiting, now);
    client.cancel(first, now);
    client.cancel(first, now);
    assertThat(outbox.sent).hasSize(11);
    client.handleDatagram(
        path, response(MessageClass.SUCCESS, outbox.message(0).transactionId(), b -> {}), now);
    assertThat(outbox.answered).isEmpty();
    runOut();
    assertThat(outbox.failed).hasSize(11).doesNotContain(first, waiting);
  }

  @Test
  @Tag("STUN-0410")
  void requestWithoutAnswerIsSentSevenTimesAndFails() {
    StunClient.Request request = ask();
    assertThat(client.nextTimeout()).isEqualTo(now + 500 * MS);
    long start = now;
    runOut();
    assertThat(outbox.sent).hasSize(7);
    assertThat(now - start).isEqualTo(39_500 * MS);
    assertThat(outbox.failed).containsExactly(request);
    assertThat(outbox.failures).containsExactly(StunClient.Failure.TIMEOUT);
  }

  @Test
  @Tag("STUN-0420")
  void measuredRoundTripSetsTheNextTimeout() {
    ask();
    now += 400 * MS;
    respond(MessageClass.SUCCESS, b -> {});
    ask();
    assertThat(client.nextTimeout() - now).isEqualTo(1200 * MS);
    now = client.nextTimeout();
    client.handleTimeout(now); // sent again: by Karn's rule the answer tells nothing
    now += 5000 * MS;
    respond(MessageClass.SUCCESS, b -> {});
    ask();
    assertThat(client.nextTimeout() - now).isEqualTo(1200 * MS);
    respond(MessageClass.SUCCESS, b -> {});
    now += 600_000 * MS;
    ask();
    assertThat(client.nextTimeout() - now).as("10 minutes later").isEqualTo(500 * MS);
  }

  @Test
  @Tag("STUN-0430")
  void unreachableServerFailsWhatIsUnderWayAndWhatWaits() {
    for (int i = 0; i < 12; i++) {
      ask();
    }
    client.handleUnreachable(now);
    assertThat(outbox.failures).hasSize(12).containsOnly(StunClient.Failure.UNREACHABLE);
    assertThat(outbox.sent).hasSize(10);
    assertThat(client.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  @Tag("STUN-0440")
  void streamsAreAskedOnceAndAwaitedFor39500Milliseconds() {
    path = TCP;
    client = client(ClientAuthentication.none(), StunClient.Options.DEFAULT);
    ask();
    long start = now;
    runOut();
    assertThat(outbox.sent).hasSize(1);
    assertThat(now - start).isEqualTo(39_500 * MS);
    assertThat(outbox.failures).containsExactly(StunClient.Failure.TIMEOUT);
    ask();
    client.handleUnreachable(now);
    assertThat(outbox.failures).last().isEqualTo(StunClient.Failure.UNREACHABLE);
  }

  @Test
  @Tag("STUN-0490")
  void whatIsNotTheResponseIsIgnored() {
    ask();
    TransactionId id = outbox.last().transactionId();
    ByteBuffer good = response(MessageClass.SUCCESS, id, b -> {});
    ByteBuffer wrongFingerprint = response(MessageClass.SUCCESS, id, StunBuilder::fingerprint);
    wrongFingerprint.putInt(24, wrongFingerprint.getInt(24) + 1);
    FiveTuple elsewhere = new FiveTuple(UDP.local(), UDP.remote().withPort(3479));
    client.handleDatagram(path, ByteBuffer.allocate(3), now);
    client.handleDatagram(path, good.duplicate().put(4, (byte) 0), now); // no cookie
    good.put(4, (byte) 0x21);
    client.handleDatagram(
        path, response(MessageClass.SUCCESS, new TransactionId(9, 9), b -> {}), now);
    client.handleDatagram(path, response(MessageClass.REQUEST, id, b -> {}), now);
    client.handleDatagram(path, response(MessageClass.INDICATION, id, b -> {}), now);
    client.handleDatagram(
        path, StunBuilder.success(Method.ALLOCATE, id, ByteBuffer.allocate(20)).finish(), now);
    client.handleDatagram(path, wrongFingerprint, now);
    client.handleDatagram(elsewhere, good.duplicate(), now);
    assertThat(outbox.answered).isEmpty();
    assertThat(outbox.failed).isEmpty();
    client.handleDatagram(path, good.duplicate(), now);
    client.handleDatagram(path, good.duplicate(), now); // twice
    assertThat(outbox.answered).hasSize(1);
  }

  @Test
  @Tag("STUN-0520")
  void successWithUnknownRequiredAttributesFails() {
    ask();
    respond(MessageClass.SUCCESS, b -> b.flag(AttributeType.ofFlag(0x8ABC, "OPTIONAL")));
    assertThat(outbox.answered).hasSize(1);
    ask();
    respond(MessageClass.SUCCESS, b -> b.flag(AttributeType.ofFlag(0x7ABC, "UNKNOWN")));
    assertThat(outbox.failures).containsExactly(StunClient.Failure.BAD_RESPONSE);
  }

  @ParameterizedTest
  @ValueSource(ints = {300, 400, 420, 487, 499, 500, 599, 600, 699})
  @Tag("STUN-0530")
  void errorResponseFailsTheRequestAndIsNotResent(int code) {
    ask();
    respond(MessageClass.ERROR, code(code));
    assertThat(outbox.failures).containsExactly(StunClient.Failure.ERROR_RESPONSE);
    assertThat(outbox.errors).containsExactly(ErrorCode.of(code));
    assertThat(outbox.sent).hasSize(1);
  }

  @Test
  @Tag("STUN-0530")
  void errorResponseWithoutItsCodeOrWithUnknownAttributesIsBad() {
    ask();
    respond(MessageClass.ERROR, b -> {});
    ask();
    respond(
        MessageClass.ERROR, b -> code(400).accept(b.flag(AttributeType.ofFlag(0x7ABC, "UNKNOWN"))));
    assertThat(outbox.failures)
        .containsExactly(StunClient.Failure.BAD_RESPONSE, StunClient.Failure.BAD_RESPONSE);
  }

  @Test
  void textsAndRequestsThatAreTooLongAreMistakes() {
    assertThatThrownBy(
            () -> new StunClient.Options(Retransmission.DEFAULT, "x".repeat(128), false, false))
        .hasMessageContaining("software");
    assertThatThrownBy(() -> client.request(
            Method.BINDING,
            b -> b.put(AttributeType.DATA, ByteBuffer.allocate(2040)),
            NOTHING,
            now))
        .hasMessageContaining("2048");
  }

  // Short-term credentials

  private final IntegrityKey key = IntegrityKey.shortTerm("pass");
  private final IntegrityKey wrongKey = IntegrityKey.shortTerm("wrong");

  private void shortTerm(Integrity integrity) {
    client = client(
        ClientAuthentication.shortTerm("user", "pass", integrity), StunClient.Options.DEFAULT);
  }

  @ParameterizedTest
  @EnumSource(Integrity.class)
  @Tag("STUN-0710")
  void shortTermRequestsCarryTheWantedIntegrity(Integrity integrity) {
    shortTerm(integrity);
    ask();
    assertThat(outbox.last().get(AttributeType.USERNAME)).isEqualTo("user");
    assertThat(outbox.last().has(AttributeType.MESSAGE_INTEGRITY))
        .isEqualTo(integrity != Integrity.SHA256);
    assertThat(outbox.last().has(AttributeType.MESSAGE_INTEGRITY_SHA256))
        .isEqualTo(integrity != Integrity.SHA1);
    assertThat(outbox.last().verifyIntegrity(key)).isTrue();
  }

  /** Regression rows: response without or with wrong integrity; forged 401 and 487. */
  @Test
  @Tag("STUN-0740")
  void forgedResponsesAreAsIfTheyHadNotCome() {
    shortTerm(Integrity.SHA1);
    ask();
    respond(MessageClass.SUCCESS, b -> {});
    respond(MessageClass.SUCCESS, b -> b.integrity(wrongKey));
    respond(MessageClass.ERROR, code(401));
    respond(MessageClass.ERROR, code(487));
    respond(MessageClass.ERROR, code(400).andThen(b -> b.integrity(wrongKey)));
    assertThat(outbox.failed).isEmpty();
    now = client.nextTimeout();
    client.handleTimeout(now);
    assertThat(outbox.sent).as("it goes on").hasSize(2);
    respond(MessageClass.SUCCESS, b -> b.integrity(key));
    assertThat(outbox.answered).hasSize(1);
  }

  @Test
  @Tag("STUN-0740")
  void forgedResponsesAloneEndAsIntegrityViolation() {
    shortTerm(Integrity.SHA1);
    ask();
    respond(MessageClass.SUCCESS, b -> {});
    runOut();
    assertThat(outbox.failures).containsExactly(StunClient.Failure.INTEGRITY_VIOLATION);
    assertThat(outbox.sent).hasSize(7);
  }

  @Test
  @Tag("STUN-0740")
  void forgedResponseOverAStreamEndsAtOnce() {
    path = TCP;
    shortTerm(Integrity.SHA1);
    ask();
    respond(MessageClass.SUCCESS, b -> b.integrity(wrongKey));
    assertThat(outbox.failures).containsExactly(StunClient.Failure.INTEGRITY_VIOLATION);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @Tag("STUN-0750")
  void laterRequestsUseWhatTheFirstResponseUsed(boolean sha256) {
    shortTerm(Integrity.BOTH);
    ask();
    respond(MessageClass.SUCCESS, b -> (sha256 ? Integrity.SHA256 : Integrity.SHA1).seal(b, key));
    for (int i = 0; i < 2; i++) {
      ask();
      assertThat(outbox.last().has(AttributeType.MESSAGE_INTEGRITY)).isEqualTo(!sha256);
      assertThat(outbox.last().has(AttributeType.MESSAGE_INTEGRITY_SHA256)).isEqualTo(sha256);
      respond(MessageClass.SUCCESS, b -> (sha256 ? Integrity.SHA256 : Integrity.SHA1).seal(b, key));
    }
    assertThat(outbox.answered).hasSize(3);
  }

  @Test
  @Tag("STUN-1270")
  void countedRequestsGiveRoundTripsEvenWhenSentAgain() {
    client = client(
        ClientAuthentication.none(),
        new StunClient.Options(Retransmission.DEFAULT, null, false, true));
    ask();
    now = client.nextTimeout();
    client.handleTimeout(now);
    assertThat(outbox.last().intValue(AttributeType.TRANSACTION_TRANSMIT_COUNTER, 0))
        .isEqualTo(0x0200);
    now += 300 * MS;
    respond(MessageClass.SUCCESS, b -> b.put(AttributeType.TRANSACTION_TRANSMIT_COUNTER, 0x0201));
    assertThat(roundTrips.rto(UDP.remote().ip(), now)).isEqualTo(900 * MS);
  }
}

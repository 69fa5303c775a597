package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class ClientTransactionTest {
  private static final long MS = 1_000_000;
  private static final long START = 1_000 * MS;
  private static final TransactionId ID = new TransactionId(1, 2);
  private static final FiveTuple UDP = new FiveTuple(
      TransportAddress.udp("192.0.2.1", 5000), TransportAddress.udp("198.51.100.1", 3478));
  private static final FiveTuple TCP = new FiveTuple(
      new TransportAddress(UDP.local().ip(), 5000, Transport.TCP),
      new TransportAddress(UDP.remote().ip(), 3478, Transport.TCP));

  private final Recorder outbox = new Recorder();

  private static ByteBuffer request() {
    return StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(100))
        .put(AttributeType.SOFTWARE, "test")
        .finish();
  }

  /** Runs to the end; the times of the sends since the start, and last that of the failure, in milliseconds. */
  private List<Long> run(ClientTransaction transaction) {
    List<Long> times = new ArrayList<>();
    long now = START;
    transaction.start(outbox, now);
    times.add(0L);
    boolean going = true;
    while (going) {
      now = transaction.nextTimeout();
      assertThat(transaction.handleTimeout(outbox, now - 1)).as("early").isTrue();
      int before = transaction.sends();
      going = transaction.handleTimeout(outbox, now);
      assertThat(transaction.sends()).isEqualTo(going ? before + 1 : before);
      times.add((now - START) / MS);
    }
    assertThat(transaction.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
    return times;
  }

  @Test
  @Tag("STUN-0410")
  @Tag("STUN-0030")
  void datagramsAreSentSevenTimesAndGivenUpAfter39500Milliseconds() {
    ClientTransaction transaction =
        new ClientTransaction(UDP, request(), Retransmission.DEFAULT, 500 * MS);
    assertThat(run(transaction))
        .containsExactly(0L, 500L, 1500L, 3500L, 7500L, 15500L, 31500L, 39500L);
    assertThat(outbox.sent).hasSize(7).allMatch(bytes -> bytes.equals(request()));
    assertThat(outbox.paths).containsOnly(UDP);
    assertThat(Retransmission.DEFAULT.transactionTimeout(500 * MS)).isEqualTo(39_500 * MS);
    assertThat(transaction.firstSent()).isEqualTo(START);
    assertThat(transaction.lastSent()).isEqualTo(START + 31_500 * MS);
  }

  @Test
  @Tag("STUN-0410")
  void timesAreConfigurable() {
    Retransmission quick = new Retransmission(Duration.ofMillis(100), 3, 2, Duration.ofSeconds(1));
    assertThat(run(new ClientTransaction(UDP, request(), quick, quick.initialRtoNanos())))
        .containsExactly(0L, 100L, 300L, 500L);
    assertThat(quick.transactionTimeout(100 * MS)).isEqualTo(500 * MS);
  }

  @Test
  @Tag("STUN-0440")
  void streamsCarryTheRequestOnce() {
    ClientTransaction transaction =
        new ClientTransaction(TCP, request(), Retransmission.DEFAULT, 500 * MS);
    assertThat(run(transaction)).containsExactly(0L, 39500L);
    assertThat(outbox.sent).hasSize(1);
  }

  @Test
  void cancelledTransactionWaitsAsLongButSendsNoMore() {
    ClientTransaction transaction =
        new ClientTransaction(UDP, request(), Retransmission.DEFAULT, 500 * MS);
    transaction.start(outbox, START);
    transaction.handleTimeout(outbox, transaction.nextTimeout());
    transaction.cancel();
    assertThat(transaction.isCancelled()).isTrue();
    assertThat(transaction.nextTimeout()).isEqualTo(START + 39_500 * MS);
    assertThat(transaction.handleTimeout(outbox, START + 39_499 * MS)).isTrue();
    assertThat(transaction.handleTimeout(outbox, START + 39_500 * MS)).isFalse();
    assertThat(outbox.sent).hasSize(2);
  }

  @Test
  void cancelledBeforeItsStartItIsStillSentOnce() {
    ClientTransaction transaction =
        new ClientTransaction(UDP, request(), Retransmission.DEFAULT, 500 * MS);
    assertThat(transaction.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
    transaction.cancel();
    transaction.cancel();
    assertThat(transaction.nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  void requestIsCopied() {
    ByteBuffer bytes = request();
    ClientTransaction transaction =
        new ClientTransaction(UDP, bytes, Retransmission.DEFAULT, 500 * MS);
    bytes.put(0, (byte) 0xFF);
    assertThat(transaction.request()).isEqualTo(request());
    assertThat(transaction.id()).isEqualTo(ID);
    assertThat(transaction.path()).isEqualTo(UDP);
  }

  @Test
  void startingTwiceAndImpossibleTimesAreMistakes() {
    ClientTransaction transaction =
        new ClientTransaction(UDP, request(), Retransmission.DEFAULT, 500 * MS);
    transaction.start(outbox, START);
    assertThatThrownBy(() -> transaction.start(outbox, START))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> new ClientTransaction(UDP, request(), Retransmission.DEFAULT, 0))
        .hasMessageContaining("RTO");
    Duration second = Duration.ofSeconds(1);
    assertThatThrownBy(() -> new Retransmission(Duration.ZERO, 7, 16, second))
        .hasMessageContaining("initialRto");
    assertThatThrownBy(() -> new Retransmission(second, 0, 16, second))
        .hasMessageContaining("requestCount");
    assertThatThrownBy(() -> new Retransmission(second, 7, 0, second))
        .hasMessageContaining("lastWait");
    assertThatThrownBy(() -> new Retransmission(second, 7, 16, Duration.ZERO))
        .hasMessageContaining("streamTimeout");
  }

  @Test
  @Tag("STUN-1270")
  void countedTransmissionsSayWhichTheyAreAndStaySealed() {
    IntegrityKey key = IntegrityKey.shortTerm("pass");
    ByteBuffer request = StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(200))
        .put(AttributeType.TRANSACTION_TRANSMIT_COUNTER, TransmitCounts.FIRST)
        .integrity(key)
        .integritySha256(key)
        .fingerprint()
        .finish();
    ClientTransaction transaction =
        ClientTransaction.counting(UDP, request, Retransmission.DEFAULT, 500 * MS, key);
    run(transaction);
    assertThat(outbox.sent.get(0)).isEqualTo(request);
    for (int i = 0; i < 7; i++) {
      StunMessage sent = outbox.message(i);
      assertThat(sent.intValue(AttributeType.TRANSACTION_TRANSMIT_COUNTER, 0))
          .isEqualTo(i + 1 << 8);
      assertThat(sent.verifyIntegrity(key)).isTrue();
      assertThat(sent.get(AttributeType.MESSAGE_INTEGRITY)).isNotNull();
      assertThat(sent.hasValidFingerprint()).isTrue();
    }
    StunMessage response =
        StunMessage.tryParse(StunBuilder.success(Method.BINDING, ID, ByteBuffer.allocate(100))
            .put(AttributeType.TRANSACTION_TRANSMIT_COUNTER, TransmitCounts.of(2, 1))
            .finish());
    assertThat(transaction.roundTrip(response, START + 700 * MS)).isEqualTo(200 * MS);
  }

  @Test
  @Tag("STUN-0420")
  void roundTripOfARequestSentTwiceIsUnknown() {
    ClientTransaction transaction =
        new ClientTransaction(UDP, request(), Retransmission.DEFAULT, 500 * MS);
    StunMessage response = StunMessage.tryParse(
        StunBuilder.success(Method.BINDING, ID, ByteBuffer.allocate(100)).finish());
    transaction.start(outbox, START);
    assertThat(transaction.roundTrip(response, START + 20 * MS)).isEqualTo(20 * MS);
    transaction.handleTimeout(outbox, START + 500 * MS);
    assertThat(transaction.roundTrip(response, START + 520 * MS)).isEqualTo(-1);
  }

  @Test
  @Tag("STUN-0420")
  void timeoutIsEstimatedFromRoundTripsAsRfc6298Says() {
    IpAddress server = IpAddress.parse("198.51.100.1");
    RoundTripTimes times = new RoundTripTimes(Duration.ofMillis(10));
    assertThat(times.rto(server, 0)).isEqualTo(10 * MS);
    times.measured(server, 100 * MS, 0);
    assertThat(times.rto(server, 0)).isEqualTo((100 + 4 * 50) * MS);
    times.measured(server, 100 * MS, 0);
    assertThat(times.rto(server, 0)).as("37.5 rounded up to 1 ms").isEqualTo((100 + 150) * MS);
    times.measured(server, 140 * MS, 0);
    // variation 3/4 × 37.5 + 1/4 × 40 = 38.125; smoothed 105; rounded up to a millisecond
    assertThat(times.rto(server, 0)).isEqualTo(258 * MS);
    assertThat(times.rto(IpAddress.parse("198.51.100.2"), 0))
        .as("another server")
        .isEqualTo(10 * MS);
  }

  @Test
  @Tag("STUN-0420")
  void timeoutIsAMillisecondOverRoundTripsThatNeverVary() {
    IpAddress server = IpAddress.parse("198.51.100.1");
    RoundTripTimes times = new RoundTripTimes(Duration.ofMillis(10));
    for (int i = 0; i < 200; i++) {
      times.measured(server, 100 * MS, 0);
    }
    assertThat(times.rto(server, 0)).isEqualTo(101 * MS);
  }

  @Test
  @Tag("STUN-0420")
  void estimateIsForgottenTenMinutesAfterTheLastTransaction() {
    IpAddress server = IpAddress.parse("198.51.100.1");
    RoundTripTimes times = new RoundTripTimes(Duration.ofMillis(500));
    long minute = 60_000 * MS;
    times.measured(server, 1000 * MS, 0);
    assertThat(times.rto(server, 9 * minute)).isEqualTo(3000 * MS);
    assertThat(times.rto(server, 18 * minute)).as("a transaction at 9").isEqualTo(3000 * MS);
    assertThat(times.rto(server, 28 * minute)).isEqualTo(500 * MS);
  }

  @Test
  void estimatesAreBoundedInValueAndNumber() {
    RoundTripTimes times = new RoundTripTimes(Duration.ofMillis(500));
    IpAddress first = IpAddress.ofIpv4(1);
    times.measured(first, 20 * MS, 0);
    assertThat(times.rto(first, 0)).as("never under the initial value").isEqualTo(500 * MS);
    times.measured(first, 3_600_000 * MS, 0);
    assertThat(times.rto(first, 0)).isEqualTo(60_000 * MS);
    for (int i = 2; i < 1000; i++) {
      times.measured(IpAddress.ofIpv4(i), 1000 * MS, 0);
    }
    assertThat(times.rto(first, 0)).as("forgotten").isEqualTo(500 * MS);
    assertThat(times.rto(IpAddress.ofIpv4(999), 0)).isEqualTo(3000 * MS);
  }
}

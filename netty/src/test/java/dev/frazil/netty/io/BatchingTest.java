package dev.frazil.netty.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

/** An event loop in virtual time, to which datagrams come as a rule says. */
class BatchingTest {
  private static final long MICROSECOND = 1_000;
  private static final long SECOND = 1_000_000_000;
  private static final long NAP = 450 * MICROSECOND;
  private static final long WORK = 5 * MICROSECOND;
  private static final int MOST_IN_A_ROUND = 64;

  private final Batching batching = new Batching(NAP);
  private long now;
  private long came;
  private long done;
  private long rounds;
  private long naps;
  private long longestStay;

  /** Runs for a second; the rule tells how many datagrams have come by a time, given how many were answered. */
  private void run(LongUnaryOperator comeBy) {
    long end = now + SECOND;
    long waitingSince = now;
    long answer = 0;
    while (now < end) {
      long arrived = comeBy.applyAsLong(now);
      if (arrived == done && answer != Batching.LOOK_AGAIN) {
        now += MICROSECOND; // epoll waits
        waitingSince = now;
        continue;
      }
      longestStay = arrived == done ? longestStay : Math.max(longestStay, now - waitingSince);
      int batch = (int) Math.min(MOST_IN_A_ROUND, arrived - done);
      now += batch * WORK + MICROSECOND;
      done += batch;
      waitingSince = now;
      rounds++;
      answer = batching.afterRound(batch, now);
      if (answer > 0) {
        naps++;
        now += answer;
      }
    }
    came = comeBy.applyAsLong(now);
  }

  private static LongUnaryOperator everySecond(long datagrams) {
    return time -> time / 1000 * datagrams / 1_000_000;
  }

  @Test
  void datagramsOfManyClientsAreCollected() {
    run(everySecond(50_000));
    assertThat(naps).isGreaterThan(1000);
    assertThat(done / (double) naps).isGreaterThan(20);
    assertThat(came - done).isLessThan(100);
    assertThat(longestStay).isLessThan(NAP + 400 * MICROSECOND);
  }

  @Test
  void whatComesAloneDoesNotWait() {
    run(everySecond(4_000));
    assertThat(naps).isZero();
    assertThat(rounds).isGreaterThan(3_900);
  }

  @Test
  void napsEndWhenLittleComes() {
    run(everySecond(50_000));
    naps = 0;
    long before = everySecond(50_000).applyAsLong(now);
    long since = now;
    run(time -> before + (time - since) / (2_000 * MICROSECOND));
    assertThat(naps).isLessThan(10);
  }

  @Test
  void whoHasMoreToDoThanTimeDoesNotNap() {
    run(everySecond(400_000));
    long most = SECOND / (MOST_IN_A_ROUND * WORK + MICROSECOND) * MOST_IN_A_ROUND;
    assertThat(done).isGreaterThan(most * 95 / 100);
  }

  @Test
  void clientsThatWaitForAnswersAreNotSlowedDown() {
    int window = 12; // together; each answer brings the next request after 20 µs
    run(time -> done + (rounds == 0 || time - lastAnswer() >= 20 * MICROSECOND ? window : 0));
    long most = SECOND / (window * WORK + 21 * MICROSECOND) * window;
    assertThat(done).isGreaterThan(most * 80 / 100);
  }

  private long answeredAt;
  private long answeredRounds;

  private long lastAnswer() {
    if (answeredRounds != rounds) {
      answeredRounds = rounds;
      answeredAt = now;
    }
    return answeredAt;
  }
}

package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BurstTest {
  private static String text(ByteBuffer payload) {
    return StandardCharsets.US_ASCII.decode(payload.duplicate()).toString();
  }

  private static ByteBuffer payload(String text) {
    return StandardCharsets.US_ASCII.encode(text);
  }

  @Test
  void payloadsAreNumberedAndPadded() {
    Burst burst = new Burst(41, 2);
    assertThat(text(burst.next(16))).isEqualTo("ping00000041....");
    assertThat(text(burst.next(12))).isEqualTo("ping00000042");
    assertThat(burst.isSent()).isTrue();
  }

  @Test
  void pongIsThePingWithFourOtherBytes() {
    ByteBuffer ping = payload("pingHello").asReadOnlyBuffer();
    assertThat(Burst.isPing(ping)).isTrue();
    assertThat(text(Burst.pong(ping))).isEqualTo("pongHello");
    assertThat(ping.remaining()).isEqualTo(9);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "pin", "pong", "data00000001"})
  void otherPayloadsAreNoPing(String text) {
    assertThat(Burst.isPing(payload(text))).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "pong", "pong0000001", "pong0000001x....", "ping00000001"})
  void otherPayloadsHaveNoPongNumber(String text) {
    assertThat(Burst.pongNumber(payload(text))).isNegative();
  }

  @Test
  void returnsCountOnceAndOnlyIfSent() {
    Burst burst = new Burst(10, 3);
    burst.next(12);
    burst.next(12);
    burst.handleReturn(9, 1);
    burst.handleReturn(12, 1);
    assertThat(burst.returned()).isZero();
    assertThat(burst.firstMillis()).isNull();
    burst.handleReturn(11, 5);
    burst.handleReturn(11, 6);
    assertThat(burst.returned()).isEqualTo(1);
    assertThat(burst.firstMillis()).isEqualTo(5);
    burst.next(12);
    burst.handleReturn(10, 7);
    assertThat(burst.isComplete()).isFalse();
    burst.handleReturn(12, 8);
    assertThat(burst.isComplete()).isTrue();
    assertThat(burst.firstMillis()).isEqualTo(5);
  }

  @Test
  void numberSurvivesTheRoundTrip() {
    assertThat(Burst.pongNumber(Burst.pong(new Burst(99_999_999, 1).next(64))))
        .isEqualTo(99_999_999);
  }
}

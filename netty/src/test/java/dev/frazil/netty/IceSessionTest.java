package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.SendResult;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class IceSessionTest {
  private static IceRuntime runtime;

  @BeforeAll
  static void open() {
    runtime = IceRuntime.create();
  }

  @AfterAll
  static void close() {
    runtime.close();
  }

  @Test
  void twoSessionsConnectAndExchangePayloads() throws Exception {
    try (Pair pair = new Pair(runtime, UnaryOperator.identity()).connect()) {
      ByteBuffer payload = ByteBuffer.wrap("hello".getBytes(StandardCharsets.UTF_8));
      assertThat(pair.left.send(payload)).isEqualTo(SendResult.SENT);
      ByteBuffer into = ByteBuffer.allocate(100);
      assertThat(pair.right.receive(into, Duration.ofSeconds(30))).isEqualTo(5);
    }
  }
}

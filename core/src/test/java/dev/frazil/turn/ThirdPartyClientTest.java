package dev.frazil.turn;

import static dev.frazil.turn.TurnHarness.PEER;
import static dev.frazil.turn.TurnHarness.SECOND;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ClientAuthentication.ThirdPartyToken;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.TurnEvent.Allocated;
import dev.frazil.turn.TurnEvent.Expiring;
import dev.frazil.turn.TurnEvent.Lost;
import dev.frazil.turn.TurnEvent.TokenWanted;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Tokens of an authorization server (RFC 7635), as the client shows them. */
class ThirdPartyClientTest {
  private static final String SERVER_NAME = "turn.example.org";

  private static ThirdPartyToken token(int number) {
    byte[] key = new byte[20];
    key[0] = (byte) number;
    ByteBuffer token = ByteBuffer.wrap(("token " + number).getBytes(UTF_8));
    return new ThirdPartyToken("kid-" + number, token, ByteBuffer.wrap(key));
  }

  private static TurnConfiguration.Builder settings() {
    return TurnConfiguration.builder(new Random(1));
  }

  private static UnaryOperator<StunBuilder> challenge(String nonce) {
    return builder -> builder
        .put(AttributeType.REALM, "example.org")
        .put(AttributeType.NONCE, nonce)
        .put(AttributeType.THIRD_PARTY_AUTHORIZATION, ByteBuffer.wrap(SERVER_NAME.getBytes(UTF_8)));
  }

  /** The server signs its answers with the key of the token that it was last told. */
  private static void accept(TurnHarness harness, int method, int number) {
    IntegrityKey key = IntegrityKey.ofBytes(bytes(token(number).key()));
    harness.server.answerAnybody(method, 0, builder -> {
      if (method == Method.ALLOCATE) {
        harness.server.granted(builder, TurnHarness.PATH);
      } else if (method == Method.REFRESH) {
        builder.put(AttributeType.LIFETIME, 600);
      }
      return builder.integrity(key);
    });
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  private static void requireSignedBy(StunMessage request, int number) {
    assertThat(request.get(AttributeType.USERNAME)).isEqualTo("kid-" + number);
    assertThat(request.get(AttributeType.ACCESS_TOKEN)).isEqualTo(token(number).token());
    assertThat(request.get(AttributeType.REALM)).isEqualTo("example.org");
    assertThat(request.has(AttributeType.NONCE)).isTrue();
    assertThat(request.has(AttributeType.MESSAGE_INTEGRITY)).isTrue();
    assertThat(request.verifyIntegrity(IntegrityKey.ofBytes(bytes(token(number).key()))))
        .isTrue();
  }

  private static TurnHarness allocated() {
    TurnHarness harness = new TurnHarness(settings().accessToken(token(1)).build());
    harness.server.answerAnybody(Method.ALLOCATE, 401, challenge("nonce-1"));
    accept(harness, Method.ALLOCATE, 1);
    harness.start();
    harness.run(SECOND);
    assertThat(harness.events(Allocated.class)).hasSize(1);
    return harness;
  }

  @Test
  @Tag("TURN-1710")
  void requestShowsTheTokenAndIsSignedWithItsKey() {
    TurnHarness harness = allocated();
    assertThat(harness.asked(Method.ALLOCATE)).hasSize(2);
    assertThat(harness.asked(Method.ALLOCATE).get(0).has(AttributeType.ACCESS_TOKEN))
        .isFalse();
    requireSignedBy(harness.last(Method.ALLOCATE), 1);
  }

  @Test
  @Tag("TURN-1710")
  void tokenIsAskedForWhereTheServerWantsOne() {
    TurnHarness harness = new TurnHarness(settings().build());
    harness.server.answerAnybody(Method.ALLOCATE, 401, challenge("nonce-1"));
    harness.start();
    assertThat(harness.await(TokenWanted.class).server()).isEqualTo(SERVER_NAME);
    harness.run(5 * SECOND);
    assertThat(harness.events(TurnEvent.Refused.class)).isEmpty();
    harness.server.answerAnybody(Method.ALLOCATE, 401, challenge("nonce-2"));
    accept(harness, Method.ALLOCATE, 1);
    harness.call(now -> harness.allocation.setAccessToken(token(1), now));
    harness.await(Allocated.class);
    requireSignedBy(harness.last(Method.ALLOCATE), 1);
  }

  @Test
  @Tag("TURN-1710")
  void newerTokenIsUsedFromTheNextRequestOn() {
    TurnHarness harness = allocated();
    harness.call(now -> harness.allocation.setAccessToken(token(2), now));
    accept(harness, Method.REFRESH, 2);
    harness.run(Duration.ofMinutes(6));
    requireSignedBy(harness.last(Method.REFRESH), 2);
    assertThat(harness.events(Expiring.class)).isEmpty();
  }

  @Test
  @Tag("TURN-1710")
  void tokenThatHasExpiredIsReplacedBeforeTheAllocationIsLost() {
    TurnHarness harness = allocated();
    harness.server.answerAnybody(Method.REFRESH, 401, challenge("nonce-2"));
    harness.await(TokenWanted.class);
    assertThat(harness.events(Expiring.class)).hasSize(1);
    harness.server.answerAnybody(Method.CREATE_PERMISSION, 401, challenge("nonce-3"));
    harness.permit(PEER);
    harness.run(30 * SECOND);
    assertThat(harness.events(TokenWanted.class)).as("asked for once").hasSize(1);
    accept(harness, Method.REFRESH, 2);
    accept(harness, Method.CREATE_PERMISSION, 2);
    harness.call(now -> harness.allocation.setAccessToken(token(2), now));
    harness.run(SECOND);
    requireSignedBy(harness.last(Method.REFRESH), 2);
    assertThat(harness.events(TurnEvent.PermissionInstalled.class)).hasSize(1);
    accept(harness, Method.REFRESH, 2);
    accept(harness, Method.CREATE_PERMISSION, 2);
    accept(harness, Method.CREATE_PERMISSION, 2);
    accept(harness, Method.CREATE_PERMISSION, 2);
    harness.run(Duration.ofMinutes(6));
    assertThat(harness.events(Lost.class)).isEmpty();
  }

  @Test
  @Tag("TURN-1710")
  void staleNonceIsReplaced() {
    TurnHarness harness = allocated();
    harness.server.answerAnybody(Method.REFRESH, 438, challenge("nonce-2"));
    accept(harness, Method.REFRESH, 1);
    harness.run(Duration.ofMinutes(6));
    assertThat(harness.asked(Method.REFRESH)).hasSize(2);
    assertThat(harness.last(Method.REFRESH).get(AttributeType.NONCE)).isEqualTo("nonce-2");
  }

  @Test
  @Tag("TURN-1710")
  void answerOfAnotherKeyIsNotBelieved() {
    TurnHarness harness = allocated();
    accept(harness, Method.REFRESH, 9);
    harness.run(Duration.ofMinutes(6));
    assertThat(harness.sent.stream()
            .filter(sent -> sent.message() != null && sent.message().method() == Method.REFRESH)
            .count())
        .isGreaterThan(1);
  }

  @Test
  void tokenThatDoesNotFitIsAMistakeAndNoneIsShown() {
    ByteBuffer key = ByteBuffer.allocate(20);
    assertThatThrownBy(() -> new ThirdPartyToken("kid", ByteBuffer.allocate(901), key))
        .hasMessageContaining("901");
    assertThatThrownBy(
            () -> new ThirdPartyToken("kid", ByteBuffer.allocate(1), ByteBuffer.allocate(3)))
        .hasMessageContaining("key of 3 bytes");
    assertThatThrownBy(() -> new ThirdPartyToken("k".repeat(509), ByteBuffer.allocate(1), key))
        .hasMessageContaining("keyId");
    assertThat(token(1)).hasToString("ThirdPartyToken[keyId=kid-1]");
    assertThatThrownBy(() -> TurnHarness.settings().accessToken(token(1)).build())
        .hasMessageContaining("accessToken");
  }
}

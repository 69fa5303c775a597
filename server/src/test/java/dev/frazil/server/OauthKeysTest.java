package dev.frazil.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.stun.AttributeType;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.junit.jupiter.api.Test;

class OauthKeysTest {
  private static final String KEY = "AAECAwQFBgcICQoLDA0ODw==";

  @Test
  void keyIsGoodUntilItsExpiry() {
    OauthKeys early = new OauthKeys(InstantSource.fixed(Instant.parse("2026-12-31T23:59:59Z")));
    OauthKeys late = new OauthKeys(InstantSource.fixed(Instant.parse("2027-01-01T00:00:00Z")));
    for (OauthKeys keys : List.of(early, late)) {
      keys.add("one:" + KEY + ":2027-01-01T00:00:00Z");
      keys.add("two:" + KEY);
    }
    assertThat(early.apply("one")).hasSize(16);
    assertThat(late.apply("one")).isNull();
    assertThat(late.apply("two")).hasSize(16);
    assertThat(late.apply("three")).isNull();
  }

  @Test
  void clientsAreToldWhatToShowToTheirAuthorizationServer() throws Exception {
    ServerConfiguration configuration = new Settings()
        .set(Setting.LISTEN, List.of("127.0.0.1:0"))
        .set(Setting.OAUTH_KEY, List.of("one:" + KEY))
        .set(Setting.OAUTH_SERVER_NAME, List.of("turn.example.org"))
        .build();
    assertThat(configuration.relays()).isTrue();
    try (FrazilServer server = FrazilServer.start(configuration);
        TestClient client = new TestClient(server, new LongTermCredential("nobody", "nothing"))) {
      StunMessage challenge =
          client.once(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17));
      assertThat(TestClient.code(challenge)).isEqualTo(401);
      assertThat(UTF_8
              .decode(challenge.get(AttributeType.THIRD_PARTY_AUTHORIZATION))
              .toString())
          .isEqualTo("turn.example.org");
    }
  }
}
